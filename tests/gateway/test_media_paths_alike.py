"""The same call on each media path: what is planted is measured, and every path measures it alike.

All paths call at once, one call each, so that they share the machine's good and bad moments.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from loadkit.call.context import make_context
from loadkit.call.destination import Destination
from loadkit.call.observer import NOBODY, CallObserver
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.gateway.app import Gateway
from loadkit.gateway.faults.impairment import Impairment
from loadkit.gateway.faults.kinds import Choppy
from loadkit.gateway.settings import SPEECH_FOLDER
from loadkit.media import FRAME_S, FRAME_SAMPLES
from loadkit.media.bursts import LossBursts
from loadkit.media.clock import MediaClock
from loadkit.media.meter import ReceptionMeter
from loadkit.media.samples import load_sample
from loadkit.records import CallRecord, Outcome, TurnRecord
from loadkit.settings import SAMPLES_DIR, make_settings
from loadkit.transport.reception import PacketHandler
from loadkit.transport.warm_up import warm_up
from tests.conftest import TurnServer
from tests.fakes import CERTIFICATE
from tests.media_paths import MEDIA_PATHS as PATHS
from tests.waiting import PATIENT, echo_was_held_up

from .callers import voice
from .conftest import StartGateway
from .test_events import told
from .test_truth import assert_about, at, latencies, tolerance

SAMPLE = load_sample(SAMPLES_DIR / "book_a_table.wav")

#: All losses of a call on a machine that has time are among its first packets, and none is the very first; the call
#: ends when so many have come or are known to be lost; one that has to wait for a report may go on as long as this.
LOSSY, LONG, LONGEST = 100, 150, 2000
BEGINNING, QUIET = 10, 250
#: Packets on their way when a call hangs up, through the relay.
ON_THE_WAY = 50
#: Seconds by which a record's jitter may differ from that of the same packets as the witness saw them: aiortc looks at
#: the clock itself, a moment later, and has whole ticks.
SAME_PACKETS_S = 0.002
#: Seconds by which the jitter of two calls in one process may differ, besides what the machine let their packets wait.
#: Seen: 0.1 to 3 ms, of 14.
ALIKE_S = 0.012


# What is planted


@dataclass(frozen=True)
class Planted:
    """A network between caller and gateway, and what it does to the packets of an echo call."""

    seed: int

    @property
    def sent(self) -> Choppy:
        """What the gateway's packets meet."""
        return Choppy(loss=0.1, burst=3, delay=0.06, jitter=0.06, direction="sent", seed=self.seed)

    @property
    def heard(self) -> Choppy:
        """What the caller's packets meet."""
        return Choppy(loss=0.05, burst=3, direction="heard", seed=self.seed)

    @property
    def options(self) -> tuple[str, str]:
        """Both as ``--fault`` takes them."""
        return (
            f"choppy loss=0.1 burst=3 delay=60ms jitter=60ms direction=sent seed={self.seed}",
            f"choppy loss=0.05 burst=3 direction=heard seed={self.seed}",
        )

    def arrivals(self) -> list[tuple[float | None, bool]]:
        """Of each packet: when its echo arrives, in seconds from the first packet; and whether the gateway heard it."""
        heard = Impairment(self.heard, f"{self.seed}/heard")
        sent = Impairment(self.sent, f"{self.seed}/sent")
        found: list[tuple[float | None, bool]] = []
        for number in range(LONGEST):
            at = number * FRAME_S
            reached = heard.deliver(at)
            arrived = sent.deliver(at) if reached else ()
            found.append((arrived[0] if arrived else None, bool(reached)))
        return found

    def lost(self, packets: int) -> list[int]:
        """Of so many packets those whose echo is lost, one way or the other."""
        return [number for number, (due, _) in enumerate(self.arrivals()[:packets]) if due is None]

    def unheard(self, packets: int) -> int:
        """Of so many packets those that the gateway does not hear."""
        return sum(not heard for _, heard in self.arrivals()[:packets])

    def jitter(self, packets: int) -> float:
        """RFC 3550 jitter after so many packets, on a network that does nothing else."""
        meter = ReceptionMeter()
        for number, (due, _) in enumerate(self.arrivals()[:packets]):
            if due is not None:
                meter.packet(1, number, number * FRAME_SAMPLES, 80, due)
        assert meter.jitter is not None
        return meter.jitter

    def burst_mean(self, packets: int) -> float | None:
        """Mean number of echoes lost in a row."""
        bursts = LossBursts()
        for number, (due, _) in enumerate(self.arrivals()[:packets]):
            if due is not None:
                bursts.packet(1, number)
        return bursts.mean

    def fits(self) -> bool:
        """Whether there is loss in both directions, but neither at the beginning nor at the end."""
        lost, unheard = self.lost(QUIET), self.unheard(QUIET)
        return unheard >= 2 and len(lost) >= unheard + 4 and lost[0] >= BEGINNING and lost[-1] < LOSSY


#: The first seed that fits, by ``next(seed for seed in itertools.count(1) if Planted(seed).fits())``.
PLANTED = Planted(52_991)


def test_what_is_planted_fits() -> None:
    assert PLANTED.fits()


# The calls


@dataclass
class Witness(CallObserver):
    """Keeps the packets that arrive."""

    seen: list[tuple[int, int, int, float]] = field(default_factory=list)
    """Of each: sequence number, timestamp, SSRC, arrival."""

    def packets(self, handler: PacketHandler) -> PacketHandler:
        def take(packet: bytes, now: float) -> None:
            self.seen.append((*struct.unpack_from("!HII", packet, 2), now))
            handler(packet, now)

        return take

    def jitter(self, packets: int) -> float | None:
        """RFC 3550 jitter after so many packets; others come when the call has hung up."""
        meter = ReceptionMeter()
        for number, stamp, ssrc, now in self.seen[:packets]:
            meter.packet(ssrc, number, stamp, 80, now)
        return meter.jitter

    def known(self) -> int:
        """Packets up to the last that arrived, counted from the first that did."""
        return ((self.seen[-1][0] - self.seen[0][0]) & 0xFFFF) + 1

    def lost(self) -> list[int]:
        """Numbers of those among them that did not arrive."""
        first = self.seen[0][0]
        return sorted(set(range(self.known())) - {(packet[0] - first) & 0xFFFF for packet in self.seen})


@dataclass(frozen=True)
class Measured:
    """What one path measured."""

    record: CallRecord
    turns: list[TurnRecord]
    witness: Witness


Talk = Callable[[CallSession], Awaitable[None]]
PlaceAll = Callable[..., Awaitable[dict[str, Measured]]]


@pytest.fixture
async def place_all() -> AsyncIterator[PlaceAll]:
    """Places one call on each path at once and hangs up after the talk; takes further settings."""
    clock = MediaClock()

    async def place(
        gateway: Gateway, mode: str, talk: Talk, media_path: str, more: dict[str, str]
    ) -> Measured:
        settings = make_settings({"auth_token": "token", "media_path": media_path, **PATIENT, **more})
        destination, witness = Destination.of(gateway.url, settings), Witness()
        context = make_context(settings, destination, certificate=CERTIFICATE, clock=clock)
        spec = CallSpec(time.monotonic(), mode=mode, call_sid=media_path)
        # The compiled module shows nobody its packets: a call that is watched is not its.
        session = CallSession(spec, context, NOBODY if media_path == "native" else witness)
        task = asyncio.create_task(session.run())
        await session.wait_connected()
        await talk(session)
        session.hang_up(Outcome.COMPLETED)
        record, turns = await task
        assert (record.outcome, record.error_message) == (Outcome.COMPLETED, None)
        assert record.media_path == media_path
        return Measured(record, turns, witness)

    async def place_all(gateway: Gateway, mode: str, talk: Talk, **more: str) -> dict[str, Measured]:
        async with asyncio.timeout(150):
            found = await asyncio.gather(*(place(gateway, mode, talk, path, more) for path in PATHS))
        return dict(zip(PATHS, found, strict=True))

    yield place_all
    clock.close()


@pytest.fixture
def many_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports each half second rather than each five."""
    for module in ("loadkit.call.media", "loadkit.gateway.session"):
        monkeypatch.setattr(f"{module}.REPORT_INTERVAL_S", 0.5)


# Alike


async def test_every_path_measures_the_network_that_is_planted(
    start_gateway: StartGateway, place_all: PlaceAll, many_reports: None
) -> None:
    async def talk(session: CallSession) -> None:
        """Until so many packets have come, and the gateway has told of those it did not hear."""
        talking = asyncio.create_task(session.script.talk(SAMPLE, 60))
        while True:
            so_far = session.so_far()
            told = (so_far.remote_packets_lost or 0) >= PLANTED.unheard(LOSSY) and so_far.round_trip_time
            if (so_far.packets_received or 0) + (so_far.packets_lost or 0) >= LONG and told:
                break
            await session.script.pause(FRAME_S)
        talking.cancel()

    # Else one path would meet a gateway that has never answered, and another one that has.
    await warm_up(CERTIFICATE)
    gateway = await start_gateway(fault=PLANTED.options)
    measured = await place_all(gateway, "echo", talk)
    for path, call in measured.items():
        assert_as_planted(call, PLANTED, path)
    assert_alike([call.record for call in measured.values()])


def assert_as_planted(call: Measured, planted: Planted, path: str) -> None:
    record = call.record
    sent, received = record.packets_sent, record.packets_received
    assert sent is not None and received is not None, path
    assert record.packets_lost is not None and record.remote_packets_lost is not None, path
    # Loss is a matter of numbers and not of time: exact.
    known = received + record.packets_lost
    assert LONG <= known <= sent, path
    assert record.packets_lost == len(planted.lost(known)), path
    assert record.loss_burst_mean == pytest.approx(planted.burst_mean(known)), path
    assert planted.unheard(LOSSY) <= record.remote_packets_lost <= planted.unheard(sent), path
    assert record.packets_reordered == 0, path
    # No faster than planted, and in the right unit (60 ms are no 60 s): how much slower is the machine's affair.
    assert record.first_packet_ms is not None and record.first_packet_ms > 55, path
    assert record.round_trip_time is not None and 0.055 < record.round_trip_time < 20, path
    assert record.jitter is not None and 0.4 * planted.jitter(known) < record.jitter < 1, path
    if call.witness.seen:
        assert call.witness.lost() == planted.lost(call.witness.known()), path
        assert record.jitter == pytest.approx(call.witness.jitter(received), abs=SAME_PACKETS_S), path


def assert_alike(records: list[CallRecord]) -> None:
    first, *others = records
    for other in others:
        assert first.late_ms_max is not None and other.late_ms_max is not None
        waited = max(first.late_ms_max, other.late_ms_max) / 1000
        assert other.jitter == pytest.approx(first.jitter, abs=ALIKE_S + waited)
        # The same encoded sound, if not for quite as long.
        assert other.audio_level == pytest.approx(first.audio_level, rel=0.5)


async def test_every_path_measures_the_latencies_that_the_gateway_tells(
    start_gateway: StartGateway, place_all: PlaceAll, tmp_path: Path
) -> None:
    async def talk(session: CallSession) -> None:
        await session.script.wait_for_agent(60)
        await session.script.say(load_sample(SPEECH_FOLDER / "goodbye.wav"))
        await session.script.wait_for_reply(60)

    events_path = tmp_path / "events.jsonl"
    gateway = await start_gateway(
        events=events_path,
        agent_seed=1,
        agent_latency="200ms",
        greeting_delay=0.3,
        speech_folder=voice(tmp_path, "goodbye"),
    )
    measured = await place_all(gateway, "end-to-end", talk)
    events = await told(gateway, events_path)
    for path, call in measured.items():
        own = [event for event in events if event.get("call_sid") == path]
        record, (turn,) = call.record, call.turns
        assert record.intended_at is not None and record.setup_ms is not None, path
        connected_at = record.intended_at + record.setup_ms / 1000
        greeting_ms = 1000 * (at(own, "greeting_started") - connected_at)
        assert_about(record.greeting_ms, greeting_ms, tolerance(record), record)
        (latency,) = latencies(own)
        assert_about(turn.turn_latency_ms, latency, tolerance(record), turn)
        assert (turn.no_response, turn.false_interrupt) == (False, False), path
        # The gateway's agent hears and answers, but has nothing to echo.
        assert (call.record.packets_lost, call.record.one_way) == (0, False), path


async def test_every_path_goes_through_a_relay(
    start_gateway: StartGateway, place_all: PlaceAll, turn_server: TurnServer, many_reports: None
) -> None:
    async def talk(session: CallSession) -> None:
        talking = asyncio.create_task(session.script.talk(SAMPLE, 60))
        while True:
            so_far = session.so_far()
            if so_far.silent_audio is False and so_far.round_trip_time is not None:
                break
            await session.script.pause(FRAME_S)
        talking.cancel()

    gateway = await start_gateway(turn_urls=turn_server.urls, turn_secret=turn_server.secret)
    settings = {"ice_path": "relay-tls", "tls_ca": str(turn_server.authority)}
    for path, call in (await place_all(gateway, "echo", talk, **settings)).items():
        record = call.record
        assert (record.local_candidate_type, record.relay_protocol) == ("relay", "tls"), path
        assert record.packets_sent is not None and record.packets_received is not None, path
        assert record.packets_sent - ON_THE_WAY <= record.packets_received <= record.packets_sent, path
        assert (record.packets_lost, record.remote_packets_lost) == (0, 0), path
        assert record.silent_audio is False, path
        assert record.one_way is False or echo_was_held_up(record), path


async def test_every_path_notices_that_the_gateway_hears_nothing(
    start_gateway: StartGateway, place_all: PlaceAll, many_reports: None
) -> None:
    async def talk(session: CallSession) -> None:
        while session.so_far().one_way is None:
            await session.script.pause(FRAME_S)

    gateway = await start_gateway(fault=("one-way lost=heard",))
    for path, call in (await place_all(gateway, "end-to-end", talk)).items():
        assert (call.record.one_way, call.record.no_audio) == (True, False), path
        assert call.record.remote_packets_lost is call.record.round_trip_time is None, path
