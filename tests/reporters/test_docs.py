from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from loadkit.analysis.percentiles import STATISTICS
from loadkit.reporters import write_reports
from loadkit.reporters.run_report import summary_of
from tests.arriving import arriving_run
from tests.reporters.record_page import PAGE, record_page
from tests.soaking import soak_run
from tests.synthetic import run_with_thresholds, troubled_run

SUMMARY_PAGE = Path(__file__).parents[2] / "docs" / "summary.md"
OPEN_ENDED = {
    "errors": "<code>",
    "failed_stages": "<stage>",
    "ice.pairs": "<pair>",
    "slo.failed_apart_errors": "<code>",
    "thresholds[].where": "<column>",
    "paths.<path>.errors": "<code>",
    "paths.<path>.pairs": "<pair>",
    "sessions.errors": "<reason>",
}


def keys_of(value: dict[str, Any], prefix: str = "") -> set[str]:
    """Dotted keys; a distribution counts as one."""
    found = set()
    for name, inner in value.items():
        path = f"{prefix}{name}"
        if prefix == "paths.":
            path = "paths.<path>"
        if prefix == "generator.processes.":
            path = "generator.processes.<name>"
        if path in OPEN_ENDED:
            found.add(f"{path}.{OPEN_ENDED[path]}")
        elif path == "thresholds":
            found |= keys_of(inner[0], "thresholds[].")
        elif not isinstance(inner, dict) or set(inner) == set(STATISTICS):
            found.add(path)
        else:
            found |= keys_of(inner, f"{path}.")
    return found


def test_the_page_names_every_key_of_a_real_summary_and_no_other(tmp_path: Path) -> None:
    summary = write_reports(troubled_run(tmp_path)) | {
        "traffic": write_reports(arriving_run(tmp_path))["traffic"],
        "sessions": write_reports(soak_run(tmp_path, minutes=1))["sessions"],
    }
    judged = summary_of(run_with_thresholds(tmp_path))
    summary |= {name: judged[name] for name in ("slo", "thresholds")}
    text = SUMMARY_PAGE.read_text(encoding="utf-8").partition("## Keys")[2]
    text = text.partition("## A row of")[0]
    documented = set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)) - {
        "worst_stage",
        "traffic",
        "traffic.steady",
        "sessions",
        "drift",
        "against_load",
    }
    assert keys_of(summary) == documented


def test_every_statistic_of_a_distribution_is_named() -> None:
    text = SUMMARY_PAGE.read_text(encoding="utf-8").partition("## Keys")[0]
    assert all(f"`{name}`" in text for name in STATISTICS)


def test_the_page_of_the_record_is_in_step_with_the_columns() -> None:
    assert PAGE.read_text(encoding="utf-8") == record_page(), "run: python -m tests.reporters.record_page"
