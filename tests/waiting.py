"""What tests wait for, with time enough for a machine that stands still for a while; ports where nobody answers."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

from loadkit.records import CallRecord, TurnRecord

#: Waits are for events; this is how long a busy machine may take for one.
PATIENCE_S = 60.0

#: Settings of a caller whose stages are not what a test is about.
PATIENT: dict[str, float] = {
    "ice_servers_timeout": 60.0,
    "websocket_timeout": 60.0,
    "answer_timeout": 60.0,
    "turn_timeout": 60.0,
    "ice_timeout": 60.0,
    "dtls_timeout": 60.0,
    "connect_timeout": 120.0,
    "media_timeout": 60.0,
}


#: An echo may be held up for so long and still comes before a call is one-way (loadkit/call/echo_watch.py: 2 s).
_IN_TIME_MS = 1500


def echo_was_held_up(record: CallRecord) -> bool:
    """Whether the machine let a call wait so long for its echo that it is one-way by definition."""
    return max(record.first_audio_ms or 0.0, record.longest_gap_ms or 0.0) > _IN_TIME_MS


def not_measured(value: object, of: CallRecord | TurnRecord) -> bool:
    """Whether this was not measured because the machine let the engine stand still, which its record must say."""
    return value is None and of.stood_still_ms is not None


async def until(condition: Callable[[], object]) -> None:
    """Wait for what tells nobody that it has happened."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def has_ended(process: psutil.Process) -> bool:
    """Wait for the end of a process that is not our child; whether it came.

    Nobody may be there to take the exit code of an orphan: a zombie has ended.
    """
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@contextmanager
def dead_port() -> Iterator[int]:
    """A port of 127.0.0.1 that refuses whoever comes, over TCP and UDP, and that nobody else gets meanwhile."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            # Bound and not listening: connections are refused.
            tcp.bind(("127.0.0.1", 0))
            address = tcp.getsockname()
            try:
                udp.bind(address)
            except OSError:
                continue
            # Bound and connected to itself: from others nothing is taken, and they are told so by ICMP.
            udp.connect(address)
            yield int(address[1])
            return
