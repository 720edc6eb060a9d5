"""Sockets that are read together, in Python and in the compiled module: as an event loop's transports, but kinder."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from loadkit.native.structures import Event, Kind
from loadkit.transport.addresses import can_bind
from loadkit.transport.datagrams import DatagramPoll, EpollPoll, PolledSocket, poll_of_loop
from loadkit.transport.native_poll import NativePoll, address_of, packed_address
from tests.fakes import Footprint
from tests.media_paths import NATIVE
from tests.waiting import PATIENCE_S, dead_port

KINDS: list[type[DatagramPoll]] = [EpollPoll, *([NativePoll] if NATIVE else [])]
#: Linux: errors of what was sent are told to a socket that is not connected, too.
IP_RECVERR = 11


class Inbox(asyncio.DatagramProtocol):
    """What comes to a socket, to be waited for."""

    def __init__(self) -> None:
        self.datagrams: asyncio.Queue[tuple[bytes, tuple[Any, ...]]] = asyncio.Queue()
        self.errors: asyncio.Queue[Exception] = asyncio.Queue()
        self.lost = asyncio.Event()
        self.made: asyncio.BaseTransport | None = None
        self.fails = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if self.fails:
            raise RuntimeError("the handler fails")
        self.datagrams.put_nowait((data, addr))

    def error_received(self, exc: Exception) -> None:
        self.errors.put_nowait(exc)

    async def next(self) -> tuple[bytes, tuple[Any, ...]]:
        async with asyncio.timeout(PATIENCE_S):
            return await self.datagrams.get()


@pytest.fixture(params=KINDS)
async def poll(request: pytest.FixtureRequest) -> AsyncIterator[DatagramPoll]:
    footprint = Footprint()
    poll = poll_of_loop(request.param)
    yield poll
    poll.settle()
    await footprint.assert_nothing_is_left()


def opened(poll: DatagramPoll, address: str = "127.0.0.1") -> tuple[PolledSocket, Inbox]:
    inbox = Inbox()
    return poll.open(address, inbox), inbox


def until_delivered(sender: socket.socket) -> None:
    """Wait until what was sent is in the sockets that it was sent to: the kernel of a busy machine may do it later."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
        last.bind(("127.0.0.1", 0))
        last.settimeout(PATIENCE_S)
        sender.sendto(b"after all others", last.getsockname())
        last.recv(100)


async def test_datagrams_arrive_whole_with_where_they_came_from(poll: DatagramPoll) -> None:
    one, _ = opened(poll)
    other, inbox = opened(poll)
    for data in (b"\x00", b"stun" * 300, b"\x90" * 2048):
        one.sendto(data, other.get_extra_info("sockname"))
        assert await inbox.next() == (data, one.get_extra_info("sockname"))
    one.close()
    other.close()


async def test_datagrams_arrive_over_ipv6(poll: DatagramPoll) -> None:
    if not can_bind("::1"):
        return
    one, _ = opened(poll, "::1")
    other, inbox = opened(poll, "::1")
    one.sendto(b"six", other.get_extra_info("sockname")[:2])
    data, addr = await inbox.next()
    assert (data, addr[:2]) == (b"six", one.get_extra_info("sockname")[:2])
    one.close()
    other.close()


async def test_more_than_is_read_at_a_time_arrives_all_the_same(poll: DatagramPoll) -> None:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sockets = [opened(poll) for _ in range(150)]
    for number, (transport, _) in enumerate(sockets):
        for _ in range(2):
            sender.sendto(str(number).encode(), transport.get_extra_info("sockname"))
    for number, (transport, inbox) in enumerate(sockets):
        assert [(await inbox.next())[0] for _ in range(2)] == [str(number).encode()] * 2
        transport.close()
    sender.close()


async def test_a_flight_of_datagrams_is_read_in_one_go(poll: DatagramPoll) -> None:
    # A loop that is late gets to read once while the clock sends several packets of each call: what it left would
    # heap up in the sockets, and packets would be late, or lost, by the fault of who measures.
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sockets = [opened(poll) for _ in range(80)]
    for transport, _ in sockets:
        for number in range(5):
            sender.sendto(bytes([number]), transport.get_extra_info("sockname"))
    until_delivered(sender)
    poll.drain()
    for transport, inbox in sockets:
        read = [inbox.datagrams.get_nowait()[0] for _ in range(inbox.datagrams.qsize())]
        assert read == [bytes([number]) for number in range(5)]
        transport.close()
    sender.close()


class Closing(Inbox):
    """Closes its socket with the first datagram."""

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        super().datagram_received(data, addr)
        assert isinstance(self.made, PolledSocket)
        self.made.close()


async def test_who_closes_sockets_while_they_are_read_hears_no_more(poll: DatagramPoll) -> None:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    inboxes = [Closing() for _ in range(3)]
    for inbox in inboxes:
        transport = poll.open("127.0.0.1", inbox)
        for _ in range(2):
            sender.sendto(b"once", transport.get_extra_info("sockname"))
    until_delivered(sender)
    poll.drain()
    assert [inbox.datagrams.qsize() for inbox in inboxes] == [1, 1, 1]
    sender.close()


async def test_what_it_says_of_itself_is_what_a_transport_says(poll: DatagramPoll) -> None:
    transport, inbox = opened(poll)
    assert inbox.made is transport
    assert transport.get_extra_info("sockname") == transport.get_extra_info("socket").getsockname()
    assert not transport.is_closing()
    transport.abort()
    assert transport.is_closing()
    async with asyncio.timeout(PATIENCE_S):
        await inbox.lost.wait()
    transport.close()


async def test_a_refused_datagram_is_told_and_ends_nothing(poll: DatagramPoll) -> None:
    with dead_port() as port:
        nobody = ("127.0.0.1", port)
        transport, inbox = opened(poll)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        for _ in range(3):
            transport.sendto(b"anybody?", nobody)
            await asyncio.sleep(0)
        transport.sendto(b"me", transport.get_extra_info("sockname"))
        while (await inbox.next())[0] != b"me":
            pass
        transport.sendto(b"x" * 70_000, nobody)
    async with asyncio.timeout(PATIENCE_S):
        assert isinstance(await inbox.errors.get(), OSError)
    transport.close()


async def test_nothing_is_sent_after_the_end(poll: DatagramPoll) -> None:
    one, inbox = opened(poll)
    other, _ = opened(poll)
    one.sendto(b"on its way", other.get_extra_info("sockname"))
    other.close()
    one.sendto(b"to nobody", other.get_extra_info("sockname"))
    one.close()
    one.sendto(b"late", one.get_extra_info("sockname"))
    await asyncio.sleep(0)
    assert inbox.datagrams.empty()


async def test_handler_that_fails_ends_nothing(poll: DatagramPoll, caplog: pytest.LogCaptureFixture) -> None:
    one, inbox = opened(poll)
    own = one.get_extra_info("sockname")
    inbox.fails = True
    with caplog.at_level(logging.ERROR):
        one.sendto(b"fails", own)
        async with asyncio.timeout(PATIENCE_S):
            while not caplog.records:  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(0)
    inbox.fails = False
    one.sendto(b"hears", own)
    assert (await inbox.next())[0] == b"hears"
    one.close()


async def test_a_name_or_a_foreign_address_cannot_be_bound(poll: DatagramPoll) -> None:
    for address in ("localhost", "192.0.2.1"):
        with pytest.raises(OSError, match=r".+"):
            opened(poll, address)


async def test_the_poll_of_a_loop_is_one_until_nothing_is_left_to_watch() -> None:
    first = poll_of_loop(EpollPoll)
    transport, inbox = opened(first)
    assert poll_of_loop(EpollPoll) is first
    transport.close()
    await inbox.lost.wait()
    assert poll_of_loop(EpollPoll) is not first
    poll_of_loop(EpollPoll).settle()


def test_an_interface_that_has_gone_is_told_by_its_number() -> None:
    gone = 1 + max(index for index, _ in socket.if_nameindex()) + 1000
    event = Event(Kind.DATAGRAM, 1, 0.0, b"", (socket.AF_INET6, b"\xfe\x80" + bytes(13) + b"\1", 9, gone))
    assert address_of(event) == (f"fe80::1%{gone}", 9, 0, gone)


def test_addresses_are_packed_with_their_interface() -> None:
    assert packed_address("127.0.0.1", 9) == (socket.AF_INET, b"\x7f\0\0\1", 9, 0)
    index = socket.if_nametoindex("lo")
    assert packed_address("fe80::1%lo", 9) == (
        socket.AF_INET6,
        bytes.fromhex("fe80" + "0" * 27 + "1"),
        9,
        index,
    )
    with pytest.raises(OSError, match=r".+"):
        packed_address("gateway.example", 9)
