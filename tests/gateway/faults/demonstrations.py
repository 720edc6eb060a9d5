"""Each fault as a real call meets it: a real gateway with the fault, a real caller, its record.

``docs/faults.md`` is made from this list, and the tests run it again.
"""

from __future__ import annotations

import asyncio
import operator
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from loadkit.call.context import make_context
from loadkit.call.destination import Destination
from loadkit.call.lifetime import CallEnded
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.errors import CallError
from loadkit.gateway.app import Gateway
from loadkit.gateway.embedded import EmbeddedGateway
from loadkit.gateway.settings import GatewaySettings
from loadkit.media.clock import MediaClock
from loadkit.media.samples import load_sample
from loadkit.records import CallRecord, Outcome, to_row
from loadkit.settings import SAMPLES_DIR, make_settings
from loadkit.transport.dtls import Certificate
from loadkit.transport.warm_up import warm_up

#: Short, so that a call that waits in vain does not wait for long; for demonstrations only.
CALLER_SETTINGS = {
    "auth_token": "practice",
    "answer_timeout": 3.0,
    "ice_timeout": 5.0,
    "media_timeout": 3.0,
    "agent_timeout": 6.0,
}
_APART_S = 0.2
_FURTHER_TRIES = 3
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "≥": operator.ge,
    "≤": operator.le,
}

Talk = Callable[[CallSession], Awaitable[None]]


#: Talks without a pause of two seconds, and asks a question; encoded before the first call.
MONOLOGUE, QUESTION = (load_sample(SAMPLES_DIR / name) for name in ("monologue_60s.wav", "book_a_table.wav"))


def _echo_for(seconds: float) -> Talk:
    async def talk(call: CallSession) -> None:
        await call.script.talk(MONOLOGUE, seconds)

    return talk


async def _ask_the_agent(call: CallSession) -> None:
    timeout = CALLER_SETTINGS["agent_timeout"]
    assert isinstance(timeout, float)
    await call.script.wait_for_agent(timeout)
    await call.script.say(QUESTION)
    await call.script.wait_for_reply(timeout)


_THREE_SECONDS = _echo_for(3.0)


@dataclass(frozen=True)
class Demonstration:
    """One fault and what the caller's record tells of it."""

    fault: str
    """As ``--fault`` takes it."""
    ends: tuple[str, str | None, str | None]
    """Outcome, failed stage, error code."""
    tells: dict[str, str] = field(default_factory=dict)
    """Column → what must be true of it: a comparison (``≥ 700``, ``= True``, ``10 to 90``)."""
    note: str = ""
    mode: str = "echo"
    talk: Talk = _THREE_SECONDS
    listen: bool = False
    own_process: bool = False
    """Whether the gateway needs a process of its own."""


DEMONSTRATIONS = (
    Demonstration("error code=AGENT_FAILURE", ("failed", "answer", "AGENT_FAILURE")),
    Demonstration(
        "error code=HANDLER_ERROR at=1s",
        ("failed", "media", "HANDLER_ERROR"),
        {"connected_ms": "≥ 900", "error_message": "= a fault on demand"},
    ),
    Demonstration(
        "error code=FULL above=0",
        ("failed", "answer", "FULL"),
        note="With `above=40` the 41st call at once is refused so, and none of the 40.",
    ),
    Demonstration("hang-up", ("failed", "answer", "CLOSED_EARLY")),
    Demonstration("hang-up at=1s", ("hung_up", None, None), {"connected_ms": "≥ 900"}),
    Demonstration("late-answer by=700ms", ("completed", None, None), {"answer_ms": "≥ 690"}),
    Demonstration(
        "slowdown per-minute=10s",
        ("completed", None, None),
        {"answer_ms": "≥ 1"},
        "So much that one call shows it, of a gateway that is some seconds old; a [soak](soak.md) takes `1ms`.",
    ),
    Demonstration(
        "no-answer", ("failed", "answer", "ANSWER_TIMEOUT"), note="After `--answer-timeout`, here 3 s."
    ),
    Demonstration("late-candidates by=800ms", ("completed", None, None), {"ice_ms": "≥ 700"}),
    Demonstration(
        "no-candidates",
        ("failed", "ice", "ICE_TIMEOUT"),
        {"remote_candidates": "= 0"},
        "After `--ice-timeout`, here 5 s.",
    ),
    Demonstration(
        "end-of-candidates-first",
        ("completed", None, None),
        {"end_of_candidates_early": "= True", "remote_candidates": "≥ 1", "signaling_dropped": "= 0"},
        "The caller waits for a second without candidates before it believes an end, so nothing is lost.",
    ),
    Demonstration("wrong-fingerprint", ("failed", "dtls", "DTLS_FAILED")),
    Demonstration(
        "socket-close code=1001", ("failed", "answer", "SIGNALING_LOST"), {"signaling_close_code": "= 1001"}
    ),
    Demonstration(
        "socket-close code=1000 at=500ms",
        ("completed", None, None),
        {"signaling_close_code": "= 1000", "signaling_reconnects": "= 1", "packets_lost": "= 0"},
        "The caller opens a fresh socket after a second, and the session goes on over it.",
    ),
    Demonstration("socket-reset", ("failed", "answer", "SIGNALING_LOST"), {"signaling_close_code": "= 1006"}),
    Demonstration(
        "socket-reset at=500ms",
        ("completed", None, None),
        {"signaling_close_code": "= 1006", "signaling_reconnects": "= 1", "packets_lost": "= 0"},
    ),
    Demonstration(
        "media-stop at=1s",
        ("failed", "media", "MEDIA_LOST"),
        {"media_stopped": "= True", "no_audio": "= False"},
        "After `--media-timeout`, here 3 s.",
        talk=_echo_for(10.0),
    ),
    Demonstration(
        "media-stop at=1s for=1s",
        ("completed", None, None),
        {"longest_gap_ms": "≥ 900", "packets_lost": "≥ 30", "media_stopped": "= False"},
        "The echo keeps the caller's numbers, so what was not echoed meanwhile is lost.",
        talk=_echo_for(4.0),
    ),
    Demonstration(
        "silent",
        ("completed", None, None),
        {"silent_audio": "= True", "one_way": "= True", "packets_lost": "= 0"},
        "In echo mode such a call is one-way, too: sound goes out, and none comes back.",
        talk=_echo_for(4.0),
    ),
    Demonstration(
        "silent at=1s for=3s",
        ("completed", None, None),
        {"silent_audio": "= False", "one_way": "= True", "packets_lost": "= 0"},
        "Noticed in calls that listen throughout, as all do whose script waits for the agent or for replies.",
        talk=_echo_for(6.0),
        listen=True,
    ),
    Demonstration(
        "one-way lost=sent",
        ("failed", "media", "NO_AUDIO"),
        {"no_audio": "= True", "one_way": "= True", "packets_received": "= 0"},
        "After `--media-timeout`, here 3 s.",
        talk=_echo_for(10.0),
    ),
    Demonstration(
        "one-way lost=heard",
        ("failed", "agent", "NO_RESPONSE"),
        {"one_way": "= True", "no_audio": "= False", "greeting_ms": "≥ 0"},
        "The agent greets and then hears nothing. In echo mode, what is not heard cannot be echoed: the call"
        " ends as with `lost=sent`.",
        mode="end-to-end",
        talk=_ask_the_agent,
        listen=True,
    ),
    Demonstration(
        "choppy loss=10% burst=5 seed=1",
        ("completed", None, None),
        {"packets_lost": "10 to 100", "loss_burst_mean": "≥ 2.5", "longest_gap_ms": "≥ 80"},
        "Lost by chance, the same share comes in bursts of 1.1 packets.",
        talk=_echo_for(8.0),
    ),
    Demonstration(
        "choppy loss=10% direction=heard seed=1",
        ("completed", None, None),
        {"packets_lost": "20 to 100", "loss_burst_mean": "≤ 1.6", "remote_packets_lost": "≥ 1"},
        "Lost on the way to the gateway, by its own RTCP; the echo has these holes, too.",
        talk=_echo_for(11.0),
    ),
    Demonstration(
        "choppy delay=150ms jitter=60ms",
        ("completed", None, None),
        {"first_packet_ms": "≥ 150", "jitter": "≥ 0.008", "round_trip_time": "≥ 0.14", "packets_lost": "= 0"},
        "RTCP is delayed as the packets are, and so the round trip time holds the delay.",
        talk=_echo_for(11.0),
    ),
    Demonstration(
        "choppy reorder=10% duplicate=10% seed=1",
        ("completed", None, None),
        {"packets_reordered": "≥ 5", "packets_duplicated": "≥ 5", "packets_lost": "≤ 1"},
    ),
    Demonstration(
        "clock-drift ppm=2000",
        ("completed", None, None),
        {"clock_drift_ppm": "1700 to 2300"},
        "It takes a call of ten seconds to tell.",
        talk=_echo_for(15.0),
    ),
    Demonstration(
        "clock-drift ppm=-2000",
        ("completed", None, None),
        {"clock_drift_ppm": "-2300 to -1700"},
        mode="traditional",
        talk=_echo_for(15.0),
    ),
    Demonstration(
        "leak",
        ("completed", None, None),
        {"packets_lost": "= 0"},
        "Nothing in the call tells it: `activeSessions` does, after the call, see [soak.md](soak.md).",
    ),
    Demonstration(
        "stall at=1s for=1s",
        ("completed", None, None),
        {"longest_gap_ms": "≥ 900", "packets_lost": "= 0", "late_ms_max": "≤ 800"},
        "What was sent meanwhile comes in one burst. The caller's own lateness (`late_ms_max`) stays low: it was"
        " not the tester that stood still.",
        own_process=True,
        talk=_echo_for(4.0),
    ),
)


def holds(value: Any, condition: str) -> bool:
    """Whether a condition such as ``≥ 700`` is true of a value, or of what the page shows of it."""
    if between := re.fullmatch(r"(-?\d+) to (-?\d+)", condition):
        return value is not None and float(between[1]) <= float(value) <= float(between[2])
    sign, _, bound = condition.partition(" ")
    if sign == "=":
        return str(value) == bound
    return value is not None and _COMPARISONS[sign](float(value), float(bound))


def complaints(demonstration: Demonstration, record: CallRecord) -> list[str]:
    """What the record says otherwise than it should."""
    row = to_row(record)
    ends = (row["outcome"], row["failed_stage"], row["error_code"])
    wrong = []
    if ends != demonstration.ends:
        wrong.append(f"it ended as {ends}: {record.error_message}")
    wrong += [
        f"{column} is {row[column]}, not {condition}"
        for column, condition in demonstration.tells.items()
        if not holds(row[column], condition)
    ]
    return wrong


@asynccontextmanager
async def _gateway(demonstration: Demonstration) -> AsyncIterator[str]:
    """The URL of a gateway with the fault."""
    if demonstration.own_process:
        embedded = EmbeddedGateway(["--fault", demonstration.fault])
        yield await asyncio.to_thread(embedded.start, ())
        await asyncio.to_thread(embedded.stop)
        return
    gateway = Gateway(GatewaySettings(fault=(demonstration.fault,)))
    await gateway.start()
    yield gateway.url
    await gateway.close()


async def place_call(
    url: str,
    mode: str = "echo",
    talk: Talk = _THREE_SECONDS,
    *,
    listen: bool = False,
    certificate: Certificate | None = None,
    clock: MediaClock | None = None,
    more: Mapping[str, float] | None = None,
) -> CallRecord:
    """Place one call, with more settings, and return its record."""
    settings = make_settings({**CALLER_SETTINGS, **(more or {})})
    destination = Destination.of(url, settings)
    context = make_context(
        settings, destination, certificate=certificate or Certificate(), clock=clock or MediaClock()
    )
    call = CallSession(CallSpec(intended=time.monotonic(), mode=mode, listen=listen), context)
    running = asyncio.create_task(call.run())
    # The record says how it ended.
    with suppress(CallEnded, CallError):
        await call.wait_connected()
        await talk(call)
        call.hang_up(Outcome.COMPLETED)
    record, _ = await running
    return record


async def demonstrate() -> list[CallRecord]:
    """One record for each of :data:`DEMONSTRATIONS`.

    All of them share one process with their gateways, and a machine that is busy otherwise can spoil what they
    measure: calls that do not say what they should are placed again, with fewer others beside them.
    """
    records = await _side_by_side(DEMONSTRATIONS)
    for _ in range(_FURTHER_TRIES):
        spoilt = [n for n, record in enumerate(records) if complaints(DEMONSTRATIONS[n], record)]
        if not spoilt:
            break
        again = await _side_by_side([DEMONSTRATIONS[n] for n in spoilt])
        for n, record in zip(spoilt, again, strict=True):
            records[n] = record
    return records


async def _side_by_side(demonstrations: Sequence[Demonstration]) -> list[CallRecord]:
    certificate, clock = Certificate(), MediaClock()

    async def one(number: int, demonstration: Demonstration) -> CallRecord:
        # Not all at once: the set-up of so many calls would make the first packets of each late. The last take longest.
        await asyncio.sleep((len(demonstrations) - number) * _APART_S)
        async with _gateway(demonstration) as url:
            return await place_call(
                url,
                demonstration.mode,
                demonstration.talk,
                listen=demonstration.listen,
                certificate=certificate,
                clock=clock,
            )

    await warm_up(certificate)
    return list(await asyncio.gather(*(one(*numbered) for numbered in enumerate(demonstrations))))
