"""A run by arrivals that never happened: 10/s, calls of 10 s, some of them dropped, one late, one cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loadkit.runs import RunFolder, RunWriter
from tests.synthetic import STARTED_AT, call_row, figures_row, run_document

SECONDS = 40
#: Of each ten arrivals this one is dropped.
DROPPED = 7
LATE, CUT_OFF = 12, 398

FACTS: dict[str, Any] = {
    "rate": "10/s",
    "stages": False,
    "kind": "constant",
    "call_duration": "10s",
    "mean_call_duration_s": 10.0,
    "offered_erlang": 100.0,
    "offered_erlang_peak": 100.0,
    "max_concurrent": 95,
    "seed": 7,
    "began_at": STARTED_AT,
}


def arriving_run(
    reports_dir: Path, run_id: str = "arriving", *, killed: bool = False, **facts: Any
) -> RunFolder:
    """Raw files of 40 s; a killed run lacks its end and its last second."""
    folder = RunFolder.create(reports_dir, run_id)
    writer = RunWriter(folder)
    for number in range(10 * SECONDS):
        if number % 10 == DROPPED or number == CUT_OFF:
            continue
        row = call_row(number, arrival=number)
        if number == LATE:
            row.update(start_delay_ms=250.0, started_at=row["intended_at"] + 0.25)
        writer.write_call(row)
    for second in range(SECONDS - killed):
        writer.write_arrivals(
            {
                "at": STARTED_AT + second + 1,
                "second": second,
                "intended": 10,
                "dropped_max_concurrent": 1,
                "dropped_no_engine": 0,
            }
        )
        writer.write_figures(figures_row(second))
    run = run_document(run_id=run_id, ended_at=STARTED_AT + SECONDS, arrivals={**FACTS, **facts})
    if killed:
        del run["ended_at"], run["ended_by"]
    writer.write_run(run)
    writer.close()
    return folder
