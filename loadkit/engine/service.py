"""What an engine does: commands in, calls held, replies, records and figures out."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from loadkit.call.context import CallContext, make_context
from loadkit.call.destination import Destination
from loadkit.call.lifetime import CallEnded
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.engine.call_counts import CallCounts
from loadkit.engine.figures import FigureTaker, take_figures
from loadkit.engine.link import Message
from loadkit.errors import CallError, LoadkitError, SampleError, Stage
from loadkit.media.clock import MediaClock
from loadkit.media.samples import EncodedSample, load_sample, silence
from loadkit.records import Outcome, to_row
from loadkit.settings import make_settings
from loadkit.transport.dtls import Certificate
from loadkit.transport.warm_up import warm_up

logger = logging.getLogger(__name__)

#: How long calls get to say goodbye when the engine is stopped.
_STOP_S = 8.0
#: When the garbage collector looks: at the newest objects each time that so many more have been made than let go, at
#: those that it has seen once or more each fifth time. By itself it looks after 700, of which a call that is set up
#: makes a multiple; and looking at all of a few hundred calls takes milliseconds, in which nothing is sent. What calls
#: that have ended leave waits until the objects of about a hundred more have been made.
_COLLECT = (10_000, 5, 5)
#: How many calls that have ended can still tell a late command how.
_ENDS_KEPT = 1000


class EngineService:
    """Holds the calls of one engine.

    :param send: takes a message for the other end of the pipe.
    """

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._context: CallContext | None = None
        self._clock = MediaClock()
        self._certificate = Certificate()
        self._calls: dict[str, CallSession] = {}
        self._ends: dict[str, dict[str, str | None]] = {}
        self._samples: dict[str, EncodedSample] = {}
        self._holding: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._figures: asyncio.Task[None] | None = None
        self._taker = FigureTaker(self._clock)
        self._counts = CallCounts()
        #: RTP packets sent and received by the calls that have ended.
        self._packets_of_ended = (0, 0)
        #: Set when the engine shall end.
        self.stopped = asyncio.Event()

    def receive(self, message: Message) -> None:
        """Take one message from the Locust process."""
        match message["op"]:
            case "configure":
                self._spawn(self._configure(message))
            case "place":
                self._place(CallSpec(**message["call"]))
            case "command":
                self._spawn(self._command(message))
            case "end":
                self._end(message)
            case "stop":
                self._spawn(self.stop())

    async def stop(self) -> None:
        """Cancel all calls, wait for their records, and set :attr:`stopped`."""
        for call in self._calls.values():
            call.hang_up(Outcome.CANCELLED)
        if self._holding:
            await asyncio.wait(self._holding, timeout=_STOP_S)
        if self._figures is not None:
            self._figures.cancel()
        self._send_figures()
        self._clock.close()
        self._send({"ev": "stopped"})
        self.stopped.set()

    async def _configure(self, message: Message) -> None:
        try:
            settings = make_settings(message["settings"])
            # Encoding takes whole seconds for a long sample: not on the loop that sends packets.
            for path in message["samples"]:
                await asyncio.to_thread(load_sample, Path(path))
            await asyncio.to_thread(silence)
            if self._context is None:
                await warm_up(self._certificate)
            self._context = make_context(
                settings,
                Destination.from_message(message["destination"]),
                certificate=self._certificate,
                clock=self._clock,
                offset=message.get("unix_offset"),
            )
        except LoadkitError as exc:
            self._send({"ev": "refused", "reason": str(exc)})
            return
        if self._figures is None:
            # What is there now, samples and all that the first of everything has imported, stays: the collector, which
            # stops all calls while it looks, need not look at it again. It goes on to look at what calls leave.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_COLLECT)
            self._figures = asyncio.create_task(take_figures(self._taker, self._send_figures))
        self._send({"ev": "ready"})

    def _place(self, spec: CallSpec) -> None:
        assert self._context is not None, "a call was placed before the engine was configured"
        session = CallSession(spec, self._context)
        self._calls[spec.call_id] = session
        self._counts.placed()
        session.connected.add_done_callback(
            lambda connected: None if connected.cancelled() else self._counts.connected(session.setup_ms)
        )
        task = self._spawn(self._hold(session))
        self._holding.add(task)
        task.add_done_callback(self._holding.discard)

    async def _hold(self, session: CallSession) -> None:
        try:
            record, turns = await session.run()
        finally:
            self._ends[session.spec.call_id] = session.end_message()
            while len(self._ends) > _ENDS_KEPT:
                del self._ends[next(iter(self._ends))]
            del self._calls[session.spec.call_id]
            sent, received = session.packets
            self._packets_of_ended = (self._packets_of_ended[0] + sent, self._packets_of_ended[1] + received)
        self._send(
            {"ev": "record", "row": {"call": to_row(record), "turns": [to_row(turn) for turn in turns]}}
        )

    async def _command(self, message: Message) -> None:
        reply: Message = {"ev": "reply", "id": message["id"], "value": None}
        call = self._calls.get(message["call_id"])
        try:
            if message["name"] == "figures":
                self._send_figures()
            elif call is None:
                reply["ended"] = self._ends.get(message["call_id"], {})
            else:
                reply["value"] = await self._run(call, message["name"], message["args"])
        except (CallEnded, CallError, asyncio.CancelledError):
            reply["ended"] = call.end_message() if call else {}
        except SampleError as exc:
            reply["sample_error"] = [exc.path, exc.reason]
        self._send(reply)

    async def _run(self, call: CallSession, name: str, args: dict[str, Any]) -> Any:
        match name:
            case "wait_connected":
                return await call.wait_connected()
            case "talk":
                return await call.script.talk(await self._sample(args["sample"]), args["seconds"])
            case "say":
                return await call.script.say(await self._sample(args["sample"]))
            case "interrupt":
                sample = await self._sample(args["sample"])
                return await call.script.interrupt(sample, args["after"], args["timeout"])
            case "pause":
                return await call.script.pause(args["seconds"])
            case "wait_for_agent":
                return await call.script.wait_for_agent(args["timeout"])
            case "wait_for_reply":
                latency_ms = await call.script.wait_for_reply(args["timeout"])
                self._counts.replied(latency_ms)
                return latency_ms
        raise ValueError(f"there is no command {name!r}")

    def _end(self, message: Message) -> None:
        call = self._calls.get(message["call_id"])
        if call is None:
            return
        error = message.get("error")
        if error:
            call.hang_up(Outcome.FAILED, CallError(Stage(error["stage"]), error["code"], error["message"]))
        else:
            call.hang_up(Outcome(message["outcome"]))

    def _send_figures(self) -> None:
        if self._figures is None or self._context is None:
            return
        now = time.monotonic()
        row = self._taker.take(
            len(self._calls),
            self._packets(),
            now,
            now + self._context.unix_offset,
            tasks=len(asyncio.all_tasks()),
        )
        counts = self._counts.take(call.progress for call in self._calls.values())
        self._send({"ev": "figures", "row": {**row, **counts}})

    async def _sample(self, path: str) -> EncodedSample:
        """A sample that a script names; encoded on first use, beside the loop. After that no thread is asked."""
        sample = self._samples.get(path)
        if sample is None:
            sample = self._samples[path] = await asyncio.to_thread(load_sample, Path(path))
        return sample

    def _packets(self) -> tuple[int, int]:
        """RTP packets sent and received since the start, by all calls."""
        counts = [self._packets_of_ended, *(call.packets for call in self._calls.values())]
        return sum(sent for sent, _ in counts), sum(received for _, received in counts)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a task of the engine failed", exc_info=task.exception())
