"""Echo calls: what comes back, how a session ends, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import json
import struct

import psutil
from aiortc.rtp import RtcpByePacket, RtcpPacket, RtcpRrPacket, RtcpSrPacket

from loadkit.gateway.app import Gateway
from loadkit.transport.peer import Peer
from tests.waiting import until

from .callers import OFFER_SDP, Caller, RawSocket, all_gone, offer
from .conftest import StartGateway


async def test_echo_returns_payload_number_time_and_marker_as_they_were(gateway: Gateway) -> None:
    async with Caller(gateway) as caller:
        await caller.place("echo")
        sent = [
            (65_534, 4_294_966_336, False, b"one"),
            (65_535, 0, True, b"two" * 100),
            (1, 1_920, False, b"number 0 was lost on the way"),
            (0, 960, False, b"or late"),
        ]
        for number, timestamp, marker, payload in sent:
            header = struct.pack("!BBHII", 0x80, 111 | marker << 7, number, timestamp, caller.peer.ssrc)
            caller.peer.send_rtp(header + payload)
        heard = await caller.hears(4)
        assert [(p.sequence_number, p.timestamp, p.marker, p.payload) for p in heard] == sent
        assert {p.payload_type for p in heard} == {111}
        (ssrc,) = {p.ssrc for p in heard}
        assert ssrc != caller.peer.ssrc


async def test_echo_leaves_out_extensions_and_padding_and_drops_other_payload_types(gateway: Gateway) -> None:
    async with Caller(gateway) as caller:
        await caller.place("echo")
        ssrc = caller.peer.ssrc
        extension = struct.pack("!HHI", 0xBEDE, 1, 0x10FF0000)
        caller.peer.send_rtp(struct.pack("!BBHII", 0x80, 0, 1, 0, ssrc) + b"PCMU")
        caller.peer.send_rtp(
            struct.pack("!BBHII", 0xB0, 111, 2, 960, ssrc) + extension + b"opus" + b"\0\0\0\4"
        )
        caller.peer.send_rtp(struct.pack("!BBHII", 0x80, 111, 3, 1920, ssrc) + b"plain")
        assert [packet.payload for packet in await caller.hears(2)] == [b"opus", b"plain"]
        assert [packet.sequence_number for packet in caller.heard[0][:1]] == [2]


async def test_reports_come_and_the_last_word_is_bye(gateway: Gateway) -> None:
    async with Caller(gateway) as caller:
        await caller.place("echo")
        for _ in range(10):
            caller.say(b"hello")
        heard = await caller.hears(10)
        (report, _) = RtcpPacket.parse(await caller.hears_report())
        assert isinstance(report, RtcpSrPacket)
        assert report.ssrc == heard[0].ssrc
        assert report.sender_info.packet_count == 10
        assert report.sender_info.octet_count == 50
        assert [r.ssrc for r in report.reports] == [caller.peer.ssrc]
        await caller.close()
        await caller.hears_bye()
        await all_gone(gateway)
        assert isinstance(RtcpPacket.parse(caller.rtcp[-1])[-1], RtcpByePacket)


async def test_a_caller_that_sends_nothing_is_still_reported_to(gateway: Gateway) -> None:
    async with Caller(gateway) as caller:
        await caller.place("echo")
        (report, _) = RtcpPacket.parse(await caller.hears_report())
        assert isinstance(report, RtcpRrPacket)


async def test_the_answer_comes_before_the_candidates_and_the_end_of_them_last(gateway: Gateway) -> None:
    async with RawSocket(gateway) as socket:
        answer = await socket.ask(offer())
        assert set(answer) == {"type", "sessionId", "data"}
        assert answer["data"]["type"] == "answer"
        lines = answer["data"]["sdp"].split("\r\n")
        assert "a=setup:active" in lines
        assert "a=mid:0" in lines
        assert "a=rtpmap:111 opus/48000/2" in lines
        assert not any(line.startswith("a=candidate") for line in lines)
        first, end = await socket.receive(), await socket.receive()
        assert {first["type"], end["type"]} == {"ice-candidate"}
        assert {first["sessionId"], end["sessionId"]} == {answer["sessionId"]}
        assert " 127.0.0.1 " in first["data"]["candidate"]
        assert (first["data"]["sdpMid"], first["data"]["sdpMLineIndex"]) == ("0", 0)
        assert end["data"]["candidate"] == ""


async def test_the_callers_payload_type_and_mid_are_taken_over(gateway: Gateway) -> None:
    sdp = OFFER_SDP.replace("111", "96").replace("a=mid:0", "a=mid:audio").replace("BUNDLE 0", "BUNDLE audio")
    async with RawSocket(gateway) as socket:
        lines = (await socket.ask(offer(sdp)))["data"]["sdp"].split("\r\n")
        assert "a=rtpmap:96 opus/48000/2" in lines
        assert "a=mid:audio" in lines
        assert "a=group:BUNDLE audio" in lines


async def test_a_null_session_id_and_legacy_modes_are_taken(gateway: Gateway) -> None:
    async with RawSocket(gateway) as socket:
        for mode in ("agent", "agent_v1", "agent_v2", "cascaded", "normal", "realtime", None):
            answer = await socket.ask(offer(sessionId=None, mode=mode))
            assert answer["type"] == "answer"
            await socket.send(json.dumps({"type": "close", "sessionId": answer["sessionId"]}))
            await all_gone(gateway)
            # Candidates of the session may still have been on their way.
            await socket.send('{"type": "ping"}')
            await socket.receive("pong")


async def test_a_fresh_socket_continues_the_session(gateway: Gateway) -> None:
    async with Caller(gateway) as caller:
        await caller.place("echo")
        caller.socket.connection.transport.abort()
        await caller.socket.connection.wait_closed()
        async with RawSocket(gateway) as fresh:
            ping = {"type": "ping", "sessionId": caller.session_id}
            assert await fresh.ask(json.dumps(ping)) == {"type": "pong", "sessionId": caller.session_id}
            caller.say(b"as before")
            assert [packet.payload for packet in await caller.hears(1)] == [b"as before"]
            # What the gateway says now comes over the fresh socket.
            await gateway.close()
            assert await fresh.receive() == {"type": "close", "sessionId": caller.session_id}


async def test_late_words_over_the_old_socket_do_not_end_the_session_with_it(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(reconnect_grace=0.1, connect_timeout=2)
    async with RawSocket(gateway) as fresh:
        async with RawSocket(gateway) as old:
            session_id = (await old.ask(offer()))["sessionId"]
            ping = json.dumps({"type": "ping", "sessionId": session_id})
            await fresh.send(ping)
            await fresh.receive("pong")
            await old.send(ping)
            await old.receive("pong")
        # What the session says in the end comes over the fresh socket; without one, nobody would hear it.
        assert (await fresh.receive("error"))["data"]["code"] == "MEDIA_BRIDGE_FAILURE"
    await all_gone(gateway)


async def test_a_session_whose_socket_does_not_come_back_ends_after_the_grace_time(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(reconnect_grace=2.0)
    async with Caller(gateway) as caller:
        await caller.place("echo")
        await caller.socket.connection.close()
        caller.say(b"still there")
        await caller.hears(1)
        assert gateway.active_sessions == 1
        await all_gone(gateway)
        async with RawSocket(gateway) as late:
            code, message = await late.refusal(
                json.dumps({"type": "ice-candidate", "sessionId": caller.session_id, "data": {}})
            )
            assert (code, message) == ("INVALID_MESSAGE", "the message cannot be placed: unknown sessionId")


async def test_a_close_for_a_session_that_is_gone_is_no_fault(gateway: Gateway) -> None:
    async with RawSocket(gateway) as socket:
        await socket.send('{"type": "close", "sessionId": "gone"}')
        assert (await socket.ask('{"type": "ping"}'))["type"] == "pong"


async def test_the_longest_call_is_ended_with_an_error(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_duration=0.3)
    async with RawSocket(gateway) as socket:
        session_id = (await socket.ask(offer()))["sessionId"]
        error = await socket.receive("error")
        assert (error["sessionId"], error["data"]["code"]) == (session_id, "FORBIDDEN")
        await all_gone(gateway)


async def test_a_caller_that_falls_silent_is_ended_with_an_error(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(media_timeout=0.3)
    async with Caller(gateway) as caller:
        await caller.place("echo")
        error = await caller.socket.receive("error")
        assert error["sessionId"] == caller.session_id
        assert error["data"] == {
            "code": "MEDIA_BRIDGE_FAILURE",
            "message": "no RTP packet came for 0.3 s",
        }
        await all_gone(gateway)


async def test_a_caller_that_closes_its_media_only_is_ended_with_an_error(gateway: Gateway) -> None:
    async with Caller(gateway) as caller:
        await caller.place("echo")
        await caller.peer.close()
        error = await caller.socket.receive("error")
        assert error["data"]["message"] == "the media connection was lost"
        await all_gone(gateway)


async def test_an_end_of_candidates_that_comes_first_does_not_fail_the_call(gateway: Gateway) -> None:
    async with Caller(gateway) as caller:
        gather = caller.peer.gather

        async def gather_late(on_candidate: object) -> None:
            await caller.candidate("")
            await gather(on_candidate)  # type: ignore[arg-type]

        caller.peer.gather = gather_late  # type: ignore[method-assign]
        await caller.place("echo")
        caller.say(b"connected")
        await caller.hears(1)


async def test_sessions_that_end_in_every_way_leave_nothing_behind(gateway: Gateway) -> None:
    process = psutil.Process()

    async def one_of_each() -> None:
        async with Caller(gateway) as closed, Caller(gateway) as torn, Caller(gateway) as media_closed:
            await asyncio.gather(closed.place(), torn.place("end-to-end"), media_closed.place())
            await closed.close()
            await torn.peer.close()
            await media_closed.peer.close()
        async with RawSocket(gateway) as socket:
            await socket.send(offer())
            await socket.send(offer("garbage"))
            answer = await socket.receive("answer")
            await socket.send(json.dumps({"type": "close", "sessionId": answer["sessionId"]}))
        await all_gone(gateway)

    await one_of_each()
    gc.collect()
    tasks, descriptors = len(asyncio.all_tasks()), process.num_fds()
    for _ in range(3):
        await one_of_each()
    await until(lambda: len(asyncio.all_tasks()) <= tasks and process.num_fds() <= descriptors)
    await until(lambda: not peers())


def peers() -> list[Peer]:
    """Those that are held by anything."""
    gc.collect()
    return [thing for thing in gc.get_objects() if isinstance(thing, Peer)]


async def test_twenty_quick_calls_at_once(gateway: Gateway) -> None:
    async def call(number: int) -> None:
        async with Caller(gateway) as caller:
            await caller.place("echo")
            payload = f"call {number}".encode()
            for _ in range(5):
                caller.say(payload)
            assert [packet.payload for packet in await caller.hears(5)] == [payload] * 5
            await caller.close()

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(call(number))
    await all_gone(gateway)


async def test_calls_in_progress_are_sent_close_when_the_gateway_ends(gateway: Gateway) -> None:
    async with Caller(gateway) as caller:
        await caller.place("echo")
        await gateway.close()
        assert await caller.socket.receive() == {"type": "close", "sessionId": caller.session_id}
        async with asyncio.timeout(10):
            await caller.peer.lost
