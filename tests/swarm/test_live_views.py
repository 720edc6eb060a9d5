"""Which view of a run a terminal gets."""

from __future__ import annotations

import os
import pty

from tests.swarm.inside_locust import inside_locust

_CHOSEN = """
import os, sys, types
from loadkit.settings import make_settings
from loadkit.swarm import live_views

def chosen(asked, *, page=False, tty=True, term="xterm", file=False):
    os.environ["TERM"] = term
    terminal = open({slave!r}, "w") if tty else open(os.devnull, "w")
    shown, (out, err) = [], (sys.stdout, sys.stderr)
    sys.stdout, sys.stderr = terminal, open(os.devnull, "w") if file else terminal
    environment = types.SimpleNamespace(
        web_ui=object() if page else None,
        parsed_options=types.SimpleNamespace(only_summary=False, print_stats=asked == "print_stats"),
    )
    settings = make_settings({{"live": "auto" if asked == "print_stats" else asked}})
    try:
        view = str(live_views.chosen(environment, settings))
        live_views.leave_tables_out(environment, settings)
        return [view, environment.parsed_options.only_summary]
    finally:
        sys.stdout, sys.stderr = out, err

result = {{
    "headless in a terminal": chosen("auto"),
    "with the page": chosen("auto", page=True),
    "with the page, asked": chosen("lines", page=True),
    "without a terminal": chosen("auto", tty=False),
    "no terminal, asked": chosen("terminal", tty=False),
    "dumb": chosen("auto", term="dumb"),
    "log in a file": chosen("auto", file=True),
    "off": chosen("off"),
    "tables asked": chosen("print_stats"),
}}
"""


def test_the_view_suits_the_terminal_and_takes_the_place_of_locust_s_tables() -> None:
    master, slave = pty.openpty()
    try:
        told = inside_locust(_CHOSEN.format(slave=os.ttyname(slave)))
    finally:
        os.close(master)
        os.close(slave)
    assert told == {
        "headless in a terminal": ["terminal", True],
        "with the page": ["off", False],
        "with the page, asked": ["lines", False],
        "without a terminal": ["lines", False],
        "no terminal, asked": ["lines", False],
        "dumb": ["lines", False],
        "log in a file": ["terminal", True],
        "off": ["off", False],
        "tables asked": ["terminal", False],
    }
