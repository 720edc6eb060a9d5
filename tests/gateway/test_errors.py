"""Each of the seven codes, and hostile input: the socket and the other sessions go on."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from loadkit.gateway.agent import Agent, AgentCall
from loadkit.gateway.app import Gateway
from loadkit.gateway.settings import SPEECH_FOLDER
from loadkit.transport.peer import Peer
from tests.waiting import PATIENCE_S, until

from .callers import OFFER_SDP, Caller, RawSocket, all_gone, offer
from .conftest import StartGateway

PING = '{"type": "ping", "sessionId": ""}'


async def test_unauthorized(start_gateway: StartGateway, caplog: pytest.LogCaptureFixture) -> None:
    gateway = await start_gateway(tokens=("right",))
    caplog.set_level(logging.DEBUG)
    async with RawSocket(gateway) as socket:
        assert await socket.refusal(offer(authToken="")) == ("UNAUTHORIZED", "Auth token required")
        assert await socket.refusal(offer(authToken=None)) == ("UNAUTHORIZED", "Auth token required")
        wrong = "UNAUTHORIZED", "Invalid authentication token"
        assert await socket.refusal(offer(authToken="wr0ng")) == wrong
        assert gateway.active_sessions == 0
        assert (await socket.ask(offer(authToken="right")))["type"] == "answer"
    # The client's library logs frames in this same process; ours must not.
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("loadkit")]
    assert not any("wr0ng" in text or "2/1muCWoOi3uLifh0NuRHlZn" in text for text in ours)


async def test_forbidden_before_a_session_exists(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(production=True)
    async with RawSocket(gateway) as socket:
        refusal = "FORBIDDEN", "echo mode is not permitted on a production gateway"
        assert await socket.refusal(offer()) == refusal
        assert gateway.active_sessions == 0
        assert (await socket.ask(offer(mode="realtime")))["type"] == "answer"


async def test_invalid_argument(gateway: Gateway) -> None:
    async with RawSocket(gateway) as socket:
        assert await socket.refusal(offer(mode="loud")) == (
            "INVALID_ARGUMENT",
            "unknown mode 'loud'; known are end-to-end, traditional, echo",
        )
        assert await socket.refusal(offer(agentVersionOverride={"artifactVersion": "1"})) == (
            "INVALID_ARGUMENT",
            "agentVersionOverride needs both artifactVersion and lambdaDeploymentVersion",
        )


@pytest.mark.parametrize(
    "frame",
    [
        "garbage",
        "",
        "[]",
        '"text"',
        "null",
        "{}",
        '{"type": "answer", "sessionId": ""}',
        '{"type": "offer", "sessionId": 7}',
        '{"type": "offer", "data": "sdp", "authToken": "t"}',
        '{"type": "ice-candidate", "sessionId": "", "data": {"candidate": 1}}',
        '{"type": "ice-candidate", "sessionId": "nobody", "data": {"candidate": ""}}',
        '{"type": "ice-candidate", "sessionId": "", "data": {"candidate": ""}}',
        "[" * 100 + "]" * 100,
        '{"a":' * 100 + "1" + "}" * 100,
        "[" * 100_000,
        "x" * 300_000,
        "x" * 1_000_000,
        b'{"type": "ping"}',
        b"\xff\xfe\x00",
    ],
)
async def test_invalid_message_and_the_socket_goes_on(gateway: Gateway, frame: str | bytes) -> None:
    async with RawSocket(gateway) as socket:
        code, message = await socket.refusal(frame)
        assert code == "INVALID_MESSAGE"
        assert message
        assert (await socket.ask(PING))["type"] == "pong"


async def test_a_call_survives_garbage(gateway: Gateway) -> None:
    async with Caller(gateway) as caller:
        await caller.place()
        for _ in range(20):
            assert (await caller.socket.refusal("{"))[0] == "INVALID_MESSAGE"
        caller.say(b"still here")
        assert [packet.payload for packet in await caller.hears(1)] == [b"still here"]


async def test_a_message_far_too_long_closes_its_socket_only(gateway: Gateway) -> None:
    async with RawSocket(gateway) as socket, RawSocket(gateway) as other:
        await socket.send("x" * 3_000_000)
        async with asyncio.timeout(PATIENCE_S):
            await socket.connection.wait_closed()
        assert socket.connection.close_code == 1009
        assert (await other.ask(PING))["type"] == "pong"


async def test_a_candidate_that_is_none_does_not_end_the_call(gateway: Gateway) -> None:
    async with Caller(gateway) as caller:
        await caller.socket.send(offer(OFFER_SDP))
        caller.session_id = (await caller.socket.receive("answer"))["sessionId"]
        await caller.candidate("candidate:garbage")
        error = await caller.socket.receive("error")
        assert error["sessionId"] == caller.session_id
        assert error["data"]["code"] == "INVALID_MESSAGE"
        assert gateway.active_sessions == 1


async def test_a_second_offer_in_a_session_is_refused(gateway: Gateway) -> None:
    async with Caller(gateway) as caller:
        await caller.place()
        await caller.socket.send(offer(sessionId=caller.session_id))
        error = await caller.socket.receive("error")
        assert error["data"] == {"code": "INVALID_MESSAGE", "message": "the session already has its offer"}


async def test_handler_error_when_the_gateway_itself_fails(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("loadkit.gateway.session.Session._accept", fail)
    async with RawSocket(gateway) as socket:
        assert await socket.refusal(offer()) == (
            "HANDLER_ERROR",
            "the gateway failed while handling the message; see its log",
        )
        assert "KeyError: 'a bug'" in caplog.text
        assert (await socket.ask(PING))["type"] == "pong"
        await all_gone(gateway)


async def test_handler_error_when_the_gateway_is_full(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_sessions=1)
    async with RawSocket(gateway) as socket, RawSocket(gateway) as other:
        answer = await socket.ask(offer())
        assert await other.refusal(offer()) == ("HANDLER_ERROR", "the gateway is full: it holds 1 sessions")
        await socket.send(json.dumps({"type": "close", "sessionId": answer["sessionId"]}))
        await all_gone(gateway)
        assert (await other.ask(offer()))["type"] == "answer"


async def test_handler_error_when_the_gateway_is_shutting_down(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing = asyncio.Event()
    may_close = asyncio.Event()
    close = Peer.close

    async def close_slowly(peer: Peer) -> None:
        closing.set()
        await may_close.wait()
        await close(peer)

    monkeypatch.setattr(Peer, "close", close_slowly)
    async with RawSocket(gateway) as socket:
        await socket.ask(offer())
        ending = asyncio.create_task(gateway.close())
        await closing.wait()
        await socket.receive("close")
        assert await socket.refusal(offer()) == ("HANDLER_ERROR", "the gateway is shutting down")
        may_close.set()
        await ending


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda sdp: sdp.replace("opus", "speex"), "Opus is not negotiated"),
        (lambda sdp: sdp.replace("a=fingerprint:sha-256", "a=x"), "no DTLS fingerprint"),
        (lambda sdp: sdp.replace("a=ice-ufrag", "a=x"), "no ICE ufrag"),
        (lambda sdp: sdp.replace("m=audio 9", "m=audio 0"), "rejected (port 0)"),
        (lambda sdp: sdp.replace("sendrecv", "recvonly"), "its audio is recvonly; a call needs sendrecv"),
        (lambda sdp: sdp.replace("actpass", "holdconn"), "the SDP cannot be parsed"),
        (lambda sdp: sdp + sdp[sdp.index("m=") :], "it has 2 media sections"),
        (lambda sdp: "hello", "no audio section"),
    ],
)
async def test_media_bridge_failure_for_an_offer_that_cannot_be_answered(
    gateway: Gateway, change: Callable[[str], str], reason: str
) -> None:
    async with RawSocket(gateway) as socket:
        code, message = await socket.refusal(offer(change(OFFER_SDP)))
        assert code == "MEDIA_BRIDGE_FAILURE"
        assert message.startswith("the offer cannot be taken: ")
        assert reason in message
        await all_gone(gateway)
        assert (await socket.ask(PING))["type"] == "pong"


async def test_media_bridge_failure_when_ice_does_not_finish(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(connect_timeout=0.2)
    async with RawSocket(gateway) as socket:
        session_id = (await socket.ask(offer()))["sessionId"]
        error = await socket.receive("error")
        assert error["sessionId"] == session_id
        assert error["data"] == {
            "code": "MEDIA_BRIDGE_FAILURE",
            "message": "ICE did not finish within 0.2 s of the answer",
        }
        await all_gone(gateway)


async def test_media_bridge_failure_when_the_certificate_does_not_match(gateway: Gateway) -> None:
    async with Caller(gateway) as caller:
        send = caller.socket.send

        async def send_with_another_fingerprint(frame: str | bytes) -> None:
            assert isinstance(frame, str)
            message = json.loads(frame)
            if message["type"] == "offer":
                lines = message["data"]["sdp"].split("\r\n")
                wrong = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
                lines = [wrong if line.startswith("a=fingerprint") else line for line in lines]
                message["data"]["sdp"] = "\r\n".join(lines)
            await send(json.dumps(message))

        caller.socket.send = send_with_another_fingerprint  # type: ignore[method-assign]
        placing = asyncio.create_task(caller.place())
        await until(lambda: caller.session_id != "")
        await asyncio.wait({placing})
        error = await caller.socket.receive("error")
        assert error["data"]["code"] == "MEDIA_BRIDGE_FAILURE"
        assert "the DTLS handshake failed" in error["data"]["message"]
        await all_gone(gateway)
        placing.exception()


async def test_agent_failure_when_its_recordings_are_missing(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    for recording in SPEECH_FOLDER.glob("*.wav"):
        shutil.copy(recording, tmp_path)
    (tmp_path / "goodbye.wav").unlink()
    gateway = await start_gateway(speech_folder=tmp_path)
    async with RawSocket(gateway) as socket:
        refusal = "AGENT_FAILURE", "the agent's recording goodbye.wav: there is no such file"
        assert await socket.refusal(offer(mode="end-to-end")) == refusal
        assert await socket.refusal(offer(mode="traditional")) == refusal
        await all_gone(gateway)
        assert (await socket.ask(offer(mode="echo")))["type"] == "answer"


async def test_agent_failure_when_the_agent_cannot_be_made(start_gateway: StartGateway) -> None:
    def make_agent(call: AgentCall) -> Agent:
        raise OSError("no route to the agent")

    gateway = await start_gateway(make_agent=make_agent)
    async with RawSocket(gateway) as socket:
        refusal = "AGENT_FAILURE", "the agent could not be made; see the gateway's log"
        assert await socket.refusal(offer(mode="end-to-end")) == refusal


@pytest.mark.parametrize("where", ["start", "packet_received", "next_packet"])
async def test_agent_failure_in_mid_call_costs_only_its_own_call(
    start_gateway: StartGateway, where: str
) -> None:
    class Quiet(Agent):
        def start(self, now: float) -> None: ...
        def packet_received(self, payload: bytes, now: float) -> None: ...
        def next_packet(self, now: float) -> bytes:
            return b"\xf8\xff\xfe"

    def fail(*_: object) -> None:
        raise RuntimeError("the agent broke")

    class Broken(Quiet): ...

    setattr(Broken, where, fail)
    agents = [Broken(), Quiet()]
    gateway = await start_gateway(make_agent=lambda call: agents.pop())
    async with Caller(gateway) as good, Caller(gateway) as bad:
        await good.place("end-to-end")
        await bad.place("end-to-end")
        bad.say(b"\xf8\xff\xfe")
        error = await bad.socket.receive("error")
        assert error["data"] == {"code": "AGENT_FAILURE", "message": "the agent failed in mid-call"}
        await good.hears(len(good.heard) + 10)
