"""Real runs on the reference gateway with and without a planted slowdown, compared.

    python -m benchmarks.compare_runs [--seconds 60] [--keep FOLDER]

Three runs of the same load: a gateway whose answers take 200 ms, the same once more, and one whose answers take so
much longer that a call is set up a tenth later. The first comparison is to find nothing, the second to say *worse*.
About eleven calls at a time. A machine that is busy with other work makes the generator unfit, and the comparison is
refused.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: Run → milliseconds by which the gateway's answers come late. Set-up without it takes about 25 ms.
RUNS = {"before": 200, "again": 200, "slower": 222}


def main() -> int:
    """Place the runs and print both comparisons; returns 0 when both say what they should."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="length of each run")
    parser.add_argument("--keep", type=Path, help="folder for the runs; a temporary one when not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = options.keep or Path(temporary)
        for name, late_ms in RUNS.items():
            _run(folder.resolve(), name, late_ms, options.seconds)
        codes = {name: _compare(folder / "before", folder / name) for name in ("again", "slower")}
    print(f"exit codes: {codes}")
    return 0 if codes == {"again": 0, "slower": 1} else 1


def _run(folder: Path, name: str, late_ms: int, seconds: int) -> None:
    """One run against a gateway of its own."""
    command = [sys.executable, "-m", "loadkit", "gateway", "--until-stdin-closes"]
    command += ["--fault", f"late-answer by={late_ms}ms"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()
    ) as gateway:
        assert gateway.stdout is not None and gateway.stdin is not None
        url = json.loads(gateway.stdout.readline())["url"]
        load = ["--headless", "--only-summary", "--host", url, "-t", f"{seconds}s", "--loglevel", "WARNING"]
        load += ["--arrival-rate", "5/s", "--call-duration", "2", "--engines", "1"]
        load += ["--reports-dir", str(folder), "--run-id", name]
        locust = str(Path(sys.executable).with_name("locust"))
        subprocess.run(
            [locust, "-f", "locustfile.py", *load],
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            check=False,
        )
        gateway.stdin.close()


def _environment() -> dict[str, str]:
    return {**os.environ, "LOADKIT_AUTH_TOKEN": "a-token-of-a-benchmark", "PYTHONPATH": str(ROOT)}


def _compare(baseline: Path, run: Path) -> int:
    command = [sys.executable, "-m", "loadkit", "compare", str(baseline), str(run), "--write"]
    print(f"\npython -m loadkit compare {baseline.name} {run.name}\n", flush=True)
    return subprocess.run(command, env=_environment(), check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
