"""Whole calls against a gateway that follows a script: each way in which a call can end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from loadkit.call.context import CallContext
from loadkit.call.destination import Destination
from loadkit.call.lifetime import CallEnded
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.errors import CODES, CallError, Stage
from loadkit.media.clock import MediaClock
from loadkit.media.samples import EncodedSample, encode, silence
from loadkit.records import STAGES, CallRecord, Outcome, TurnRecord, to_row
from loadkit.settings import make_settings
from loadkit.signaling.client import SignalingConnection
from loadkit.transport.dtls import Certificate
from loadkit.transport.sdp import read_sdp, write_candidate
from tests.fakes import GARBAGE, Footprint, Line, Script, ScriptedGateway
from tests.waiting import PATIENT, not_measured, until

TOKEN = "token-that-nobody-may-see"
#: How long a caller's ``close`` may be on its way.
_CLOSED_S = 15.0
CERTIFICATE = Certificate()


def tone() -> EncodedSample:
    """Half a second of loud sound."""
    times = np.arange(24_000) / 48_000
    sound = (8000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)[np.newaxis]
    packets = encode(sound)
    return EncodedSample("tone.wav", packets, 0, len(packets) - 1)


class Caller:
    """Everything around one call; the call itself is a task."""

    def __init__(self, context: CallContext) -> None:
        self.context = context
        self.session: CallSession
        self.task: asyncio.Task[tuple[CallRecord, list[TurnRecord]]]

    def call(self, **spec: Any) -> CallSession:
        fields: dict[str, Any] = {
            "intended": time.monotonic(),
            "call_sid": "sid-1",
            "user": "Caller 1",
            **spec,
        }
        self.session = CallSession(CallSpec(**fields), self.context)
        self.task = asyncio.create_task(self.session.run())
        return self.session

    async def end(self) -> CallRecord:
        record, _ = await self.task
        return record


@contextlib.asynccontextmanager
async def caller_of(gateway: ScriptedGateway, **settings: Any) -> AsyncIterator[Caller]:
    clock = MediaClock()
    made = make_settings({"auth_token": TOKEN, **PATIENT, **settings})
    caller = Caller(
        CallContext(
            settings=made,
            destination=Destination.of(f"ws://{gateway.address}", made),
            certificate=CERTIFICATE,
            clock=clock,
            ssl_context=None,
            unix_offset=1e9,
        )
    )
    try:
        yield caller
    finally:
        if hasattr(caller, "task") and not caller.task.done():
            caller.task.cancel()
            await asyncio.wait({caller.task})
        clock.close()


@pytest.fixture(autouse=True)
async def nothing_is_left(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """After each call no task and no socket is left, nothing is logged as an error, and no token anywhere."""
    caplog.set_level(logging.DEBUG)
    silence()
    footprint = Footprint()
    yield
    async with asyncio.timeout(20):
        await footprint.assert_nothing_is_left()
    assert TOKEN not in caplog.text
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture
def quick_reconnects(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = SignalingConnection.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "reconnect_delays", (0.01, 0.01, 0.01))


async def place(script: Script, *more: Script, **settings: Any) -> tuple[CallRecord, ScriptedGateway]:
    """Place one call that the gateway ends, and wait for its record."""
    async with asyncio.timeout(60), ScriptedGateway(script, *more) as gateway:
        async with caller_of(gateway, **settings) as caller:
            caller.call()
            record = await caller.end()
        if record.session_id is not None and gateway.lines == 1 and not gateway.refuse:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSED_S):
                    await gateway.closed.wait()
    assert TOKEN not in str(to_row(record))
    return record, gateway


def assert_failed(record: CallRecord, stage: str, code: str) -> None:
    assert (record.outcome, record.failed_stage, record.error_code) == (Outcome.FAILED, stage, code), (
        record.error_message
    )
    assert record.error_message
    assert record.ended_at is not None and record.started_at is not None
    assert record.duration_ms is not None


async def talk_until(session: CallSession, enough: Callable[[CallRecord], bool]) -> None:
    """Talk until sound has come back, and enough of it."""
    talking = asyncio.create_task(session.script.talk(tone(), 600))
    while not (enough(so_far := session.so_far()) and so_far.silent_audio is False):
        await session.script.pause(0.02)
    talking.cancel()
    await asyncio.wait({talking})


async def echo(line: Line) -> None:
    """Take the call and echo until the caller leaves."""
    await line.take_call()
    await line.listen()


# A call that goes well


async def test_call_that_goes_well_has_every_stage_in_its_record() -> None:
    gateway = ScriptedGateway(echo)
    fields: dict[str, str | None] = {"callee": "+200", "project_id": "from the script"}
    async with (
        asyncio.timeout(60),
        gateway,
        caller_of(gateway, caller="+100", project_id="from settings") as caller,
    ):
        session = caller.call(listen=False, mode="end-to-end", offer=fields)
        assert (await session.wait_connected())["session_id"] == "session-1"
        await talk_until(session, lambda so_far: (so_far.packets_received or 0) >= 5)
        session.hang_up(Outcome.COMPLETED)
        record = await caller.end()
        await gateway.closed.wait()
    assert record.outcome == Outcome.COMPLETED
    assert record.failed_stage is record.error_code is record.error_message is None
    assert (record.session_id, record.call_sid, record.mode) == ("session-1", "sid-1", "end-to-end")
    for column in (*STAGES, "start_delay_ms", "duration_ms", "connected_ms"):
        value = getattr(record, column)
        assert value is not None and value >= 0, column
    assert (record.local_candidate_type, record.remote_candidate_type) == ("host", "host")
    assert (record.local_candidates, record.remote_candidates) == (1, 1)
    assert record.dtls_role == "server"
    assert record.codec == "opus/48000/2 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"
    assert record.packets_sent is not None and record.packets_sent >= 5
    assert record.packets_received is not None and 0 < record.packets_received <= record.packets_sent
    assert (record.packets_lost, record.packets_discarded, record.no_audio) == (0, 0, False)
    assert record.silent_audio is False
    assert (record.sample, record.turns) == ("tone.wav", None)
    assert record.ice_servers_count == 0
    assert gateway.tokens == [f"Bearer {TOKEN}"]
    (offer,) = gateway.of_kind("offer")
    assert offer["sessionId"] == ""
    assert offer["authToken"] == TOKEN
    assert (offer["mode"], offer["callSid"]) == ("end-to-end", "sid-1")
    assert (offer["caller"], offer["callee"], offer["projectId"]) == ("+100", "+200", "from the script")
    assert "agentVersionOverride" not in offer
    assert [message["type"] for message in gateway.received] == [
        "offer",
        "ice-candidate",
        "ice-candidate",
        "close",
    ]
    assert {message["sessionId"] for message in gateway.received[1:]} == {"session-1"}
    assert gateway.received[2]["data"]["candidate"] == ""


async def test_bye_is_the_last_word_of_the_media() -> None:
    async with asyncio.timeout(60), ScriptedGateway(echo) as gateway, caller_of(gateway) as caller:
        session = caller.call()
        await session.wait_connected()
        await gateway.heard.wait()
        session.hang_up(Outcome.COMPLETED)
        await caller.end()
        await gateway.closed.wait()
        await until(lambda: gateway.rtcp[-1][-8:-4] == struct.pack("!BBH", 0x81, 203, 1))


async def test_ice_servers_that_cannot_be_had_are_recorded_and_the_call_goes_on() -> None:
    gateway = ScriptedGateway(echo, ice_servers="no", ice_status=401)
    async with asyncio.timeout(60), gateway, caller_of(gateway) as caller:
        session = caller.call()
        await session.wait_connected()
        await gateway.heard.wait()
        session.hang_up(Outcome.COMPLETED)
        record = await caller.end()
    assert record.ice_servers_error
    assert record.ice_servers_ms is record.ice_servers_count is None
    assert record.error_code in (None, "NO_AUDIO")


async def test_call_that_the_gateway_hangs_up_ended_well() -> None:
    async def script(line: Line) -> None:
        await line.take_call()
        await line.gateway.heard.wait()
        await line.send("close")
        await line.listen()

    record, gateway = await place(script)
    assert record.outcome == Outcome.HUNG_UP
    assert record.error_code is None
    assert record.connected_ms is not None
    assert len(gateway.of_kind("close")) == 1


# Before the answer


@pytest.mark.parametrize(
    "code",
    [*(c for c, meaning in CODES.items() if meaning.origin == "gateway"), "A CODE OF ITS OWN", "ünïcödé"],
)
async def test_error_at_the_offer_is_recorded_verbatim(code: str) -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.send("error", sessionId=None, data={"code": code, "message": "no <b>way</b>"})
        await line.listen()

    record, gateway = await place(script)
    assert_failed(record, Stage.ANSWER, code)
    assert record.error_message == "no <b>way</b>"
    assert record.setup_ms is record.answer_ms is record.packets_sent is None
    assert gateway.of_kind("close") == []


async def test_huge_error_is_shortened() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.send_error("C" * 5_000, "m" * 500_000)
        await line.listen()

    record, _ = await place(script)
    assert record.error_code == "C" * 100
    assert record.error_message == "m" * 1000


async def test_error_that_repeats_the_token_is_recorded_without_it() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.send_error("UNAUTHORIZED", f"the token {TOKEN!r} is not valid")
        await line.listen()

    record, _ = await place(script)
    assert record.error_message == "the token '***' is not valid"


async def test_no_answer_is_a_timeout() -> None:
    async def script(line: Line) -> None:
        await line.listen()

    record, _ = await place(script, answer_timeout=0.1)
    assert_failed(record, Stage.ANSWER, "ANSWER_TIMEOUT")
    assert record.error_message == "no answer to the offer within 0.1 s"


async def test_set_up_that_takes_too_long_as_a_whole_is_a_timeout_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its time is over as soon as the gateway has the offer, however long that took."""
    timeout, made = asyncio.timeout, list[asyncio.Timeout]()

    def kept(seconds: float | None) -> asyncio.Timeout:
        made.append(timeout(seconds))
        return made[-1]

    async def script(line: Line) -> None:
        await line.take_offer()
        (whole,) = (one for one in made if (one.when() or 0) > asyncio.get_running_loop().time() + 1000)
        whole.reschedule(asyncio.get_running_loop().time())
        await line.listen()

    monkeypatch.setattr("loadkit.call.session.asyncio.timeout", kept)
    record, _ = await place(script, connect_timeout=3600)
    assert_failed(record, Stage.ANSWER, "CONNECT_TIMEOUT")
    assert record.error_message == "not connected within 3600 s"


async def test_close_before_the_answer_is_early() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.send("close")
        await line.listen()

    record, gateway = await place(script)
    assert_failed(record, Stage.ANSWER, "CLOSED_EARLY")
    assert gateway.of_kind("close") == []


async def test_close_after_the_answer_and_before_the_connection_is_early() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.send_answer(await line.make_peer())
        await line.send("close")
        await line.listen()

    record, gateway = await place(script)
    assert record.failed_stage in (Stage.ANSWER, Stage.ICE)
    assert_failed(record, record.failed_stage, "CLOSED_EARLY")
    assert len(gateway.of_kind("close")) == 1


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_socket_that_is_lost_before_the_answer_is_not_opened_again(how: str) -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        if how == "close":
            await line.websocket.close()
        else:
            line.websocket.transport.abort()

    record, gateway = await place(script)
    assert_failed(record, Stage.ANSWER, "SIGNALING_LOST")
    assert gateway.lines == 1


async def test_refused_websocket_is_a_failure_of_its_own() -> None:
    async with asyncio.timeout(60), ScriptedGateway(echo) as gateway:
        gateway.refuse = True
        async with caller_of(gateway) as caller:
            caller.call()
            record = await caller.end()
    assert_failed(record, Stage.WEBSOCKET, "WEBSOCKET_REFUSED")
    assert record.websocket_ms is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda sdp: "v=0\r\nm=audio nine\r\n", "the SDP cannot be parsed"),
        (lambda sdp: sdp.replace("opus/48000/2", "PCMU/8000"), "Opus is not negotiated; the SDP has: PCMU"),
        (lambda sdp: sdp.replace("m=audio 9", "m=audio 0"), "the SDP has no audio section"),
        (lambda sdp: sdp.replace("a=fingerprint", "a=x"), "the SDP has no DTLS fingerprint"),
        (lambda sdp: sdp.replace(":111 ", ":999 "), "the SDP gives Opus the payload type 999"),
    ],
)
async def test_answer_that_cannot_be_used_is_invalid(change: Callable[[str], str], sentence: str) -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.send_sdp(change(line.answer_of(await line.make_peer())))
        await line.listen()

    record, gateway = await place(script)
    assert_failed(record, Stage.ANSWER, "ANSWER_INVALID")
    assert record.error_message is not None
    assert record.error_message.startswith(sentence)
    assert len(gateway.of_kind("close")) == 1


# ICE


async def test_gateway_without_candidates_is_a_timeout() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.send_answer(await line.make_peer())
        await line.send_candidate("")
        await line.listen()

    record, gateway = await place(script, ice_timeout=0.5)
    assert_failed(record, Stage.ICE, "ICE_TIMEOUT")
    assert record.remote_candidates == 0
    assert record.answer_ms is not None and record.ice_ms is None
    assert len(gateway.of_kind("close")) == 1


async def test_no_address_of_our_own_is_a_failure() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.listen()

    async with asyncio.timeout(60), ScriptedGateway(script) as gateway, caller_of(gateway) as caller:
        caller.context = replace(
            caller.context, destination=replace(caller.context.destination, addresses=("192.0.2.1",))
        )
        caller.call()
        record = await caller.end()
    assert_failed(record, Stage.ICE, "GATHERING_FAILED")


async def test_candidates_that_all_fail_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.stun.RETRY_MAX", 0)
    monkeypatch.setattr("aioice.stun.RETRY_RTO", 0.1)
    monkeypatch.setattr("loadkit.signaling.candidates.RemoteCandidates.__init__.__defaults__", (0.05, 100))

    async def script(line: Line) -> None:
        await line.take_offer()
        peer = await line.make_peer()
        await line.send_answer(peer)
        await line.send_candidates(peer)
        await line.send_candidate("")
        await peer.close()
        await line.listen()

    record, _ = await place(script)
    assert_failed(record, Stage.ICE, "ICE_FAILED")
    assert record.remote_candidates == 1


async def test_end_of_candidates_before_the_candidates_still_connects() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        peer = await line.echo_peer()
        await line.send_candidate("")
        await line.send_answer(peer)
        await line.send_candidate(None)
        await line.send_candidates(peer)
        await line.connect_media(peer)
        await line.gateway.heard.wait()
        await line.send("close")
        await line.listen()

    record, _ = await place(script)
    assert record.outcome == Outcome.HUNG_UP
    assert record.signaling_dropped == 0


async def test_candidates_before_the_answer_and_no_end_of_them_connect() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        peer = await line.echo_peer()
        await line.send_candidates(peer)
        await line.send_answer(peer)
        await line.connect_media(peer)
        await line.gateway.heard.wait()
        await line.send("close")
        await line.listen()

    record, _ = await place(script)
    assert record.outcome == Outcome.HUNG_UP
    assert record.remote_candidates == 1


async def test_candidates_in_the_answer_connect() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        peer = await line.echo_peer()
        lines = "".join(f"a={write_candidate(c)}\r\n" for c in peer.local_candidates)
        mdns = "a=candidate:9 1 udp 1 0f6b1c3e-0000-4000-8000-000000000000.local 5000 typ host\r\n"
        await line.send_sdp(line.answer_of(peer) + mdns + lines + "a=end-of-candidates\r\n")
        await line.connect_media(peer)
        await line.gateway.heard.wait()
        await line.send("close")
        await line.listen()

    record, _ = await place(script)
    assert record.outcome == Outcome.HUNG_UP
    assert record.remote_candidates == 2


async def test_an_answer_with_no_usable_candidate_and_the_end_of_them_fails_at_once() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        peer = await line.make_peer()
        lines = "a=candidate:9 1 tcp 1 127.0.0.1 9 typ host tcptype passive\r\na=end-of-candidates\r\n"
        await line.send_sdp(line.answer_of(peer) + lines)
        await line.listen()

    record, _ = await place(script)
    assert_failed(record, "ice", "ICE_FAILED")


async def test_candidates_that_are_none_are_dropped_and_counted() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        peer = await line.echo_peer()
        await line.send_answer(peer)
        for nonsense in ("nonsense", "candidate:1 1 udp 1 127.0.0.1 0 typ host", "x" * 10_000):
            await line.send_candidate(nonsense)
        await line.send_candidate("candidate:1 1 tcp 1 127.0.0.1 9 typ host tcptype active")
        await line.send_candidates(peer)
        await line.connect_media(peer)
        await line.gateway.heard.wait()
        await line.send("close")
        await line.listen()

    record, _ = await place(script)
    assert record.outcome == Outcome.HUNG_UP
    assert record.signaling_dropped == 3
    assert record.remote_candidates == 2


# DTLS


async def test_wrong_fingerprint_fails_the_handshake() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        peer = await line.make_peer()
        fingerprint = peer.dtls_parameters.fingerprints[0].value
        await line.send_sdp(line.answer_of(peer).replace(fingerprint, ":".join(["00"] * 32)))
        await line.send_candidates(peer)
        await line.connect_media(peer)
        await line.listen()

    record, gateway = await place(script)
    assert_failed(record, Stage.DTLS, "DTLS_FAILED")
    assert record.ice_ms is not None and record.dtls_ms is None and record.setup_ms is None
    assert (record.local_candidate_type, record.remote_candidate_type) == ("host", "host")
    assert len(gateway.of_kind("close")) == 1


async def test_silence_instead_of_a_handshake_is_a_timeout() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        peer = await line.make_peer()
        await line.send_answer(peer)
        await line.send_candidates(peer)
        await line.while_there(peer.connect(read_sdp(line.offer["data"]["sdp"]).ice))
        await line.listen()

    record, gateway = await place(script, dtls_timeout=0.3)
    assert_failed(record, Stage.DTLS, "DTLS_TIMEOUT")
    assert len(gateway.of_kind("close")) == 1


# In mid-call


async def test_error_in_mid_call_ends_it() -> None:
    async def script(line: Line) -> None:
        await line.take_call()
        await line.gateway.heard.wait()
        await line.send_error("AGENT_FAILURE", "the agent fell over")
        await line.listen()

    record, gateway = await place(script)
    assert_failed(record, Stage.MEDIA, "AGENT_FAILURE")
    assert record.setup_ms is not None
    assert len(gateway.of_kind("close")) == 1


async def test_gateway_that_sends_no_packet_gives_no_audio() -> None:
    async def script(line: Line) -> None:
        line.gateway.echoing = False
        await line.take_call()
        await line.listen()

    record, gateway = await place(script, media_timeout=0.6)
    assert_failed(record, Stage.MEDIA, "NO_AUDIO")
    assert record.packets_received == 0
    assert record.packets_lost is record.jitter is record.first_packet_ms is None
    assert len(gateway.of_kind("close")) == 1


async def test_good_end_without_a_packet_is_no_audio_all_the_same() -> None:
    async def script(line: Line) -> None:
        line.gateway.echoing = False
        await line.take_call()
        await line.listen()

    async with asyncio.timeout(60), ScriptedGateway(script) as gateway, caller_of(gateway) as caller:
        session = caller.call()
        await session.wait_connected()
        await session.script.pause(2.1)
        session.hang_up(Outcome.COMPLETED)
        record = await caller.end()
    assert_failed(record, Stage.MEDIA, "NO_AUDIO")
    assert record.no_audio is True


async def test_packets_that_stop_are_lost_media() -> None:
    async def script(line: Line) -> None:
        await line.take_call()
        while len(line.gateway.rtp) < 5:
            line.gateway.heard.clear()
            await line.gateway.heard.wait()
        line.gateway.echoing = False
        await line.listen()

    record, gateway = await place(script, media_timeout=0.6)
    assert_failed(record, Stage.MEDIA, "MEDIA_LOST")
    assert record.packets_received is not None and record.packets_received >= 1
    assert record.packets_lost == 0
    assert len(gateway.of_kind("close")) == 1


async def test_gateway_that_closes_dtls_is_lost_media() -> None:
    async def script(line: Line) -> None:
        peer = await line.take_call()
        await line.gateway.heard.wait()
        await peer.close()
        await line.listen()

    record, gateway = await place(script)
    assert_failed(record, Stage.MEDIA, "MEDIA_LOST")
    assert record.error_message == "the other side closed DTLS"
    assert (record.local_candidate_type, record.remote_candidate_type) == ("host", "host")
    assert len(gateway.of_kind("close")) == 1


@pytest.mark.usefixtures("quick_reconnects")
@pytest.mark.parametrize("how", ["close", "abort"])
async def test_socket_that_is_torn_in_mid_call_is_opened_again(how: str) -> None:
    async def first(line: Line) -> None:
        await line.take_call()
        await line.gateway.heard.wait()
        if how == "close":
            await line.websocket.close(1011)
        else:
            line.websocket.transport.abort()

    async def second(line: Line) -> None:
        ping = await line.message("ping")
        assert ping["sessionId"] == "session-1"
        await line.send("pong")
        await line.send("close")
        await line.listen()

    async with asyncio.timeout(60), ScriptedGateway(first, second) as gateway, caller_of(gateway) as caller:
        caller.call()
        record = await caller.end()
        await gateway.closed.wait()
    assert record.outcome == Outcome.HUNG_UP
    assert record.signaling_reconnects == 1
    assert [m["type"] for m in gateway.received][-2:] == ["ping", "close"]
    assert len(gateway.of_kind("offer")) == 1


@pytest.mark.usefixtures("quick_reconnects")
async def test_socket_that_cannot_be_opened_again_ends_the_call() -> None:
    async def script(line: Line) -> None:
        await line.take_call()
        await line.gateway.heard.wait()
        line.gateway.refuse = True
        line.websocket.transport.abort()

    record, gateway = await place(script)
    assert_failed(record, Stage.MEDIA, "SIGNALING_LOST")
    assert record.signaling_reconnects == 0
    assert record.error_message is not None
    assert "could not be opened again in 3 tries" in record.error_message
    assert gateway.lines == 1


async def test_garbage_before_and_after_the_answer_is_dropped_and_counted() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        before = [frame for frame in GARBAGE if not (isinstance(frame, str) and "another-session" in frame)]
        for frame in before:
            await line.websocket.send(frame)
        peer = await line.echo_peer()
        await line.send_answer(peer)
        for frame in GARBAGE:
            await line.websocket.send(frame)
        await line.send_candidates(peer)
        await line.connect_media(peer)
        for frame in GARBAGE:
            await line.websocket.send(frame)
        await line.send_answer(peer)
        await line.gateway.heard.wait()
        await line.send("close")
        await line.listen()

    record, _ = await place(script)
    assert record.outcome == Outcome.HUNG_UP
    assert record.signaling_dropped == 3 * len(GARBAGE) - 1 + 1


async def test_answer_without_a_name_connects_and_sends_no_close() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        peer = await line.echo_peer()
        await line.send("answer", sessionId=7, data={"type": "answer", "sdp": line.answer_of(peer)})
        await line.send_candidates(peer)
        await line.connect_media(peer)
        await line.gateway.heard.wait()
        await line.send("close", sessionId=None)
        await line.listen()

    record, gateway = await place(script)
    assert record.outcome == Outcome.HUNG_UP
    assert record.session_id is None
    assert gateway.of_kind("close") == []


# From our side


async def test_script_that_failed_is_recorded_as_it_says() -> None:
    async with asyncio.timeout(60), ScriptedGateway(echo) as gateway, caller_of(gateway) as caller:
        session = caller.call()
        await session.wait_connected()
        session.hang_up(Outcome.FAILED, CallError(Stage.SCRIPT, "SCRIPT_ERROR", "KeyError: 'x'"))
        session.hang_up(Outcome.COMPLETED)
        record = await caller.end()
    assert_failed(record, Stage.SCRIPT, "SCRIPT_ERROR")
    assert session.end_message() == {
        "outcome": "failed",
        "stage": "script",
        "code": "SCRIPT_ERROR",
        "message": "KeyError: 'x'",
    }


@pytest.mark.parametrize("how", ["cancel", "hang_up"])
@pytest.mark.parametrize("stage", ["start", "offer", "answer", "ice", "dtls", "media"])
async def test_call_can_be_cancelled_at_each_stage(stage: str, how: str) -> None:
    reached = asyncio.Event()

    async def script(line: Line) -> None:
        await line.take_offer()
        if stage == "offer":
            reached.set()
            return await line.listen()
        peer = await line.echo_peer()
        await line.send_answer(peer)
        if stage == "answer":
            reached.set()
            return await line.listen()
        await line.send_candidates(peer)
        remote = read_sdp(line.offer["data"]["sdp"])
        if stage == "ice":
            reached.set()
        await line.while_there(peer.connect(remote.ice))
        if stage == "dtls":
            reached.set()
            return await line.listen()
        await line.while_there(peer.handshake(remote.dtls))
        await line.gateway.heard.wait()
        reached.set()
        return await line.listen()

    async with asyncio.timeout(60), ScriptedGateway(script) as gateway, caller_of(gateway) as caller:
        session = caller.call()
        if stage == "start":
            await asyncio.sleep(0)
        else:
            await reached.wait()
        if how == "cancel":
            caller.task.cancel()
        else:
            session.hang_up(Outcome.CANCELLED)
        record = await caller.end()
        with pytest.raises((CallEnded, asyncio.CancelledError)):
            await session.script.pause(99)
        if record.session_id is not None:
            await gateway.closed.wait()
    assert record.outcome == Outcome.CANCELLED
    assert record.error_code is record.failed_stage is None
    assert (record.session_id is None) == (gateway.of_kind("close") == [])
    if stage in ("dtls", "media"):
        assert record.session_id == "session-1"


async def test_hang_up_before_the_call_began_ends_it_at_once() -> None:
    async with asyncio.timeout(60), ScriptedGateway(echo) as gateway, caller_of(gateway) as caller:
        session = caller.call()
        assert session.end_message() == {}
        session.hang_up(Outcome.CANCELLED)
        record = await caller.end()
    assert record.outcome == Outcome.CANCELLED
    assert gateway.received == []


# Turns of talk


async def test_echo_of_what_was_said_is_heard_as_a_reply() -> None:
    """The gateway keeps what the caller says, and says it back when the caller is silent."""

    async def script(line: Line) -> None:
        line.gateway.echoing = False
        peer = await line.take_call()
        number = 0

        async def say(packets: tuple[bytes, ...]) -> None:
            nonlocal number
            for payload in packets:
                header = struct.pack("!BBHII", 0x80, 111, number & 0xFFFF, number * 960, peer.ssrc)
                number += 1
                peer.send_rtp(header + payload)
                await asyncio.sleep(0.02)

        hush = (silence(),)
        await say(hush * 5 + tone().packets + hush * 60)
        while not said.is_set():
            await say(hush)
        await say(hush * 10 + tone().packets + hush * 60)
        await line.listen()

    said = asyncio.Event()
    async with asyncio.timeout(60), ScriptedGateway(script) as gateway, caller_of(gateway) as caller:
        session = caller.call(listen=True)
        await session.wait_connected()
        greeting = await session.script.wait_for_agent(50)
        await session.script.say(tone())
        said.set()
        latency = await session.script.wait_for_reply(50)
        session.hang_up(Outcome.COMPLETED)
        record, turns = await caller.task
    assert record.outcome == Outcome.COMPLETED
    assert record.greeting_ms == greeting
    assert not_measured(greeting, record) or (greeting is not None and greeting > 0)
    assert record.turns == 1
    (turn,) = turns
    assert turn.call_id == record.call_id
    assert turn.turn_latency_ms == latency
    assert not_measured(latency, turn) or (latency is not None and latency > 0)
    # A tone of 500 ms; a busy machine sends it slower.
    assert not_measured(turn.reply_ms, turn) or (turn.reply_ms is not None and turn.reply_ms > 250)
    assert not turn.no_response


async def test_agent_that_says_nothing_fails_the_call() -> None:
    async def script(line: Line) -> None:
        await line.take_call()
        await line.listen()

    async with asyncio.timeout(60), ScriptedGateway(script) as gateway, caller_of(gateway) as caller:
        session = caller.call(listen=True)
        await session.wait_connected()
        with pytest.raises(CallError, match=r"no greeting within 0\.2 s"):
            await session.script.wait_for_agent(0.2)
        record = await caller.end()
    assert_failed(record, Stage.AGENT, "NO_RESPONSE")
