"""The gateway's page in a real Chromium that calls through a real coturn: over UDP, TCP and TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright

from tests.conftest import TurnServer

from .chromium import CallPage, chromium, needs_certutil, needs_chromium
from .conftest import SPOKEN, StartGateway, until_no_session
from .sound import ALIKE, likeness, read_wav

pytestmark = [*needs_chromium, needs_certutil]


@pytest.fixture(scope="module")
def browser(
    playwright: Playwright, tmp_path_factory: pytest.TempPathFactory, turn_server: TurnServer
) -> Iterator[Browser]:
    """It trusts the TURN server's authority."""
    home = tmp_path_factory.mktemp("home")
    with chromium(playwright, SPOKEN, home=home, authority=turn_server.authority) as browser:
        yield browser


@pytest.fixture
def with_turn(
    start_gateway: StartGateway, turn_server: TurnServer, monkeypatch: pytest.MonkeyPatch
) -> StartGateway:
    """Starts gateways that name the TURN server, or those of its URLs that contain a text."""

    def start(secret: str = turn_server.secret, containing: str = "") -> str:
        monkeypatch.setenv("LOADKIT_GATEWAY_TURN_SECRET", secret)
        urls = [url for url in turn_server.urls if containing in url]
        return start_gateway(*[f"--turn-url={url}" for url in urls])

    return start


@pytest.mark.parametrize(
    ("path", "protocol"),
    [("relay", "udp"), ("relay-udp", "udp"), ("relay-tcp", "tcp"), ("relay-tls", "tls")],
)
def test_a_call_goes_through_the_relay_that_is_asked_for_and_the_echo_comes_back(
    browser: Browser, with_turn: StartGateway, path: str, protocol: str
) -> None:
    url = with_turn()
    with CallPage(browser, url) as call:
        call.open()
        call.connect("echo", path=path, record=3)
        call.connected()
        assert likeness(call.recorded(), read_wav(SPOKEN)) > ALIKE
        pair = call.selected_pair()
        assert pair["local"] == "relay"
        # Of several ways to the server, ICE takes the one that answers first.
        assert pair["relayProtocol"] == protocol or path == "relay"
        call.page.wait_for_selector(f"#pair:has-text('relay over {str(pair['relayProtocol']).upper()}')")
        assert {line.split(" typ ")[1].split()[0] for line in own_candidates(call)} == {"relay"}
        call.page.click("#hang-up")
        call.ended()
        until_no_session(url)
        call.assert_clean()


def own_candidates(call: CallPage) -> list[str]:
    """Candidates that the page has sent."""
    lines = call.page.locator("#log .sent .brief").all_text_contents()
    return [line for line in lines if line.startswith("candidate:")]


def test_an_agent_is_heard_through_turns(browser: Browser, with_turn: StartGateway) -> None:
    url = with_turn(containing="turns:")
    with CallPage(browser, url) as call:
        call.open()
        call.connect("end-to-end", path="relay-tls")
        call.connected()
        assert call.selected_pair()["relayProtocol"] == "tls"
        call.assert_clean()


def test_a_relay_that_the_gateway_does_not_name_is_told(browser: Browser, with_turn: StartGateway) -> None:
    with CallPage(browser, with_turn(containing="transport=udp")) as call:
        call.open()
        call.connect("echo", path="relay-tls")
        call.ended()
        assert call.failure().startswith("TURN_UNREACHABLE")
        assert "the gateway names no TURN server over TLS" in call.failure()
        call.assert_clean()


def test_credentials_that_the_turn_server_refuses_are_told(browser: Browser, with_turn: StartGateway) -> None:
    with CallPage(browser, with_turn(secret="not the server's")) as call:
        call.open()
        call.connect("echo", path="relay-tcp")
        call.ended()
        assert call.failure().startswith("TURN_UNAUTHORIZED")
        call.assert_clean()


def test_a_turn_server_whose_certificate_is_not_trusted_is_told(
    playwright: Playwright, tmp_path_factory: pytest.TempPathFactory, with_turn: StartGateway
) -> None:
    url = with_turn()
    with (
        chromium(playwright, SPOKEN, home=tmp_path_factory.mktemp("home")) as stranger,
        CallPage(stranger, url) as call,
    ):
        call.open()
        call.connect("echo", path="relay-tls")
        call.ended()
        assert call.failure().startswith("TURN_UNREACHABLE")
        assert "must trust its certificate" in call.failure()
        call.assert_clean()
