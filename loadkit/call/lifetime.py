"""The life of one call: the first cause of its end, and everything that must end with it.

Whatever happens to a call (the script hangs up, the gateway closes, a stage fails, a task raises), the first
cause counts, and every wait and every task of the call ends with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from loadkit.call.file_limit import named_by_cause
from loadkit.errors import CallError, Stage, TransportError
from loadkit.progress import Progress, progress_of
from loadkit.records import Outcome

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class CallEnded(Exception):
    """The call has ended while something was waited for."""


@dataclass(frozen=True)
class End:
    """How a call ended."""

    outcome: Outcome
    error: CallError | None = None


class Lifetime:
    """From the start of a call to the first cause of its end.

    :param name: of the call, for the log.
    """

    def __init__(self, name: str) -> None:
        #: The stage that the call is in; what fails without saying where has failed there.
        self.stage = Stage.PLACE
        self._name = name
        self._ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def end(self) -> End | None:
        """How the call ended; None while it has not."""
        return self._ended.result() if self._ended.done() else None

    @property
    def progress(self) -> Progress:
        """How far the call has come."""
        return progress_of(self.stage, ended=self._ended.done())

    def finish(self, outcome: Outcome, error: CallError | None = None) -> None:
        """Note a cause of the end; only the first one counts."""
        if not self._ended.done():
            self._ended.set_result(End(outcome, error))

    def fail(self, error: CallError) -> None:
        """The call has failed."""
        if not self._ended.done():
            self.finish(Outcome.FAILED, named_by_cause(error))

    def fail_here(self, code: str, message: str) -> None:
        """The call has failed in the stage that it is in."""
        self.fail(TransportError(self.stage, code, message))

    def broken(self, error: BaseException) -> None:
        """Something of ours raised what nobody expected."""
        logger.error("call %s failed inside loadkit", self._name, exc_info=error)
        failed = TransportError(self.stage, "INTERNAL", f"{type(error).__name__}: {error}")
        failed.__cause__ = error
        self.fail(failed)

    async def unless_ended(self, awaitable: Awaitable[_T]) -> _T:
        """Wait for something, unless the call ends first.

        :raises CallEnded: it did.
        """
        task = asyncio.ensure_future(awaitable)
        waits: set[asyncio.Future[Any]] = {task, self._ended}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():
                raise CallEnded
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
            if not task.cancelled():
                # Seen, also when the call's end came first: asyncio logs errors that nobody looked at.
                task.exception()

    async def within(self, seconds: float, awaitable: Awaitable[_T], code: str, what: str) -> _T:
        """Wait for something that the present stage has so much time for.

        :raises TransportError: ``code``, the time is over.
        """
        try:
            async with asyncio.timeout(seconds):
                return await awaitable
        except TimeoutError:
            raise TransportError(self.stage, code, f"{what} within {seconds:g} s") from None

    async def over(self) -> None:
        """Wait until the call ends, however."""
        # Shielded: who stops waiting must not end the call for the others.
        await asyncio.shield(self._ended)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run beside the call; what it raises ends the call."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    async def cancel_tasks(self, timeout: float) -> None:
        """End everything that was spawned."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, CallError):
            self.fail(error)
        elif error is not None and not isinstance(error, CallEnded):
            self.broken(error)
