"""How a terminal shows the run while it goes: a view at its bottom, lines of the log, or nothing.

Locust's own tables, every two seconds, are left out where there is a view; ``--print-stats`` brings them back.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

from locust.env import Environment

from loadkit.setting_values import LiveView
from loadkit.settings import Settings
from loadkit.swarm.live import Live
from loadkit.swarm.log_lines import LogLines
from loadkit.swarm.run_listener import RunListener


def live_views(environment: Environment, settings: Settings, live: Live) -> list[RunListener]:
    """What shows the run in the terminal: one view, or none."""
    match chosen(environment, settings):
        case LiveView.TERMINAL:
            # Here, so that only who shows a view loads rich.
            from loadkit.swarm.terminal_view import TerminalView

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
