"""The page of a search for a limit: in words, and in a real Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from loadkit.reporters.capacity_report import DOCUMENT, PAGE, capacity_page, write_capacity
from loadkit.reporters.charts_of_capacity import capacity_pictures
from tests.interop.chromium import PATIENCE_MS, quiet_chromium, where_chromium_is

HOSTILE = "</script><img src=x onerror=window.pwned=1>"


def step(
    number: int, load: float, outcome: str, failed: float, setup: float | None, **changes: Any
) -> dict[str, Any]:
    checks = [
        {"slo": "failed < 1%", "value": failed, "count": 30, "passed": failed < 0.01},
        {"slo": "setup_ms p95 < 800 ms", "value": setup, "count": 30 if setup else 3,
         "passed": None if setup is None else setup < 800},
    ]  # fmt: skip
    return {
        "number": number,
        "run": f"step-{number:02d}-{load:g}",
        "started_at": 1773651600.0 + number,
        "load": load,
        "carried": load - 0.2,
        "concurrent": load - 0.2,
        "hold_s": 30.0,
        "outcome": outcome,
        "calls": 30,
        "failed": round(30 * failed),
        "errors": {HOSTILE: 2} if failed else {},
        "checks": checks,
        "generator_fit": outcome != "unfit",
        "reasons": [],
        "exit_code": 0,
        **changes,
    }


def document(steps: list[dict[str, Any]], **result: Any) -> dict[str, Any]:
    usual = {
        "ending": "found",
        "low": 20.0,
        "high": 21.0,
        "high_is": "broken",
        "unsure": False,
        "sure_low": 20.0,
        "sure_high": 21.0,
        "carried": 19.8,
        "at_least_reached": None,
        "sentence": "20 calls held, 21 calls did not.",
        "exit_code": 0,
    }
    return {
        "version": 1,
        "capacity_id": "capacity-1",
        "started_at": 1773651600.0,
        "ended_at": 1773652200.0,
        "duration_s": 600.0,
        "host": HOSTILE,
        "command": ["python", "-m", "loadkit", "capacity", HOSTILE],
        "by": "calls",
        "unit": "calls",
        "slo": [
            {"text": "failed < 1%", "subject": "failed", "operator": "<", "limit": 0.01, "unit": "%"},
            {
                "text": "setup_ms p95 < 800 ms",
                "subject": "setup_ms p95",
                "operator": "<",
                "limit": 800.0,
                "unit": "ms",
            },
        ],
        "search": {"start": 10.0, "at_least": None},
        "steps": steps,
        "result": {**usual, **result},
    }


FOUND = document(
    [
        step(1, 10, "held", 0.0, 120.0),
        step(2, 40, "broken", 0.3, 15_000.0),
        step(3, 20, "held", 0.0, 300.0),
        step(4, 21, "broken", 0.02, 790.0),
        step(5, 30, "unfit", 0.0, None, reasons=["An engine was late."]),
    ]
)
EMPTY = document(
    [], ending="interrupted", low=None, high=None, high_is=None, sure_low=None, sure_high=None, carried=None
)


def values(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Every row of every data set of a picture."""
    found = list(spec.get("datasets", {}).values())
    found += [layer["data"]["values"] for layer in _layers(spec) if "values" in layer.get("data", {})]
    return [row for rows in found for row in rows]


def _layers(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield spec
    for layer in spec.get("layer", []):
        yield from _layers(layer)


def test_each_threshold_has_a_picture_with_its_points_its_limit_and_the_border() -> None:
    failed, setup = capacity_pictures(FOUND)
    assert [failed.title, setup.title] == ["failed < 1%", "setup_ms p95 < 800 ms"]
    assert failed.spec is not None
    assert setup.spec is not None
    points = {(row["step"], row["value"], row["told"]) for row in values(setup.spec) if "told" in row}
    # Of step 5 nothing was measured: it has no point, rather than one at 0.
    assert points == {(1, 120.0, "holds"), (2, 15_000.0, "broken"), (3, 300.0, "holds"), (4, 790.0, "holds")}
    assert {(row["step"], row["told"]) for row in values(failed.spec) if "told" in row} >= {
        (2, "broken"),
        (5, "generator not fit"),
    }
    words = {row["text"] for row in values(setup.spec) if "text" in row}
    assert words == {"limit < 800 ms", "20 held"}
    assert "limit < 1%" in {row.get("text") for row in values(failed.spec)}
    assert {"load": 20.0, "to": 21.0} in values(setup.spec)
    assert '"type": "log"' in json.dumps(setup.spec)
    assert '"tickMinStep": 1' in json.dumps(setup.spec), "an axis of calls shows parts of a call"


def test_the_generator_s_limit_is_marked_as_its_own() -> None:
    (failed, _) = capacity_pictures(document(FOUND["steps"], high=30.0, high_is="unfit", ending="generator"))
    assert failed.spec is not None
    assert "generator's limit" in {row.get("text") for row in values(failed.spec)}


@pytest.mark.parametrize(
    ("result", "lies"),
    [
        ({}, "20 to 21"),
        # Above what a generator could place, or what was allowed, the gateway's limit may be anywhere.
        ({"high_is": "unfit", "ending": "generator"}, "from 20 on"),
        ({"high": None, "sure_high": None, "ending": "ceiling"}, "from 20 on"),
    ],
)
def test_where_the_gateway_s_limit_lies_is_told_no_closer_than_it_is_known(
    result: dict[str, Any], lies: str
) -> None:
    assert f">{lies}</div>" in capacity_page(document(FOUND["steps"], **result))


@pytest.mark.parametrize(
    ("result", "headline"),
    [
        ({}, "Limit found"),
        ({"ending": "generator", "high_is": "unfit"}, "The generator was the limit"),
        ({"ending": "ceiling", "high": None}, "No limit found up to the highest load allowed"),
        ({"ending": "not even one", "low": None}, "Not even the least load held"),
        ({"ending": "unreachable"}, "Ended early: the gateway does not answer"),
    ],
)
def test_the_headline_says_how_it_ended(result: dict[str, Any], headline: str) -> None:
    assert f"<strong>{headline}</strong>" in capacity_page(document(FOUND["steps"], **result))


def test_a_load_to_reach_is_the_headline() -> None:
    told = document(FOUND["steps"], at_least_reached=False)
    told["search"]["at_least"] = 25.0
    assert "<strong>Not reached: 25 calls</strong>" in capacity_page(told)


def test_what_a_gateway_sent_is_shown_and_never_run(tmp_path: Path) -> None:
    page = capacity_page(FOUND)
    assert HOSTILE not in page
    assert "&lt;/script&gt;&lt;img src=x onerror=window.pwned=1&gt; 2" in page


def test_both_files_are_written(tmp_path: Path) -> None:
    write_capacity(tmp_path, EMPTY)
    assert json.loads((tmp_path / DOCUMENT).read_text(encoding="utf-8")) == EMPTY
    assert "No step was run to its end." in (tmp_path / PAGE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with quiet_chromium() as browser:
        yield browser


@pytest.mark.browser
@where_chromium_is
@pytest.mark.parametrize(("told", "drawn"), [(FOUND, 2), (EMPTY, 0)], ids=["found", "empty"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_draws_without_a_complaint_or_a_request_and_fits_a_phone(
    browser: Browser, tmp_path: Path, told: dict[str, Any], drawn: int, width: int
) -> None:
    write_capacity(tmp_path, told)
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme="dark")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    address = (tmp_path / PAGE).as_uri()
    page.goto(address)
    page.wait_for_selector("html[data-drawn=yes]")
    assert complaints == []
    assert requests == [address]
    assert page.locator(".picture svg").count() == drawn
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("window.pwned") is None
    context.close()
