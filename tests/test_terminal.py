"""Colours only where they are wanted, and no letter that the output cannot take."""

from __future__ import annotations

import io

from loadkit.terminal import Terminal


class Screen(io.TextIOWrapper):
    """A stream that calls itself a terminal."""

    def __init__(self, encoding: str, *, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def shown(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


class Closed(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_a_terminal_gets_colours() -> None:
    assert Terminal(Screen("utf-8", terminal=True), {}).painted("x", "red") == "\x1b[31mx\x1b[0m"


def test_whoever_wants_no_colours_gets_none() -> None:
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert Terminal(Screen("utf-8", terminal=True), environment).painted("x", "red") == "x"
    assert Terminal(Screen("utf-8", terminal=False), {}).painted("x", "red") == "x"


def test_a_terminal_without_utf_8_gets_other_letters() -> None:
    screen = Screen("ascii", terminal=True)
    Terminal(screen, {}).print("host → relay, −18 dBFS, é")
    assert screen.shown == "host -> relay, -18 dBFS, \\xe9\n"


def test_a_terminal_with_utf_8_gets_what_is_meant() -> None:
    screen = Screen("utf-8", terminal=True)
    Terminal(screen, {}).print("host → relay")
    assert screen.shown == "host → relay\n"


def test_when_nobody_reads_any_more_nothing_is_printed() -> None:
    terminal = Terminal(Closed(), {})
    terminal.print("one")
    assert terminal.gone
    terminal.print("two")
