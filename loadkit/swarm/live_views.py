"""The run in the terminal while it goes: a view at its bottom, or lines of the log where there is none.

Locust's log and its printing of statistics would tear a view: as long as one is there, what they write to the
terminal is put above it. Locust's own tables, every two seconds, are left out then; ``--print-stats`` brings them back.
"""

from __future__ import annotations

import atexit
import io
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import gevent
from locust.env import Environment
from rich.console import Console
from rich.live import Live as RichLive
from rich.text import Text

from loadkit.live.lines import NewCodes, line
from loadkit.live.screen import screen
from loadkit.settings import LiveView, Settings
from loadkit.swarm.live import Live
from loadkit.swarm.run import Run
from loadkit.swarm.run_listener import RunListener

logger = logging.getLogger(__name__)

_REFRESH_S = 1.0
#: Seconds between two lines, and between two looks for a new code.
LINE_S = 10.0


def live_views(environment: Environment, settings: Settings, live: Live) -> list[RunListener]:
    """What shows the run in the terminal: one view, or none."""
    match chosen(environment, settings):
        case LiveView.TERMINAL:
            stream = terminal()
            assert stream is not None
            return [TerminalView(live, stream)]
        case LiveView.LINES:
            return [LogLines(live)]
    return []


def chosen(environment: Environment, settings: Settings) -> LiveView:
    """What ``--live`` comes down to here."""
    asked = settings.live
    if asked is LiveView.AUTO:
        if environment.web_ui is not None:
            return LiveView.OFF
        asked = LiveView.TERMINAL
    if asked is LiveView.TERMINAL and terminal() is None:
        return LiveView.LINES
    return asked


def leave_tables_out(environment: Environment, settings: Settings) -> None:
    """Have Locust print its tables only at the end, when a view takes their place; to be called before it begins."""
    options = environment.parsed_options
    if options is not None and not getattr(options, "print_stats", False):
        options.only_summary = options.only_summary or chosen(environment, settings) is LiveView.TERMINAL


def terminal(environment: Mapping[str, str] = os.environ) -> TextIO | None:
    """Where a view can stay: standard error, where the log goes, else standard output; None without a terminal."""
    if environment.get("TERM", "dumb") in ("dumb", "unknown", ""):
        return None
    return next(
        (stream for stream in (sys.stderr, sys.stdout) if stream is not None and stream.isatty()), None
    )


class LogLines(RunListener):
    """A line of the log every ten seconds, and one for each new error code."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._greenlet: gevent.Greenlet | None = None
        self._new_codes = NewCodes()

    def began(self, run: Run) -> None:  # noqa: ARG002 - it is the live state's
        """Lines follow."""
        self._greenlet = gevent.spawn(self._tell)

    def ending(self) -> None:
        """The last line."""
        if self._greenlet is not None:
            self._greenlet.kill()
        self._tell_new_codes()
        logger.info("%s", line(self._live.view()))

    def _tell(self) -> None:
        since = 0.0
        while True:
            gevent.sleep(_REFRESH_S)
            since += _REFRESH_S
            self._tell_new_codes()
            if since >= LINE_S:
                since = 0.0
                logger.info("%s", line(self._live.view()))

    def _tell_new_codes(self) -> None:
        for text in self._new_codes.lines(self._live.state.failures.codes()):
            logger.warning("%s", text)


class TerminalView(RunListener):
    """A view at the bottom of a terminal, gone when the run is over: what comes then stays readable."""

    def __init__(self, live: Live, stream: TextIO) -> None:
        self._live = live
        self._stream = stream
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)
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
