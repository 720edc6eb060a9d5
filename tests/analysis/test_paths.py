"""The paths of a run side by side."""

from __future__ import annotations

from pathlib import Path

from loadkit.analysis.paths import summarise_paths, worth_comparing
from loadkit.reporters import text_summary, write_reports
from loadkit.runs import RunFolder
from loadkit.runs.reader import read_calls
from tests.synthetic import call_row, failed_row, write_run_folder

RELAYED = {
    "ice_path": "relay-tls",
    "local_candidate_type": "relay",
    "relay_protocol": "tls",
    "relay_ms": 40.0,
}


def run_of(folder: Path) -> RunFolder:
    rows = [
        call_row(
            0, **RELAYED, remote_candidate_type="host", setup_ms=300.0, ice_ms=50.0, round_trip_time=0.03
        ),
        call_row(
            1, **RELAYED, remote_candidate_type="host", setup_ms=500.0, ice_ms=70.0, round_trip_time=0.05
        ),
        failed_row(2, "TURN_TLS", "ice") | {"ice_path": "relay-tls", "relay_protocol": None},
        call_row(
            3, remote_candidate_type="srflx", setup_ms=100.0, turn_error="no relay from turn:h: no answer"
        ),
    ]
    return write_run_folder(folder, rows)


def test_each_path_has_its_own_figures_in_the_order_of_the_option(tmp_path: Path) -> None:
    paths = summarise_paths(read_calls(run_of(tmp_path)))
    assert list(paths) == ["any", "relay-tls"]
    tls = paths["relay-tls"]
    assert (tls["calls"], tls["failed"], tls["errors"], tls["relayed"]) == (3, 1, {"TURN_TLS": 1}, 2)
    assert (tls["setup_ms"]["p50"], tls["ice_ms"]["p50"], tls["round_trip_time_ms"]["p50"]) == (400, 60, 40)
    assert tls["relay_ms"]["count"] == 2
    assert tls["pairs"] == {"relay/tls → host": 2}
    assert paths["any"]["pairs"] == {"host → srflx": 1}
    assert paths["any"]["without_relay"] == 1
    assert paths["any"]["relay_ms"]["p50"] is None


def test_paths_are_shown_when_there_is_something_to_compare(tmp_path: Path) -> None:
    both = run_of(tmp_path / "both")
    text = text_summary(write_reports(both))
    assert "relay-tls     3 calls, 1 failed (TURN_TLS 1), set-up p50 400 ms" in text
    page = both.report.read_text(encoding="utf-8")
    assert "Paths side by side" in page
    assert "1 call of the path any got no relay and went on without" in page
    one = write_run_folder(tmp_path / "one", [call_row(0), call_row(1)])
    assert "any  " not in text_summary(write_reports(one))
    assert "Paths side by side" not in one.report.read_text(encoding="utf-8")


def test_one_path_with_a_relay_is_shown(tmp_path: Path) -> None:
    relayed = read_calls(write_run_folder(tmp_path, [call_row(0, **RELAYED)]))
    assert worth_comparing(summarise_paths(relayed))


def test_records_of_older_versions_have_no_path(tmp_path: Path) -> None:
    calls = read_calls(write_run_folder(tmp_path, [call_row(0, ice_path=None)]))
    assert summarise_paths(calls) == {}
    assert not worth_comparing({})
