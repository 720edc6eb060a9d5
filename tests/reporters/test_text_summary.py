from __future__ import annotations

from pathlib import Path

from loadkit.reporters import text_summary, write_reports
from tests.synthetic import clean_run, troubled_run, write_run_folder


def test_a_clean_run_in_ten_lines(tmp_path: Path) -> None:
    folder = clean_run(tmp_path, 50)
    lines = text_summary(write_reports(folder), folder.report).splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == [
        "run",
        "calls",
        "failed",
        "set-up",
        "worst stage",
        "turn latency",
        "media",
        "quality",
        "generator",
        "verdict",
        "report",
    ]
    assert lines[2].endswith("none")
    assert "PASS: None of 50 calls failed" in lines[9]
    assert lines[10].endswith("report.html")


def test_hostile_codes_reach_no_terminal_as_they_are(tmp_path: Path) -> None:
    text = text_summary(write_reports(troubled_run(tmp_path)))
    assert "\x1b" not in text
    assert "ANSWER_TIMEOUT 75" in text
    assert "4 more codes" in text
    assert "NOT FIT" in text
    assert "why not fit   Engine " in text
    assert "1 worker lost" in text


def test_an_empty_run_says_that_it_has_no_data(tmp_path: Path) -> None:
    text = text_summary(write_reports(write_run_folder(tmp_path, [], run={})))
    assert "NO DATA: No call was recorded." in text
    assert "set-up        not measured" in text
    assert "end not recorded" in text


def test_an_insecure_run_says_so_in_its_second_line(tmp_path: Path) -> None:
    summary = write_reports(write_run_folder(tmp_path, [], run={"settings": {"tls_insecure": True}}))
    assert summary["run"]["tls_insecure"] is True
    assert text_summary(summary).splitlines()[1] == (
        "insecure      certificates were not verified (--tls-insecure): whoever answered was taken for the gateway"
    )
