"""``compare.html`` in a real Chromium: it draws, asks nobody, and is read on a phone, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from loadkit.cli import main
from tests.compare.test_command import folder_of
from tests.interop.chromium import PATIENCE_MS, needs_chromium, quiet_chromium

pytestmark = needs_chromium

_WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"}
_PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 800}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with quiet_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One with pictures, and one of runs that are not comparable."""
    reports = tmp_path_factory.mktemp("reports")
    folders = {
        "before": folder_of(reports, "before", call_mode="echo"),
        "slower": folder_of(reports, "slower", 60.0, call_mode="echo"),
        "other": folder_of(reports, "other", call_mode="end-to-end"),
    }
    for name in ("slower", "other"):
        main(["compare", str(folders["before"].path), str(folders[name].path), "--write"])
    return {name: folders[name].path / "compare.html" for name in ("slower", "other")}


@pytest.mark.parametrize("context", [_WIDE, _PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize(("name", "word"), [("slower", "Worse"), ("other", "Not comparable")])
def test_a_comparison_draws_without_a_complaint_or_a_request(
    browser: Browser, pages: dict[str, Path], name: str, word: str, context: dict[str, Any]
) -> None:
    opened = browser.new_context(**context)
    page = opened.new_page()
    page.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(pages[name].as_uri())
    page.wait_for_selector("html[data-drawn=yes]")
    assert complaints == []
    assert requests == [pages[name].as_uri()]
    assert page.locator(".picture svg").count() == page.locator(".picture").count()
    assert bool(page.locator(".picture").count()) == (name == "slower")
    assert page.evaluate("document.documentElement.scrollWidth") == context["viewport"]["width"]
    verdict = page.locator(".verdict strong")
    assert verdict.inner_text() == word
    # In a line of its own, beside its sign.
    box = verdict.bounding_box()
    assert box is not None
    assert box["height"] < 50
    opened.close()
