"""The gateway's page in a real Firefox, whose fake microphone hums."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from . import in_the_page
from .conftest import SPEECH, StartGateway, until_no_session
from .firefox import Firefox, firefox, needs_firefox
from .sound import ALIKE, RATE, Samples, level, likeness, read_wav

pytestmark = needs_firefox

#: What Firefox's fake microphone hears.
HUM_HZ = 1000


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with firefox(tmp_path_factory.mktemp("firefox")) as browser:
        browser.before_each_page(in_the_page.WITNESS)
        yield browser


def connect(browser: Firefox, url: str, mode: str, seconds: float, *, muted: bool = False) -> None:
    """Open the page, press Connect, wait until the gateway is heard; ``seconds`` of it are recorded."""
    browser.complaints.clear()
    browser.open(url.replace("ws", "http", 1) + "/")
    browser.wait_for("document.documentElement.dataset.ready")
    browser.run(in_the_page.START_RECORDING, seconds)
    browser.run(
        """(mode) => {
            document.getElementById("token").value = "a token of the test";
            document.getElementById("mode").value = mode;
            document.getElementById("processing").checked = false;
            document.getElementById("connect").click();
        }""",
        mode,
    )
    if muted:
        browser.wait_for("!document.getElementById('mute').disabled")
        press(browser, "mute")
    heard = "document.querySelector('tr[data-stage=\"First packet\"].done')"
    browser.wait_for(f"{heard} || document.querySelector('#failure .bad')")
    assert browser.run("() => document.getElementById('failure').textContent") == ""


def press(browser: Firefox, button: str) -> None:
    browser.run("(button) => document.getElementById(button).click()", button)


def recorded(browser: Firefox) -> Samples:
    return in_the_page.samples_of(browser.run("() => window.recording"))


def text_of(browser: Firefox, place: str) -> str:
    return str(browser.run("(place) => document.getElementById(place).textContent", place))


def assert_clean(browser: Firefox) -> None:
    assert browser.run("() => JSON.stringify(window.violations)") == "[]"
    assert browser.complaints == []


def pitch(samples: Samples) -> float:
    """The loudest frequency, in Hz."""
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * RATE / len(samples))


def test_an_echo_call_is_connected_and_the_hum_comes_back(
    browser: Firefox, start_gateway: StartGateway
) -> None:
    url = start_gateway()
    connect(browser, url, "echo", 3.0)
    heard = recorded(browser)
    hum = heard[-RATE:]
    assert level(hum) > -50
    assert pitch(hum) == pytest.approx(HUM_HZ, abs=5)
    assert json.loads(browser.run(in_the_page.SELECTED_PAIR))["local"] == "host"
    assert " 127.0.0.1 " in text_of(browser, "log")
    browser.wait_for("document.getElementById('pair').textContent.includes('host')")
    browser.wait_for("document.getElementById('round-trip').textContent.endsWith(' ms')")
    press(browser, "hang-up")
    browser.wait_for("document.getElementById('status-word').textContent === 'Ended'")
    assert "You hung up" in text_of(browser, "status")
    until_no_session(url)
    assert_clean(browser)


def test_an_agent_greets_hears_the_hum_end_answers_and_hangs_up(
    browser: Firefox, start_gateway: StartGateway
) -> None:
    url = start_gateway("--agent-turns", "1")
    # The hum would be speech without an end.
    connect(browser, url, "end-to-end", 4.0, muted=True)
    assert likeness(recorded(browser), read_wav(SPEECH / "greeting.wav")) > ALIKE
    press(browser, "mute")
    sent = text_of(browser, "loss-out-detail")
    for _ in range(2):  # a second of hum, at least
        browser.wait_for(f"document.getElementById('loss-out-detail').textContent !== '{sent}'")
        sent = text_of(browser, "loss-out-detail")
    press(browser, "mute")
    browser.wait_for("document.getElementById('status-word').textContent === 'Ended'")
    assert "The gateway hung up" in text_of(browser, "status")
    until_no_session(url)
    assert_clean(browser)
