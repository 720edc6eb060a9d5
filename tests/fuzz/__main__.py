"""Fuzz every parser that reads the network, for a bounded time.

    python -m tests.fuzz [--seconds 60] [target …]          make fuzz FUZZ_SECONDS=600

Guided by coverage where ``atheris`` is installed (requirements-dev.txt), by chance elsewhere; the compiled module
always by chance, under sanitizers and held against loadkit/media. What is found is kept in tests/fuzz/findings, where
tests/fuzz/test_targets.py reads it again ever after, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FINDINGS = Path(__file__).parent / "findings"
NATIVE = "native"
#: libFuzzer and the sanitizers take their time to begin and to end.
_OVERTIME_S = 60.0


def main() -> int:
    """Fuzz; returns 1 when something was found."""
    guided = importlib.util.find_spec("atheris") is not None
    fuzz, names = _fuzzer(guided=guided)
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("target", nargs="*", default=names, help="those to fuzz; all of them")
    options = parser.parse_args()
    if unknown := set(options.target) - set(names):
        parser.error(f"there is no target {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    print("guided by coverage" if guided else "by chance: atheris is not installed", flush=True)
    deadline = time.monotonic() + options.seconds
    found = []
    for number, name in enumerate(options.target):
        share = max(1.0, (deadline - time.monotonic()) / (len(options.target) - number))
        found += _one(name, share, fuzz)
    for path in found:
        print(f"FOUND: {path.relative_to(ROOT)}")
    return 1 if found else 0


Fuzz = Callable[[str, float, Path], None]


def _fuzzer(*, guided: bool) -> tuple[Fuzz, list[str]]:
    """What fuzzes a target, and the targets."""
    # In this order: what is imported before atheris has no coverage.
    if guided:
        from tests.fuzz.guided import fuzz
    else:
        from tests.fuzz.unguided import fuzz
    from tests.fuzz.targets import TARGETS

    return fuzz, [*TARGETS, NATIVE]


def _one(name: str, seconds: float, fuzz: Fuzz) -> list[Path]:
    """Fuzz one target in a process of its own; returns what was found."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "found").mkdir()
        log = folder / "log"
        child = os.fork()
        if child == 0:
            _in_the_child(log, lambda: (_native if name == NATIVE else fuzz)(name, seconds, folder))
        code = _wait(child, seconds + _OVERTIME_S)
        output = log.read_text("utf-8", "replace")
        print(f"{name}: {_told(output)}", flush=True)
        if code == 0:
            return []
        print(output[-4000:], flush=True)
        # One that took all its time or memory may not have said at what.
        return [_keep(name, path) for path in sorted(folder.glob("found/*"))] or [Path(__file__)]


def _in_the_child(log: Path, work: Callable[[], None]) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    try:
        work()
    except BaseException:  # noqa: BLE001 - the child ends here, whatever it was
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)


def _wait(child: int, seconds: float) -> int:
    """The exit code of a child, which is ended when it takes longer; that of a signal is negative."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(child, 9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _native(_name: str, seconds: float, folder: Path) -> None:
    from loadkit.native.building import NotBuilt
    from tests.native.sanitized import sanitized_module

    try:
        module, environment = sanitized_module(folder)
    except NotBuilt as exc:
        print(f"left out: {exc}")
        return
    options = [str(module), f"{seconds:.1f}", str(folder / "found")]
    subprocess.run(
        [sys.executable, "-m", "tests.fuzz.native", *options], cwd=ROOT, env=environment, check=True
    )


def _told(output: str) -> str:
    """How many inputs were tried, or why none."""
    for line in reversed(output.splitlines()):
        if "number_of_executed_units" in line or line.startswith("tried "):
            return f"{int(line.split()[-1]):,} inputs"
        if line.startswith("left out"):
            return line
    return "no inputs were counted"


def _keep(name: str, path: Path) -> Path:
    kept = FINDINGS / name / path.name
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(path.read_bytes())
    return kept


if __name__ == "__main__":
    sys.exit(main())
