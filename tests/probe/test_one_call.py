"""What is played by mode, and what signals do."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from loadkit.probe.diary import Diary
from loadkit.probe.one_call import _Interruption, is_echo


@pytest.mark.parametrize(
    ("mode", "echo"),
    [("echo", True), ("end-to-end", False), ("traditional", False), ("cascaded", False), ("unheard", False)],
)
def test_only_an_echo_is_talked_to_without_waiting_for_anybody(mode: str, echo: bool) -> None:
    assert is_echo(mode) is echo


async def test_the_first_signal_hangs_up_and_the_second_leaves() -> None:
    left: list[str] = []
    diary = Diary()
    interruption = _Interruption(diary, lambda: left.append("left"))
    with interruption.heard():
        os.kill(os.getpid(), signal.SIGTERM)
        while not interruption.came:
            await _turn()
        assert left == []
        os.kill(os.getpid(), signal.SIGINT)
        while not left:
            await _turn()


async def _turn() -> None:
    await asyncio.sleep(0.001)
