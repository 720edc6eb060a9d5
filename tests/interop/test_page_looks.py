"""The gateway's page for the eye, the keyboard and the screen reader, and behind its policy, in a real Chromium."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from .chromium import PATIENCE_MS, CallPage, needs_chromium
from .in_the_page import UNNAMED

pytestmark = needs_chromium

TOKEN = "north-by-northwest-0042"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_scrolls_only_downwards_and_every_text_stands_out(
    browser: Browser, url: str, theme: Any
) -> None:
    phone = {"viewport": {"width": 360, "height": 800}, "has_touch": True, "is_mobile": True}
    with CallPage(browser, url, color_scheme=theme, **phone) as call:
        call.open()
        for width in ("before", "in the call"):
            assert call.page.evaluate("document.documentElement.scrollWidth") == 360, width
            faint = call.page.evaluate(_FAINT_TEXTS)
            assert faint == [], width
            if width == "before":
                call.connect("echo")
                call.connected()
                call.page.locator("#log summary").first.click()
        call.assert_clean()


#: Texts whose contrast with what is behind them is under WCAG 2's 4.5, disabled controls left out.
_FAINT_TEXTS = """
() => {
  const parse = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.disabled || element.closest(":disabled") || !element.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.push(`${element.textContent.trim().slice(0, 40)} ${contrast.toFixed(2)}`);
  }
  return faint;
}
"""


def test_a_call_is_placed_and_ended_with_the_keyboard_alone(browser: Browser, url: str) -> None:
    with CallPage(browser, url) as call:
        call.open()
        keyboard = call.page.keyboard
        focused = []
        for _ in range(8):
            keyboard.press("Tab")
            focused.append(
                call.page.evaluate("document.activeElement.id || document.activeElement.className")
            )
        assert focused == ["skip", "token", "mode", "path", "processing", "connect", "copy", "clear"]
        call.page.focus("#token")
        keyboard.type(TOKEN)
        keyboard.press("Enter")
        call.connected()
        assert call.page.evaluate("document.activeElement.id") == "hang-up"
        keyboard.press("Enter")
        assert "You hung up" in call.ended()
        assert call.page.evaluate("document.activeElement.id") == "connect"
        call.assert_clean()


def test_a_screen_reader_finds_every_control_and_hears_what_happens(browser: Browser, url: str) -> None:
    with CallPage(browser, url) as call:
        call.open()
        page = call.page
        # A password field has no role of its own.
        assert page.get_by_label("Token", exact=True).count() == 1
        controls: list[tuple[Any, str]] = [
            ("combobox", "Mode"),
            ("combobox", "Network path"),
            ("checkbox", "Echo cancellation, noise suppression, automatic gain"),
            ("button", "Connect"),
            ("button", "Mute"),
            ("button", "Hang up"),
            ("meter", "You"),
            ("meter", "Gateway"),
            ("list", "Signaling"),
        ]
        for role, name in controls:
            place: Any = (
                page.get_by_role(role, name=name, exact=True)
                if role != "textbox"
                else page.get_by_label("Token")
            )
            assert place.count() == 1, (role, name)
        assert page.locator("#status").get_attribute("aria-live") == "polite"
        assert page.locator("#failure").get_attribute("role") == "alert"
        assert page.evaluate("document.documentElement.lang") == "en"
        call.connect("echo")
        call.connected()
        assert page.evaluate(UNNAMED) == []
        assert page.evaluate(_DOUBLE_IDS) == []
        call.assert_clean()


_DOUBLE_IDS = """
() => [...document.querySelectorAll("[id]")].map((e) => e.id).filter((id, i, all) => all.indexOf(id) !== i)
"""


def test_the_log_can_be_copied_without_the_token_and_cleared(browser: Browser, url: str) -> None:
    with CallPage(browser, url, permissions=["clipboard-read", "clipboard-write"]) as call:
        call.open()
        call.connect("echo", token=TOKEN)
        call.connected()
        call.page.click("#copy")
        expect(call.page.locator("#log-told")).to_have_text("copied", timeout=PATIENCE_MS)
        text = call.page.evaluate("navigator.clipboard.readText()")
        assert '"type": "offer"' in text and '"type": "answer"' in text
        assert TOKEN not in text
        call.page.click("#clear")
        assert call.page.locator("#log li").count() == 0
        call.assert_clean()


def test_the_policy_stops_what_would_slip_in(browser: Browser, url: str) -> None:
    with CallPage(browser, url) as call:
        call.open()
        call.page.evaluate(
            """async () => {
                const script = document.createElement("script");
                try { script.textContent = "window.pwned = 1"; document.body.append(script); } catch (error) {}
                try { document.body.insertAdjacentHTML("beforeend", "<b>markup</b>"); } catch (error) {}
                await fetch("http://127.0.0.1:9/").catch(() => {});
                try { new WebSocket("ws://127.0.0.1:9/"); } catch (error) {}
            }"""
        )
        assert call.page.evaluate("window.pwned") is None
        assert call.page.locator("b").count() == 0
        call.page.wait_for_function("window.violations.length >= 3")
        assert [url for url in call.requests if ":9/" in url and url.startswith("http")] == []


def test_the_page_is_the_gateway_s_and_asks_nobody_else(browser: Browser, url: str) -> None:
    with CallPage(browser, url) as call:
        call.open()
        call.connect("echo")
        call.connected()
        host = call.url.removeprefix("http://")
        assert {url.split("/")[2] for url in call.requests if not url.startswith("data:")} == {host}
        assert [url for url in call.requests if "token" in url] == []
        call.assert_clean()


def test_no_file_of_the_page_is_foreign_or_built() -> None:
    folder = Path(__file__).resolve().parents[2] / "loadkit" / "gateway" / "page"
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "http://" not in text.replace("http://127.0.0.1", ""), path.name
        assert "https://" not in text, path.name
        assert len(text.splitlines()) < 350, path.name
        assert max(map(len, text.splitlines())) <= 160, path.name
        # Browsers to serve: Chrome 72, Firefox 60, Safari 14.1 read no newer JavaScript than this.
        assert (
            not re.search(r"\?\.\w|\?\?|^\s+#\w+\s*[=(;]|catch \{", text, re.MULTILINE)
            or path.suffix == ".css"
        ), path.name
        assert "innerHTML" not in text, path.name
