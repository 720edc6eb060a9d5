"""The gateway's page in a real Chromium, which calls the real gateway with a WAV as its microphone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect

from .chromium import PATIENCE_MS, CallPage, chromium, needs_chromium
from .conftest import NOT_SPOKEN, SPEECH, SPOKEN, StartGateway, until_no_session
from .sound import ALIKE, UNLIKE, likeness, read_wav

pytestmark = needs_chromium

STAGES = ["ICE servers", "WebSocket", "Offer", "Answer", "ICE", "DTLS", "First packet"]


# Calls


def test_an_echo_call_is_connected_and_what_comes_back_is_what_went_out(
    browser: Browser, start_gateway: StartGateway
) -> None:
    url = start_gateway()
    with CallPage(browser, url) as call:
        call.open()
        call.connect("echo", record=6)
        call.connected()
        assert call.status().startswith("In the call")
        rows = call.page.locator("#stages tr")
        assert [row.get_attribute("data-stage") for row in rows.all()] == STAGES
        times = [float(t.removesuffix(" ms")) for t in rows.locator("td:last-child").all_inner_texts()]
        assert times == sorted(times)
        heard = call.recorded()
        assert likeness(heard, read_wav(SPOKEN)) > ALIKE
        assert likeness(heard, read_wav(NOT_SPOKEN)) < UNLIKE
        assert call.selected_pair() == {"local": "host", "relayProtocol": None, "remote": "host"}
        assert call.page.inner_text("#pair").count("host") == 2
        expect(call.page.locator("#round-trip")).to_have_text(
            re.compile(r"^\d+\.\d ms$"), timeout=PATIENCE_MS
        )
        expect(call.page.locator("#round-trip-detail")).to_have_text("by RTCP", timeout=PATIENCE_MS)
        for figure in ("loss-in", "loss-out"):
            expect(call.page.locator(f"#{figure}")).to_have_text(re.compile(r"^\d+\.\d+ %$"))
        assert call.page.inner_text("#codec") == "opus/48000/2"
        call.page.click("#hang-up")
        assert "You hung up after" in call.ended()
        assert call.log()[-1] == ("sent", "close")
        until_no_session(url)
        call.assert_clean()


@pytest.mark.parametrize("mode", ["end-to-end", "traditional"])
def test_an_agent_greets_answers_and_hangs_up(
    browser: Browser, start_gateway: StartGateway, mode: str
) -> None:
    url = start_gateway("--agent-turns", "1")
    with CallPage(browser, url) as call:
        call.open()
        call.connect(mode, record=5)
        # An agent does not greet somebody who is talking.
        call.page.click("#mute")
        call.connected()
        heard = call.recorded()
        call.page.click("#mute")
        assert likeness(heard, read_wav(SPEECH / "greeting.wav")) > ALIKE
        assert likeness(heard, read_wav(SPOKEN)) < UNLIKE
        assert "The gateway hung up" in call.ended()
        assert ("received", "close") in call.log()
        assert call.failure() == ""
        until_no_session(url)
        call.assert_clean()


def test_mute_sends_silence_until_it_is_pressed_again(browser: Browser, url: str) -> None:
    with CallPage(browser, url) as call:
        call.open()
        call.connect("echo")
        call.connected()
        page = call.page
        expect(page.locator("#remote-figure")).to_have_text(re.compile("dBFS"), timeout=PATIENCE_MS)
        page.click("#mute")
        assert page.get_attribute("#mute", "aria-pressed") == "true"
        for bar in ("own", "remote"):
            expect(page.locator(f"#{bar}-figure")).to_have_text("silent", timeout=PATIENCE_MS)
        page.evaluate("""() => { window.loudest = -60; setInterval(() => { window.loudest = Math.max(window.loudest,
            +document.getElementById("remote-level").getAttribute("aria-valuenow")); }, 50); }""")
        # As long as the WAV's pauses, at least.
        page.wait_for_function(
            "start => document.getElementById('loss-in-detail').textContent !== start",
            arg=page.inner_text("#loss-in-detail"),
        )
        assert page.evaluate("window.loudest") <= -55
        page.click("#mute")
        expect(page.locator("#remote-figure")).to_have_text(re.compile("dBFS"), timeout=PATIENCE_MS)
        call.assert_clean()


def test_leaving_the_page_hangs_up(browser: Browser, start_gateway: StartGateway) -> None:
    url = start_gateway()
    with CallPage(browser, url) as call:
        call.open()
        call.connect("echo")
        call.connected()
        call.page.goto("about:blank")
        until_no_session(url)


def test_a_browser_that_hides_its_addresses_is_connected_all_the_same(
    distrustful_browser: Browser, url: str
) -> None:
    """Without a microphone Chromium names its host candidates ``<uuid>.local``."""
    with CallPage(distrustful_browser, url) as call:
        call.open()
        candidates = call.page.evaluate(_CALL_WITHOUT_A_MICROPHONE)
        assert candidates
        assert all(".local " in candidate for candidate in candidates)
        call.assert_clean()


#: A call of the page's own code that sends a hum; hangs up when it comes back, and returns its candidates.
_CALL_WITHOUT_A_MICROPHONE = """
async () => {
  const { Call } = await import("/page/call.js");
  const context = new AudioContext();
  const hum = new OscillatorNode(context);
  const microphone = context.createMediaStreamDestination();
  hum.connect(microphone);
  hum.start();
  const candidates = [];
  const ending = await new Promise((resolve) => {
    const call = new Call({ token: "any", mode: "echo", path: "any", microphone: microphone.stream }, {
      stage: (name) => { if (name === "First packet") call.hangUp(); },
      note: () => {},
      sound: (stream) => { document.getElementById("sound").srcObject = stream; },
      connected: () => {},
      message: (way, { type, data }) => {
        if (way === "sent" && type === "ice-candidate" && data.candidate) candidates.push(data.candidate);
      },
      ended: resolve,
    });
    call.start();
  });
  await context.close();
  if (ending.how !== "hung up") throw new Error(JSON.stringify(ending));
  return candidates;
}
"""


# The microphone


def test_a_microphone_that_is_not_allowed_is_told_in_words(distrustful_browser: Browser, url: str) -> None:
    with CallPage(distrustful_browser, url) as call:
        call.open()
        call.connect("echo")
        call.page.wait_for_selector("#failure .bad")
        assert "was not allowed to use the microphone" in call.failure()
        assert call.page.is_enabled("#connect")
        assert call.page.is_disabled("#hang-up")
        call.assert_clean()


def test_a_machine_without_a_microphone_is_told_in_words(
    playwright: Playwright, tmp_path: Path, url: str
) -> None:
    with (
        chromium(playwright, None, home=tmp_path) as browser,
        CallPage(browser, url, permissions=["microphone"]) as call,
    ):
        call.open()
        call.connect("echo")
        call.page.wait_for_selector("#failure .bad")
        assert "There is no microphone" in call.failure()
        call.assert_clean()


def test_a_page_from_another_host_without_tls_says_why_it_cannot_call(browser: Browser, url: str) -> None:
    with CallPage(browser, url) as call:
        call.open(call.url.replace("127.0.0.1", "gateway.test"))
        assert "only to pages that came over https" in call.status()
        assert call.page.is_disabled("#connect")
        call.assert_clean()
