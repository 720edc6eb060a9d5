"""A view as a screen of a terminal: wide, narrow, and with text that would like to be more than text."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from loadkit.live.plan import Limits, Plan
from loadkit.live.screen import screen
from loadkit.live.state import LiveState
from tests.live.told import call, engine, failure, locust


def _state() -> LiveState:
    state = LiveState(
        Plan(run_id="a-run", run_time_s=3600.0, limits=Limits(10, 50, 0.9)), 0.0, 1_800_000_000.0
    )
    for worker in ("worker-0", "worker-1"):
        stages = {
            "place": 1,
            "ice_servers": 2,
            "websocket": 3,
            "answer": 4,
            "ice": 5,
            "dtls": 6,
            "connected": 70,
        }
        state.figures(engine(f"{worker}.0", stages=stages, placed=9), 30.0)
        state.figures(locust(worker), 30.0)
    state.record(call())
    state.record(failure("[bold]NO_AUDIO[/bold]", message="[red]\x1b[2J" + "long " * 40))
    state.mark({"at": 1_800_000_010.0, "text": "[link=x]failover[/link]"})
    return state


def _drawn(width: int) -> list[str]:
    console = Console(
        file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False, force_terminal=False
    )
    console.print(screen(_state().view(31.0)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 140])
def test_no_line_is_longer_than_the_terminal_and_all_parts_are_there(width: int) -> None:
    lines = _drawn(width)
    assert max(len(text) for text in lines) <= width
    heads = [text.split()[0] for text in lines if text and not text.startswith(" ")]
    assert heads == ["run", "Calls", "Started", "Ended", "Set-up", "Turn", "Generator", "Failures", "Mark"]
    assert len(lines) <= 18


def test_markup_and_controls_are_shown_and_not_obeyed() -> None:
    shown = "\n".join(_drawn(140))
    assert "[bold]NO_AUDIO[/bold]" in shown
    assert "[red]\\x1b[2J" in shown
    assert "[link=x]failover[/link]" in shown
    assert "\x1b" not in shown


def test_stages_are_all_told_also_in_a_narrow_terminal() -> None:
    shown = " ".join(" ".join(_drawn(60)).split())
    for part in ("182 in progress", "ICE servers 4", "WebSocket 6", "connected 140"):
        assert part in shown
