"""What the gateway's page makes of what a gateway refuses, breaks, or sends out of order, in a real Chromium."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Browser, WebSocketRoute

from loadkit.errors import CODES

from .chromium import CallPage, needs_chromium
from .conftest import StartGateway, until_no_session

pytestmark = needs_chromium

_EIGHT, _NINE = (datetime(2026, 1, 2, hour, tzinfo=UTC) for hour in (8, 9))
SIGNALING = re.compile("/api/v1/webrtc/signal")
TOKEN = "north-by-northwest-0042"

# What the gateway refuses


def test_a_wrong_token_is_told_with_its_code_and_meaning_and_kept_to_itself(
    browser: Browser, start_gateway: StartGateway
) -> None:
    with CallPage(browser, start_gateway(tokens=("another-token",))) as call:
        call.open()
        call.connect("echo", token=TOKEN)
        assert "The call failed" in call.ended()
        told = call.failure()
        assert told.startswith("UNAUTHORIZED")
        assert "Invalid authentication token" in told
        assert "one that the gateway does not accept" in told
        assert call.page.evaluate("document.activeElement.id") == "connect"
        for summary in call.page.locator("#log summary").all():
            summary.click()
        shown = call.page.evaluate("document.documentElement.outerHTML") + call.page.inner_text("body")
        assert '"authToken": "••••••"' in shown
        assert TOKEN not in shown
        assert [url for url in call.requests if TOKEN in url] == []
        storage = (
            "[document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage), location.href]"
        )
        assert call.page.evaluate(storage)[:3] == ["", "{}", "{}"]
        assert call.context.storage_state(indexed_db=True) == {"cookies": [], "origins": []}
        # The browser itself tells of the 401 of the ICE servers.
        call.assert_clean("401 (Unauthorized)")


def test_echo_on_a_production_gateway_is_forbidden_and_the_next_call_can_be_placed(
    browser: Browser, start_gateway: StartGateway
) -> None:
    with CallPage(browser, start_gateway("--production")) as call:
        call.open()
        call.connect("echo")
        call.ended()
        assert call.failure().startswith("FORBIDDEN")
        assert "production gateways refuse echo" in call.failure()
        call.connect("end-to-end")
        call.connected()
        call.assert_clean()


def test_the_page_knows_every_code_of_a_gateway(browser: Browser, url: str) -> None:
    with CallPage(browser, url) as call:
        call.open()
        known = set(call.page.evaluate("async () => Object.keys((await import('/page/words.js')).MEANINGS)"))
    assert {code for code, row in CODES.items() if row.origin == "gateway"} <= known


# Signaling, with the WebSocket in the test's hands


class Interception:
    """The page's WebSockets, each one held here."""

    def __init__(self, call: CallPage) -> None:
        self.sockets: list[WebSocketRoute] = []
        self.sent: list[dict[str, Any]] = []
        call.page.route_web_socket(SIGNALING, self._opened)

    def _opened(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(lambda frame: self.sent.append(json.loads(frame)))

    def wait_for(self, call: CallPage, kind: str) -> dict[str, Any]:
        """The first message of this type that the page has sent."""
        call.page.wait_for_selector(f"#log .sent .kind:text-is('{kind}')")
        return next(message for message in self.sent if message["type"] == kind)


def test_a_socket_lost_in_mid_call_is_opened_again_and_the_call_goes_on(
    browser: Browser, start_gateway: StartGateway
) -> None:
    url = start_gateway()
    sockets: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    with CallPage(browser, url) as call:
        call.page.route_web_socket(SIGNALING, through)
        call.open()
        call.connect("echo")
        call.connected()
        sockets[0].close(code=1012, reason="restart")
        call.page.wait_for_selector("#log .note:has-text('the WebSocket is open again')")
        call.page.wait_for_selector("#log .received .kind:text-is('pong')")
        assert len(sockets) == 2
        assert call.status().startswith("In the call")
        call.page.click("#hang-up")
        assert "You hung up" in call.ended()
        until_no_session(url)
        call.assert_clean()


#: Hangs up while the second socket of a call is being opened; whether that one is closed then.
HANG_UP_WHILE_REOPENING = """
async () => {
  const sockets = [];
  window.WebSocket = class {
    constructor() { this.closed = false; sockets.push(this); }
    send() {}
    close() { this.closed = true; }
  };
  const { Signaling } = await import("/page/signaling.js");
  const deaf = () => {};
  const signaling = new Signaling({ received: deaf, logged: deaf, noted: deaf, lost: deaf });
  const open = signaling.open();
  sockets[0].onopen();
  await open;
  signaling.sessionId = "a-session";
  sockets[0].onclose({ code: 1006, reason: "" });
  while (sockets.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  signaling.finish();
  return sockets[1].closed;
}
"""


def test_a_socket_that_is_being_opened_when_the_user_hangs_up_does_not_stay_open(
    browser: Browser, url: str
) -> None:
    with CallPage(browser, url) as call:
        call.open()
        assert call.page.evaluate(HANG_UP_WHILE_REOPENING)


def test_a_socket_that_cannot_be_opened_again_in_three_tries_ends_the_call(
    browser: Browser, url: str
) -> None:
    sockets: list[WebSocketRoute] = []

    def once(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if len(sockets) == 1:
            socket.connect_to_server()
        else:
            socket.close(code=1013)

    with CallPage(browser, url) as call:
        call.page.route_web_socket(SIGNALING, once)
        call.open()
        call.connect("echo")
        call.connected()
        sockets[0].close(code=1012)
        call.page.wait_for_selector("#failure .bad, #log .note:has-text('in 4 s')")
        call.ended()
        assert call.failure().startswith("SIGNALING_LOST")


def test_candidates_wait_for_the_answer_on_both_sides_and_rubbish_is_dropped(
    browser: Browser, url: str
) -> None:
    held: list[str | bytes] = []
    before_answer: list[str] = []

    def hold_the_answer(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        released = False

        def from_gateway(frame: str | bytes) -> None:
            nonlocal released
            message = json.loads(frame)
            if released:
                socket.send(frame)
            elif message["type"] == "answer":
                held.append(frame)
            else:
                # The gateway's candidates come first, and rubbish of every kind.
                socket.send(frame)
                for rubbish in (
                    "",
                    "no JSON",
                    "[]",
                    '{"type":"answer"}',
                    '{"type":"ice-candidate"}',
                    '{"type":7}',
                    "{}",
                ):
                    socket.send(rubbish)
                if not message["data"]["candidate"]:
                    released = True
                    socket.send(held[0])
                    socket.send(
                        '{"type":"ice-candidate","sessionId":7,"data":{"candidate":"candidate:rubbish"}}'
                    )

        def from_page(frame: str | bytes) -> None:
            if not released:
                before_answer.append(json.loads(frame)["type"])
            server.send(frame)

        server.on_message(from_gateway)
        socket.on_message(from_page)

    with CallPage(browser, url) as call:
        call.page.route_web_socket(SIGNALING, hold_the_answer)
        call.open()
        call.connect("echo")
        call.connected()
        assert before_answer == ["offer"]
        assert sum(way == "received, dropped" for way, _ in call.log()) >= 14
        sent = [kind for way, kind in call.log() if way == "sent"]
        assert sent[0] == "offer" and "ice-candidate" in sent
        call.page.click("#hang-up")
        call.ended()
        call.assert_clean()


def test_a_call_that_is_never_answered_fails_after_thirty_seconds(browser: Browser, url: str) -> None:
    with CallPage(browser, url) as call:
        # Time that passes at the test's word alone, whatever a busy machine takes.
        call.page.clock.install(time=_EIGHT)
        intercepted = Interception(call)
        call.open()
        call.page.clock.pause_at(_NINE)
        call.connect("echo")
        offer = intercepted.wait_for(call, "offer")
        assert offer["sessionId"] == "" and offer["mode"] == "echo"
        assert offer["data"]["sdp"].startswith("v=0")
        call.page.clock.run_for(29_000)
        assert call.failure() == ""
        call.page.clock.run_for(1_500)
        call.ended()
        assert call.failure().startswith("CONNECT_TIMEOUT")
        assert call.page.get_attribute("tr[data-stage='Answer']", "class") == "failed"
        call.assert_clean()


def test_nothing_that_a_gateway_sends_becomes_markup(browser: Browser, url: str) -> None:
    hostile = "<img src=x onerror='window.pwned=1'><script>window.pwned=2</script>"
    with CallPage(browser, url) as call:
        intercepted = Interception(call)
        call.open()
        call.connect("echo", token=TOKEN)
        intercepted.wait_for(call, "offer")
        (socket,) = intercepted.sockets
        socket.send(hostile)
        candidate = {"candidate": hostile, "sdpMid": hostile}
        socket.send(json.dumps({"type": "ice-candidate", "sessionId": hostile, "data": candidate}))
        data = {"code": hostile, "message": f"{hostile} {TOKEN}" * 5000}
        socket.send(json.dumps({"type": "error", "sessionId": hostile, "data": data, hostile: hostile}))
        call.ended()
        assert call.failure().startswith("<img src=x")
        assert "a code that this page does not know" in call.failure()
        for summary in call.page.locator("#log summary").all():
            summary.click()
        assert call.page.evaluate("window.pwned") is None
        assert call.page.locator("main img, main script").count() == 0
        assert TOKEN not in call.page.inner_text("body")
        assert "more characters)" in call.page.inner_text("#log")
        assert call.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        call.assert_clean()


def test_a_gateway_that_is_gone_is_told(browser: Browser, url: str) -> None:
    with CallPage(browser, url) as call:
        call.page.route_web_socket(SIGNALING, lambda socket: socket.close(code=1013, reason="too much"))
        call.open()
        call.connect("echo")
        call.ended()
        assert call.failure().split()[0] in ("WEBSOCKET_REFUSED", "SIGNALING_LOST")
