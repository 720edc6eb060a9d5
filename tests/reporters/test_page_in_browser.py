"""The page in a real Chromium: it draws, asks nobody, obeys its own policy, and runs nothing that a gateway sent."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from loadkit.reporters import write_reports
from loadkit.runs import RunFolder
from tests.interop.chromium import PATIENCE_MS, needs_chromium, quiet_chromium
from tests.synthetic import STARTED_AT, clean_run, run_with_thresholds, troubled_run, write_run_folder

HOSTILE = "</script><img src=x onerror='window.pwned = 9'>"

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with quiet_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    reports = tmp_path_factory.mktemp("reports")
    folders = {
        "clean": clean_run(reports, 200),
        "troubled": troubled_run(reports),
        "empty": write_run_folder(reports, []),
        "marked": marked_run(reports),
    }
    for folder in folders.values():
        write_reports(folder)
    return folders


def marked_run(reports: Path) -> RunFolder:
    """A clean run with thresholds and two marks, one of them hostile."""
    folder = run_with_thresholds(reports, ("setup_ms p95 < 300 ms", "failed < 1%"), 60, "marked")
    run = json.loads(folder.run.read_text())
    run["marks"] = [{"at": STARTED_AT + 4, "text": "failover"}, {"at": STARTED_AT + 9, "text": HOSTILE}]
    folder.run.write_text(json.dumps(run))
    return folder


class Visit:
    """One opened page, and what it complained about or asked for."""

    def __init__(self, browser: Browser, folder: RunFolder, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(folder.report.as_uri())
        self.page.wait_for_selector("html[data-drawn=yes]")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["clean", "troubled", "empty"])
def test_the_page_draws_without_a_complaint_or_a_request(
    browser: Browser, runs: dict[str, RunFolder], name: str, theme: Any
) -> None:
    with Visit(browser, runs[name], color_scheme=theme) as visit:
        assert visit.complaints == []
        assert visit.requests == [runs[name].report.as_uri()]
        # What is in a split that is not chosen is drawn when it is.
        places = visit.page.locator(".picture").filter(visible=True)
        assert (
            places.count()
            == visit.page.locator(".picture svg").count()
            == {"clean": 16, "troubled": 17, "empty": 0}[name]
        )


def test_nothing_that_a_gateway_sent_was_run_not_even_under_the_mouse(
    browser: Browser, runs: dict[str, RunFolder]
) -> None:
    with Visit(browser, runs["troubled"], viewport={"width": 1280, "height": 900}) as visit:
        picture = visit.page.locator("#picture-error-codes")
        picture.scroll_into_view_if_needed()
        seen = set()
        for bar in picture.locator(".mark-rect path").all():
            bar.hover(force=True)
            visit.page.wait_for_selector("#tip", state="visible")
            seen.add(visit.page.locator("#tip dd").first.inner_text())
        assert "<img src=x onerror=window.pwned=6>" in seen
        assert visit.page.evaluate("window.pwned") is None
        assert visit.page.locator("#tip img").count() == 0
        assert visit.complaints == []


def test_the_page_s_policy_stops_what_would_slip_in(browser: Browser, runs: dict[str, RunFolder]) -> None:
    with Visit(browser, runs["clean"]) as visit:
        # The browser's own process tells of it, when it comes to it.
        with visit.page.expect_console_message(lambda message: "Content Security Policy" in message.text):
            visit.page.evaluate(
                """() => {
                    const script = document.createElement("script");
                    script.textContent = "window.pwned = 1";
                    document.body.append(script);
                    document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.pwned = 2'>");
                    return fetch("http://127.0.0.1:9/").catch(() => {});
                }"""
            )
        assert visit.page.evaluate("window.pwned") is None
        assert [url for url in visit.requests if url.startswith("http")] == []


@pytest.mark.parametrize("name", ["clean", "troubled", "empty"])
def test_a_phone_scrolls_only_downwards(browser: Browser, runs: dict[str, RunFolder], name: str) -> None:
    phone = {"viewport": {"width": 360, "height": 800}, "has_touch": True, "is_mobile": True}
    with Visit(browser, runs[name], **phone) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 360
        assert visit.complaints == []


def test_the_theme_is_the_reader_s_choice_and_paper_is_white(
    browser: Browser, runs: dict[str, RunFolder]
) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    with Visit(browser, runs["clean"], color_scheme="light") as visit:
        assert visit.page.evaluate(paper) == "rgb(255, 255, 255)"
        visit.page.get_by_role("button", name="Dark theme").click()
        assert visit.page.evaluate(paper) == "rgb(20, 23, 27)"
        visit.page.reload()
        assert visit.page.evaluate(paper) == "rgb(20, 23, 27)"
        visit.page.emulate_media(media="print")
        assert visit.page.evaluate(paper) == "rgb(255, 255, 255)"


def test_pictures_over_time_zoom_with_shift_and_leave_the_bare_wheel_to_the_page(
    browser: Browser, runs: dict[str, RunFolder]
) -> None:
    def labels() -> list[str]:
        found: list[str] = visit.page.locator("#picture-in-progress .role-axis-label text").all_inner_texts()
        return found

    with Visit(browser, runs["clean"], viewport={"width": 1280, "height": 900}) as visit:
        picture = visit.page.locator("#picture-in-progress")
        picture.scroll_into_view_if_needed()
        picture.hover(position={"x": 200, "y": 100})
        before = labels()
        visit.page.keyboard.down("Shift")
        visit.page.mouse.wheel(0, -400)
        visit.page.keyboard.up("Shift")
        visit.page.wait_for_function(
            "before => JSON.stringify([...document.querySelectorAll('#picture-in-progress .role-axis-label text')]"
            ".map(text => text.textContent)) !== before",
            arg=str(before).replace("'", '"').replace(", ", ","),
        )
        assert labels() != before
        assert visit.complaints == []


def ticks(visit: Visit, name: str) -> list[str]:
    """The labels of a picture's axis of time."""
    texts: list[str] = visit.page.locator(f"#picture-{name} .role-axis-label text").all_inner_texts()
    return texts


def test_the_keyboard_moves_one_stretch_of_time_in_all_pictures(
    browser: Browser, runs: dict[str, RunFolder]
) -> None:
    with Visit(browser, runs["marked"], viewport={"width": 1280, "height": 900}) as visit:
        page = visit.page
        shown = page.locator("#zoom-shown")
        whole = shown.inner_text()
        before = {name: ticks(visit, name) for name in ("setup-over-time", "cpu")}
        page.locator("#zoom-from").focus()
        for _ in range(4):
            page.keyboard.press("PageUp")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Zoom in"
        page.keyboard.press("Enter")
        page.wait_for_function("document.getElementById('zoom-shown').textContent.includes(' of ')")
        for name, labels in before.items():
            page.wait_for_function(
                "([name, labels]) => JSON.stringify([...document.querySelectorAll("
                "`#picture-${name} .role-axis-label text`)].map(text => text.textContent)) !== labels",
                arg=[name, json.dumps(labels, separators=(",", ":"), ensure_ascii=False)],
            )
        page.get_by_role("button", name="Whole run").press("Enter")
        page.wait_for_function(
            "whole => document.getElementById('zoom-shown').textContent === whole", arg=whole
        )
        assert visit.complaints == []


def test_a_reader_splits_the_run_sorts_a_table_and_takes_the_numbers_along(
    browser: Browser, runs: dict[str, RunFolder]
) -> None:
    with Visit(browser, runs["marked"], viewport={"width": 1280, "height": 900}) as visit:
        page = visit.page
        page.get_by_role("radio", name="all calls together").focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("#picture-setup-by-scenario svg")
        assert not page.locator("#picture-setup-over-time").is_visible()

        table = page.get_by_role("table").filter(has_text="The 20 calls with the longest set-up time")
        head = table.get_by_role("columnheader", name="Set-up, ms")
        first = table.locator("tbody tr").first
        slowest = first.inner_text()
        for order in ("descending", "ascending"):
            head.get_by_role("button").press("Enter")
            assert head.get_attribute("aria-sort") == order
        assert first.inner_text() != slowest

        numbers = page.locator("#figure-in-progress details.numbers")
        numbers.locator("summary").press("Enter")
        with page.expect_download() as saving:
            numbers.get_by_role("button", name="Save as in-progress.csv").press("Enter")
        # The table is made after the click has returned, together with the button: only now it is surely there.
        rows = numbers.locator("tbody tr").count()
        saved = list(csv.reader(Path(saving.value.path()).read_text().splitlines()))
        assert saved[0] == ["seconds since start", "calls in progress"]
        assert len(saved) == rows + 1 > 10
        assert visit.complaints == []


def test_marks_and_limits_stand_in_the_pictures_and_run_nothing(
    browser: Browser, runs: dict[str, RunFolder]
) -> None:
    with Visit(browser, runs["marked"], viewport={"width": 1280, "height": 900}) as visit:
        over_time = visit.page.locator(".picture.over-time").filter(visible=True)
        for picture in over_time.all():
            assert "1 failover" in picture.inner_text()
        assert over_time.count() == 10
        assert "p95 < 300 ms" in visit.page.locator("#picture-setup-over-time").inner_text()
        assert visit.page.get_by_role("cell", name=HOSTILE).count() == 1
        assert visit.page.evaluate("window.pwned") is None
        assert visit.complaints == []


def test_what_is_folded_away_opens_by_keyboard_and_is_told_to_a_screen_reader(
    browser: Browser, runs: dict[str, RunFolder]
) -> None:
    with Visit(browser, runs["marked"]) as visit:
        page = visit.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the result"
        meaning = page.locator("details.meaning").first
        meaning.locator("summary").press("Enter")
        assert meaning.locator("p").is_visible()
        assert page.get_by_role("main").count() == page.get_by_role("banner").count() == 1
        picture = page.get_by_role("img", name="Calls in progress")
        described = str(picture.get_attribute("aria-describedby")).split()
        assert "At most" in page.locator(f"#{described[0]}").inner_text()
        ids: list[str] = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
        assert len(ids) == len(set(ids))
