"""Places one call, plays its script, and hangs up, however it goes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import numpy as np

from loadkit.call.context import make_context
from loadkit.call.destination import Destination
from loadkit.call.lifetime import CallEnded
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.errors import CallError, Stage
from loadkit.media.clock import MediaClock
from loadkit.media.samples import EncodedSample, find_sample, load_sample, silence
from loadkit.probe.diary import Diary
from loadkit.probe.recording import Recording
from loadkit.probe.watcher import Watcher
from loadkit.records import CallRecord, Outcome, TurnRecord
from loadkit.settings import Settings
from loadkit.signaling.modes import ECHO, resolve_mode
from loadkit.transport.dtls import Certificate
from loadkit.transport.warm_up import warm_up

#: Seconds between two lines of figures.
FIGURES_INTERVAL_S = 5.0

#: Ends the process at once: the second Ctrl-C.
LeaveNow = Callable[[], None]


@dataclass(frozen=True)
class CallResult:
    """What is left of a call."""

    record: CallRecord
    turns: list[TurnRecord]
    interrupted: bool
    """Ctrl-C or SIGTERM ended it."""


async def place_one_call(
    settings: Settings,
    destination: Destination,
    diary: Diary,
    recording: Recording | None,
    leave_now: LeaveNow,
) -> CallResult | None:
    """The call, from first to last; None when it was interrupted before it began.

    :raises SampleError: the sample cannot be used.
    """
    interruption = _Interruption(diary, leave_now)
    with interruption.heard():
        # Encoding takes a moment, and Ctrl-C shall be heard meanwhile.
        sample = await asyncio.to_thread(load_sample, find_sample(settings.sample, settings.samples_dir))
        await asyncio.to_thread(silence)
        certificate, clock = Certificate(), MediaClock()
        await warm_up(certificate)
        try:
            context = make_context(settings, destination, certificate=certificate, clock=clock)
            if interruption.came:
                return None
            spec = CallSpec(
                intended=time.monotonic(),
                mode=settings.call_mode,
                call_sid=f"{settings.call_sid_prefix}{uuid.uuid4().hex}",
            )
            watcher = Watcher(diary, settings.token(), recording)
            session = CallSession(spec, context, watcher)
            interruption.ends(session)
            record, turns = await _hold(session, sample, settings, diary)
        finally:
            clock.close()
    return CallResult(record, turns, interruption.came)


async def _hold(
    session: CallSession, sample: EncodedSample, settings: Settings, diary: Diary
) -> tuple[CallRecord, list[TurnRecord]]:
    beside = [
        asyncio.create_task(_play(session, sample, settings, diary)),
        asyncio.create_task(_tell_figures(session, diary)),
    ]
    try:
        return await session.run()
    finally:
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)


class _Interruption:
    """Ctrl-C, or SIGTERM: the first one hangs up, the second one leaves."""

    def __init__(self, diary: Diary, leave_now: LeaveNow) -> None:
        self.came = False
        self._diary = diary
        self._leave_now = leave_now
        self._session: CallSession | None = None

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """While signals are taken this way."""
        loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self._come)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def ends(self, session: CallSession) -> None:
        """The call that the first signal hangs up."""
        self._session = session

    def _come(self) -> None:
        if self.came:
            self._leave_now()
        self.came = True
        if self._session is not None:
            self._diary.note("interrupted")
            self._session.hang_up(Outcome.CANCELLED)


# The script


async def _play(session: CallSession, sample: EncodedSample, settings: Settings, diary: Diary) -> None:
    """Talk to an echo; greet, say and listen with an agent; then hang up."""
    try:
        await session.wait_connected()
        if is_echo(settings.call_mode):
            seconds = settings.call_duration.sample(np.random.default_rng(settings.seed))
            await _talk(session, sample, seconds, diary)
        else:
            await _converse(session, sample, settings.agent_timeout, diary)
        diary.note("script_done")
        session.hang_up(Outcome.COMPLETED)
    except (CallEnded, CallError):
        pass  # the record says why
    except Exception as exc:  # noqa: BLE001 - a script that is gone would leave the call without an end
        session.hang_up(Outcome.FAILED, CallError(Stage.SCRIPT, "INTERNAL", f"{type(exc).__name__}: {exc}"))


def is_echo(mode: str) -> bool:
    """Whether nobody but oneself is to be heard in this mode."""
    try:
        return resolve_mode(mode) == ECHO
    except ValueError:
        return False


async def _talk(session: CallSession, sample: EncodedSample, seconds: float, diary: Diary) -> None:
    diary.note("speaking", sample=sample.name, seconds=round(sample.duration, 2), for_s=seconds)
    await session.script.talk(sample, seconds)


async def _converse(session: CallSession, sample: EncodedSample, timeout: float, diary: Diary) -> None:
    diary.note("waiting", what="greeting", timeout_s=timeout)
    await _timed(session.script.wait_for_agent(timeout), "greeting", diary)
    diary.note("speaking", sample=sample.name, seconds=round(sample.duration, 2), for_s=None)
    await session.script.say(sample)
    diary.note("waiting", what="reply", timeout_s=timeout)
    await _timed(session.script.wait_for_reply(timeout), "reply", diary)


async def _timed(wait: Awaitable[float | None], what: str, diary: Diary) -> None:
    diary.note(what, latency_ms=await wait)


async def _tell_figures(session: CallSession, diary: Diary) -> None:
    """How the media are doing, every few seconds."""
    try:
        await session.wait_connected()
    except CallEnded:
        return
    while True:
        await asyncio.sleep(FIGURES_INTERVAL_S)
        record = session.so_far()
        diary.note("figures", **{name: getattr(record, name) for name in FIGURES})


#: Columns of the record that are told as the call goes on.
FIGURES = (
    "packets_sent",
    "packets_received",
    "packets_lost",
    "jitter",
    "round_trip_time",
    "remote_packets_lost",
)
