"""The run at the bottom of a terminal, drawn by rich.

Locust's log and its printing of statistics would tear the view: as long as it is there, what they write to the
terminal is put above it.
"""

from __future__ import annotations

import atexit
import io
import logging
import os
import sys
from typing import Any, TextIO

import gevent
from rich.console import Console
from rich.live import Live as RichLive
from rich.text import Text

from loadkit.live.screen import screen
from loadkit.swarm.live import Live
from loadkit.swarm.run import Run
from loadkit.swarm.run_listener import RunListener

logger = logging.getLogger(__name__)

_REFRESH_S = 1.0


class TerminalView(RunListener):
    """A view at the bottom of a terminal, gone when the run is over: what comes then stays readable."""

    def __init__(self, live: Live, stream: TextIO) -> None:
        self._live = live
        self._stream = stream
        # The terminal says how large it is, also when that changes; rich would believe COLUMNS and LINES instead, and
        # lines that are longer than the terminal would tear the view.
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False, _environ=environment)
        self._shown: RichLive | None = None
        self._greenlet: gevent.Greenlet | None = None
        self._moved: list[tuple[Any, Any]] = []

    def began(self, run: Run) -> None:  # noqa: ARG002 - it is the live state's
        """It appears."""
        self._shown = RichLive(
            screen(self._live.view()),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            redirect_stderr=sys.stderr is not None and sys.stderr.isatty(),
        )
        self._shown.start(refresh=True)
        # rich hides it; a process that is killed could not show it again.
        self._console.show_cursor(True)
        atexit.register(self._close)
        self._put_log_above()
        self._greenlet = gevent.spawn(self._refresh)

    def ending(self) -> None:
        """It is gone."""
        if self._greenlet is not None:
            self._greenlet.kill()
        self._close()

    def _refresh(self) -> None:
        try:
            while True:
                gevent.sleep(_REFRESH_S)
                assert self._shown is not None
                self._shown.update(screen(self._live.view()), refresh=True)
        except Exception:
            # A terminal that is gone, for one.
            self._close()
            logger.exception("the view of the run has ended; the run goes on")

    def _close(self) -> None:
        """Give the terminal back as it was: the log where it was, and a cursor."""
        shown, self._shown = self._shown, None
        if shown is None:
            return
        for handler, stream in self._moved:
            handler.setStream(stream)
        self._moved = []
        atexit.unregister(self._close)
        try:
            shown.stop()
        except OSError:
            return

    def _put_log_above(self) -> None:
        """Handlers hold the stream that they were made with, and would write into the view."""
        above = _Above(self._console, self._stream)
        for name in (None, "locust", "locust.stats_logger"):
            for handler in logging.getLogger(name).handlers:
                stream = getattr(handler, "stream", None)
                on_terminal = stream is not None and stream is not above and stream.isatty()
                if isinstance(handler, logging.StreamHandler) and on_terminal:
                    self._moved.append((handler, handler.setStream(above)))


class _Above(io.TextIOBase):
    """Writes to the terminal above the view."""

    def __init__(self, console: Console, stream: TextIO) -> None:
        self._console = console
        self._stream = stream

    def write(self, text: str) -> int:
        """Whole lines, as a log writes them."""
        # Wrapped by the terminal, not by rich: what is copied out of it is whole.
        self._console.print(Text(text.removesuffix("\n")), soft_wrap=True)
        return len(text)

    def isatty(self) -> bool:
        """As the terminal itself."""
        return self._stream.isatty()
