"""Three soaks against the reference gateway, one that leaks, one that slows down, one that is well: ``make soak``.

    python -m benchmarks.soak                       # 2 minutes each, under 7 in all
    python -m benchmarks.soak --minutes 10 --slowdown 30ms

The slowdown of the short form is 120 ms a minute: 1 ms a minute makes 2 ms in 2 minutes, and nobody finds that in
set-up times that vary by tens; ``docs/soak.md`` says what length finds 1 ms a minute. Ends with 0 when each run was
said to be what it is, 1 when one was said to be what it is not, 4 when one was too short to say: this machine is too
busy for so short a run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadkit.errors import ExitCode

ROOT = Path(__file__).resolve().parents[1]
RATE, CALL = "3/s", "1s"


@dataclass(frozen=True)
class Soak:
    """One run, and what is to be found in it."""

    name: str
    fault: str
    """As ``--fault`` takes it; empty for a gateway that is well."""
    measure: str | None
    """What must drift for the worse; None when nothing may."""


def soaks(slowdown: str, leak: str) -> list[Soak]:
    """All three."""
    return [
        Soak("leak", f"leak share={leak}", "sessions_unaccounted"),
        Soak("slowdown", f"slowdown per-minute={slowdown}", "setup_ms"),
        Soak("clean", "", None),
    ]


def run(soak: Soak, minutes: float, folder: Path) -> tuple[dict[str, Any], int]:
    """Its summary, and the exit code of the run.

    :raises SystemExit: it left no summary.
    """
    command = [str(Path(sys.executable).with_name("locust")), "-f", str(ROOT / "locustfile.py"), "--headless"]
    command += ["--arrival-rate", RATE, "--call-duration", CALL, "-t", f"{round(minutes * 60)}s"]
    command += ["--health-poll", "1s", "--fail-on-drift", "--only-summary", "--loglevel", "WARNING"]
    command += ["--reports-dir", str(folder), "--run-id", soak.name]
    print(f"{soak.name}: {soak.fault or 'nothing planted'}, {minutes:g} min ...", file=sys.stderr, flush=True)
    environment = {**os.environ, "LOADKIT_GATEWAY_FAULT": soak.fault}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    summary = folder / soak.name / "summary.json"
    if not summary.exists():
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        raise SystemExit(f"the soak {soak.name} left no summary; it ended with code {done.returncode}")
    return json.loads(summary.read_text(encoding="utf-8")), done.returncode


def judged(soak: Soak, drift: dict[str, Any]) -> str:
    """``right``, ``wrong`` or ``not said``."""
    worse = {row["measure"] for row in drift["measures"] if row["judged"] and row["direction"] == "worse"}
    if soak.measure is None:
        return "wrong" if worse else "right" if drift["status"] == "steady" else "not said"
    expected = {soak.measure, "sessions_left"} if soak.measure == "sessions_unaccounted" else {soak.measure}
    if worse & expected:
        return "right" if worse <= expected else "wrong"
    return "wrong" if worse or drift["status"] == "steady" else "not said"


def line(soak: Soak, summary: dict[str, Any], code: int, word: str) -> str:
    """A row of the table."""
    drift, sessions, late = summary["drift"], summary["sessions"], summary["generator"]["late_ms_p99"]
    setup = next((row for row in drift["measures"] if row["measure"] == "setup_ms"), None)
    told = "–" if setup is None or setup["first"] is None else f"{setup['first']:.0f} → {setup['last']:.0f}"
    cells = [soak.name, f"`{soak.fault}`" if soak.fault else "nothing", summary["calls"]["total"], told]
    cells += [sessions["left"], "–" if late is None else f"{late:g}", drift["status"], code, word]
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def main() -> int:
    """Run all three, print the table, and say whether each was right."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--slowdown", default="120ms")
    parser.add_argument("--leak", default="20%")
    arguments = parser.parse_args()
    folder = ROOT / "reports" / f"soak-{time.strftime('%Y%m%d-%H%M%S')}"
    lines, words, sentences = [], [], []
    for soak in soaks(arguments.slowdown, arguments.leak):
        summary, code = run(soak, arguments.minutes, folder)
        words.append(judged(soak, summary["drift"]))
        lines.append(line(soak, summary, code, words[-1]))
        sentences.append(f"{soak.name}: {summary['drift']['sentence']}")
    heads = (
        "soak",
        "planted",
        "calls",
        "set-up p50, ms",
        "sessions left",
        "late p99, ms",
        "drift",
        "exit code",
        "",
    )
    print(
        f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}",
        *lines,
        "",
        *sentences,
        f"reports: {folder}",
        sep="\n",
    )
    if "wrong" in words:
        return int(ExitCode.FAILED)
    return int(ExitCode.UNFIT) if "not said" in words else 0


if __name__ == "__main__":
    sys.exit(main())
