"""The page in a real Chromium: it draws, asks nobody, obeys its own policy, and runs nothing that a gateway sent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from loadkit.reporters import write_reports
from loadkit.runs import RunFolder
from tests.synthetic import clean_run, troubled_run, write_run_folder

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

pytestmark = [
    pytest.mark.browser,
    # On CI a missing browser is a failure, not a reason to leave tests out.
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() and not os.environ.get("CI"), reason="needs Debian's chromium"
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    reports = tmp_path_factory.mktemp("reports")
    folders = {
        "clean": clean_run(reports, 200),
        "troubled": troubled_run(reports),
        "empty": write_run_folder(reports, []),
    }
    for folder in folders.values():
        write_reports(folder)
    return folders


class Visit:
    """One opened page, and what it complained about or asked for."""

    def __init__(self, browser: Browser, folder: RunFolder, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(folder.report.as_uri())
        self.page.wait_for_selector("html[data-drawn=yes]", timeout=60_000)

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
        places = visit.page.locator(".picture")
        assert (
            places.count()
            == visit.page.locator(".picture svg").count()
            == {"clean": 13, "troubled": 12, "empty": 0}[name]
        )


def test_nothing_that_a_gateway_sent_was_run_not_even_under_the_mouse(
    browser: Browser, runs: dict[str, RunFolder]
) -> None:
    with Visit(browser, runs["troubled"], viewport={"width": 1280, "height": 900}) as visit:
        picture = visit.page.locator("#picture-error-codes")
        picture.scroll_into_view_if_needed()
        box = picture.bounding_box()
        assert box is not None
        seen = set()
        for y in range(10, int(box["height"]), 8):
            visit.page.mouse.move(box["x"] + box["width"] * 0.36, box["y"] + y)
            if visit.page.locator("#tip").is_visible():
                seen.add(visit.page.locator("#tip dd").first.inner_text())
        assert "<img src=x onerror=window.pwned=6>" in seen
        assert visit.page.evaluate("window.pwned") is None
        assert visit.page.locator("#tip img").count() == 0
        assert visit.complaints == []


def test_the_page_s_policy_stops_what_would_slip_in(browser: Browser, runs: dict[str, RunFolder]) -> None:
    with Visit(browser, runs["clean"]) as visit:
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
        assert any("Content Security Policy" in complaint for complaint in visit.complaints)
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
