"""The tab *Calls* in a real Chromium, and what it asks for, under Locust's own page and server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.processes import free_port
from tests.interop.chromium import PATIENCE_MS, needs_chromium, quiet_chromium
from tests.live.told import HOSTILE_CODE

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def _served(*arguments: str) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.swarm.served_calls_page", str(port), *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with _served() as url:
        yield url


def _asked(url: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], Any]:
    request = urllib.request.Request(url, body, {name.replace("_", "-"): v for name, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, told, content = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, told, content = error.code, error.headers, error.read()
    document = json.loads(content) if "json" in told.get("Content-Type", "") else content.decode()
    return status, {name.lower(): value for name, value in told.items()}, document


def _mark(url: str, text: object = "failover", **headers: str) -> tuple[int, Any]:
    body = text if isinstance(text, bytes) else json.dumps({"text": text}).encode()
    status, _, told = _asked(f"{url}/calls/marks", body, **{"Content_Type": "application/json", **headers})
    return status, told.get("error", told) if isinstance(told, dict) else told


def test_the_state_is_json_with_all_workers_and_no_other_origin_may_read_it(url: str) -> None:
    status, headers, view = _asked(f"{url}/calls/state", Origin="http://elsewhere.test")
    assert status == 200
    assert [worker["worker"] for worker in view["generator"]["workers"]] == ["master", "worker-0", "worker-1"]
    assert view["calls"]["in_progress"] == 88
    assert "access-control-allow-origin" not in headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_a_mark_by_a_program_is_made_and_shown(url: str) -> None:
    status, told = _mark(url, "  node 2: drained\x07 ")
    assert (status, told["marked"]) == (201, "node 2: drained\\x07")
    assert "node 2: drained\\x07" in [mark["text"] for mark in _asked(f"{url}/calls/state")[2]["marks"]], (
        "shown at once"
    )


@pytest.mark.parametrize(
    ("text", "headers", "status", "sentence"),
    [
        ("x", {"Content_Type": "application/x-www-form-urlencoded"}, 415, "send JSON"),
        ("x", {"Content_Type": "text/plain"}, 415, "send JSON"),
        ("x", {"Origin": "http://elsewhere.test"}, 403, "not by the page of another site"),
        ("x", {"Sec_Fetch_Site": "cross-site"}, 403, "not by the page of another site"),
        ("x", {"Origin": "null"}, 403, "not by the page of another site"),
        ("   ", {}, 400, "needs a text"),
        ("x" * 201, {}, 400, "at most 200 characters"),
        (["x"], {}, 400, "that is no mark"),
        (b"{", {}, 400, "that is no mark"),
        (b"[" * 5_000, {}, 400, "that is no mark"),
        ("x" * 10_000, {}, 413, "at most 8,192 bytes"),
    ],
)
def test_a_mark_that_cannot_be_made_says_why(
    url: str, text: object, headers: dict[str, str], status: int, sentence: str
) -> None:
    got, told = _mark(url, text, **headers)
    assert got == status
    assert sentence in told


@pytest.mark.parametrize("path", ["/swarm", "/stop", "/stats/reset"])
@pytest.mark.parametrize("headers", [{"Origin": "http://elsewhere.test"}, {"Sec_Fetch_Site": "cross-site"}])
def test_the_page_of_another_site_starts_stops_and_resets_nothing(
    url: str, path: str, headers: dict[str, str]
) -> None:
    status, _, told = _asked(f"{url}{path}", b"user_count=1&spawn_rate=1", **headers)
    assert (status, told["success"]) == (403, False)


def test_a_name_that_leads_to_this_machine_does_not_choose_the_gateway(url: str) -> None:
    rebound = {"Host": "elsewhere.test", "Origin": "http://elsewhere.test"}
    status, _, told = _asked(f"{url}/swarm", b"user_count=1&host=ws://elsewhere.test", **rebound)
    assert (status, told["success"]) == (403, False)
    assert "localhost" in told["message"]


def test_our_own_page_and_programs_may(url: str) -> None:
    for headers in ({}, {"Origin": url}, {"Sec_Fetch_Site": "same-origin"}):
        assert _asked(f"{url}/swarm", b"user_count=none", **headers)[0] == 200


def test_where_locust_asks_for_a_login_so_do_calls_and_marks() -> None:
    with _served("login") as url:
        for path in ("/calls/", "/calls/state"):
            with urllib.request.urlopen(f"{url}{path}", timeout=60) as answer:
                assert "/login" in answer.url
        _mark(url, "from outside")
        # Redirected to the login as a GET: nothing was made, and nothing told.
        assert "from outside" not in str(_asked(f"{url}/calls/state"))


@pytest.fixture(scope="module")
def page(url: str) -> Iterator[Page]:
    with quiet_chromium() as browser:
        page = browser.new_page(color_scheme="light")
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield page
        expect.set_options(timeout=None)


class TestInChromium:
    pytestmark = needs_chromium

    def test_the_tab_shows_the_run_and_text_stays_text(self, url: str, page: Page) -> None:
        complaints: list[str] = []
        requests: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(url)
        page.get_by_role("tab", name="Calls").click()
        calls = page.frame_locator("iframe[title]")
        calls.locator("html[data-ready=yes]").wait_for()
        expect(calls.locator("#in-progress")).to_have_text("88")
        expect(calls.locator("#stages tr", has_text="connected").locator("td").first).to_have_text("72")
        expect(calls.locator("#workers th")).to_have_text(["master", "worker-0", "worker-1"])
        expect(calls.locator("#codes th")).to_have_text(["NO_AUDIO", "WEBSOCKET_TIMEOUT", HOSTILE_CODE])
        expect(calls.locator("#newest")).to_contain_text('<img src=x onerror="document.title=1">')
        expect(calls.locator("#latency tr").first.locator("td").nth(1)).to_have_text(re.compile(r"^13\d ms$"))
        assert calls.locator("tbody img, tbody script, li b").count() == 0
        assert page.title() == "Locust"
        assert complaints == []
        assert all(asked.startswith(url) for asked in requests)

    def test_a_mark_is_made_with_the_keyboard_alone(self, page: Page) -> None:
        calls = page.frame_locator("iframe[title]")
        calls.get_by_label("What happened now").focus()
        page.keyboard.type("<i>node 3</i> back")
        page.keyboard.press("Enter")
        expect(calls.get_by_role("status").nth(1)).to_have_text("Marked: <i>node 3</i> back")
        expect(calls.locator("#marks li").first).to_contain_text("after the start: <i>node 3</i> back")
        expect(calls.get_by_label("What happened now")).to_have_value("")

    def test_another_tab_takes_it_away_and_the_address_brings_it_back(self, url: str, page: Page) -> None:
        page.get_by_role("tab", name="Logs").click()
        expect(page.locator("iframe")).to_have_count(0)
        page.goto(f"{url}/?tab=calls")
        page.frame_locator("iframe[title]").locator("html[data-ready=yes]").wait_for()

    def test_it_is_dark_when_locust_s_page_is(self, page: Page) -> None:
        calls = page.frame_locator("iframe[title]")
        expect(calls.locator("html")).to_have_class("light")
        page.evaluate("localStorage.theme = 'dark'")
        page.reload()
        expect(calls.locator("html")).to_have_class("dark")
