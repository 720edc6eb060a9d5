"""Ways that a call can go: two that end well, and every place where one can break off."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from benchmarks.light_caller import LightCaller
from loadkit.errors import TransportError

Way = Callable[[LightCaller], Awaitable[None]]


# Calls that end well


async def echo(call: LightCaller) -> None:
    await call.connect()
    await call.talk(5)
    await call.hang_up()
    await call.peer.close()


async def agent(call: LightCaller) -> None:
    await call.connect("end-to-end")
    await call.talk(5)
    await call.hang_up()
    await call.peer.close()


# Calls that break off


async def socket_opened_and_left(call: LightCaller) -> None:
    await call.open()
    await call.websocket.close()


async def socket_opened_and_torn(call: LightCaller) -> None:
    await call.open()
    call.tear()


async def half_an_offer(call: LightCaller) -> None:
    await call.open()
    async with call.websocket.send_context():
        call.websocket.protocol.send_text(b'{"type": "offer", "sess', fin=False)


async def garbage_and_gone(call: LightCaller) -> None:
    await call.open()
    for frame in ("", "{", "[]", b"\xff", '{"a":' * 100 + "1" + "}" * 100, "x" * 300_000):
        await call.websocket.send(frame)


async def offer_and_torn(call: LightCaller) -> None:
    await call.open()
    await call.offer()


async def offer_without_opus(call: LightCaller) -> None:
    await call.open()
    await call.offer(codec="speex")
    await call.receive("error")


async def offer_of_unknown_mode(call: LightCaller) -> None:
    await call.open()
    await call.offer("loud")
    await call.receive("error")


async def closed_while_gathering(call: LightCaller) -> None:
    await call.open()
    await call.offer()
    await call.hang_up()


async def answered_and_torn(call: LightCaller) -> None:
    await call.open()
    await call.offer("traditional")
    await call.answered()


async def answered_and_left(call: LightCaller) -> None:
    await call.open()
    await call.offer()
    await call.answered()
    await call.websocket.close()


async def candidates_and_torn(call: LightCaller) -> None:
    await call.open()
    await call.offer()
    await call.answered()
    await call.gather()


async def candidates_and_closed(call: LightCaller) -> None:
    await call.open()
    await call.offer()
    await call.answered()
    await call.gather()
    await call.hang_up()


async def candidates_that_nobody_can_use(call: LightCaller) -> None:
    await call.open()
    await call.offer()
    await call.answered()
    for line in ("candidate:1 1 udp 1 ::1 9 typ host", "candidate:2 1 udp 1 nobody.example 9 typ host", ""):
        await call.candidate(line)
    await call.receive("error")


async def candidate_with_an_mdns_name(call: LightCaller) -> None:
    await call.open()
    await call.offer()
    await call.answered()
    await call.candidate("candidate:1 1 udp 1 5c3e7f0e-3f6b-4e4e-9a0e-6c8d1c4d7d11.local 9 typ host")
    await call.gather()


async def pair_and_torn(call: LightCaller) -> None:
    await call.open()
    await call.offer()
    await call.answered()
    await call.ice()


async def pair_and_closed(call: LightCaller) -> None:
    await call.open()
    await call.offer("end-to-end")
    await call.answered()
    await call.ice()
    await call.hang_up()


async def handshake_broken_off(call: LightCaller) -> None:
    await call.open()
    await call.offer()
    await call.answered()
    await call.ice()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.002):
            await call.dtls()


async def wrong_fingerprint(call: LightCaller) -> None:
    await call.open()
    await call.offer(wrong_fingerprint=True)
    await call.answered()
    await call.ice()
    with contextlib.suppress(TransportError):
        await call.dtls()
    await call.receive("error")


async def connected_and_torn(call: LightCaller) -> None:
    await call.connect()
    await call.talk(2)


async def agent_torn_in_mid_sentence(call: LightCaller) -> None:
    await call.connect("end-to-end")
    await call.talk(20)


async def closed_and_vanished(call: LightCaller) -> None:
    await call.connect()
    await call.hang_up()


async def media_closed_only(call: LightCaller) -> None:
    await call.connect()
    await call.peer.close()
    await call.receive("error")


async def second_offer(call: LightCaller) -> None:
    await call.connect()
    await call.offer()
    await call.receive("error")


async def garbage_in_mid_call(call: LightCaller) -> None:
    await call.connect()
    for _ in range(20):
        await call.websocket.send("{")
    await call.talk(2)


async def fresh_socket_and_torn(call: LightCaller) -> None:
    await call.connect()
    call.tear()
    await call.open()
    await call.send(type="ping")
    await call.receive("pong")


GOOD: tuple[Way, ...] = (echo, echo, echo, agent)
BROKEN: tuple[Way, ...] = (
    socket_opened_and_left,
    socket_opened_and_torn,
    half_an_offer,
    garbage_and_gone,
    offer_and_torn,
    offer_without_opus,
    offer_of_unknown_mode,
    closed_while_gathering,
    answered_and_torn,
    answered_and_left,
    candidates_and_torn,
    candidates_and_closed,
    candidates_that_nobody_can_use,
    candidate_with_an_mdns_name,
    pair_and_torn,
    pair_and_closed,
    handshake_broken_off,
    wrong_fingerprint,
    connected_and_torn,
    agent_torn_in_mid_sentence,
    closed_and_vanished,
    media_closed_only,
    second_offer,
    garbage_in_mid_call,
    fresh_socket_and_torn,
)
