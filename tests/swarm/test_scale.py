"""A real master takes the records of many workers; ``benchmarks/scale_master.py`` does it with 100 of them."""

from __future__ import annotations

import argparse

from benchmarks.scale_master import measure
from loadkit.errors import ExitCode


def test_a_master_keeps_every_record_of_ten_workers() -> None:
    options = argparse.Namespace(workers=10, calls_per_second=20.0, engines=2, seconds=4.0)
    figures = measure(options)
    assert figures["records_kept"] == figures["records_sent"] > 0, figures["output"]
    assert figures["workers_lost"] == 0
    assert figures["exit_code"] == ExitCode.PASSED, figures["output"]
