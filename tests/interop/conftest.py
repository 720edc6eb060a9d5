"""A gateway in a process of its own, as a browser meets it."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from loadkit.gateway.embedded import EmbeddedGateway

from .chromium import chromium

ROOT = Path(__file__).resolve().parents[2]
SPEECH = ROOT / "loadkit" / "gateway" / "speech"
SAMPLES = ROOT / "audio_samples"

#: What browsers hear at their microphone, and what they do not.
SPOKEN = SAMPLES / "book_a_table.wav"
NOT_SPOKEN = SAMPLES / "change_my_booking.wav"

#: Options of ``python -m loadkit gateway``, accepted tokens → URL.
StartGateway = Callable[..., str]


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright for one module; its loop must not run any more when tests of asyncio do."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(playwright, SPOKEN, home=tmp_path_factory.mktemp("home")) as browser:
        yield browser


@pytest.fixture(scope="module")
def distrustful_browser(
    playwright: Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """Its user allows nothing."""
    home = tmp_path_factory.mktemp("home")
    with chromium(playwright, SPOKEN, home=home, allowed=False) as browser:
        yield browser


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Of one gateway with default settings, for all tests that do not count its sessions."""
    gateway = EmbeddedGateway()
    yield gateway.start([])
    gateway.stop()


@pytest.fixture
def start_gateway() -> Iterator[StartGateway]:
    """Starts gateways in processes of their own."""
    started: list[EmbeddedGateway] = []

    def start(*arguments: str, tokens: tuple[str, ...] = ()) -> str:
        gateway = EmbeddedGateway(arguments)
        started.append(gateway)
        return gateway.start(tokens)

    yield start
    for gateway in started:
        gateway.stop()


def until_no_session(url: str) -> None:
    """Wait until the gateway's /health says that it holds no session."""
    deadline = time.monotonic() + 60
    while True:
        with urllib.request.urlopen(url.replace("ws", "http", 1) + "/health", timeout=60) as response:
            active = json.load(response)["activeSessions"]
        if active == 0:
            return
        assert time.monotonic() < deadline, f"the gateway still holds {active} sessions"
        time.sleep(0.05)
