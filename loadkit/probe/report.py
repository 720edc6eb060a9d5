"""What is printed of a call, and when: each event as it happens, the last lines, or one JSON document."""

from __future__ import annotations

import enum
import json
import textwrap
from collections.abc import Iterable

from loadkit.call.destination import Destination
from loadkit.errors import ExitCode
from loadkit.probe import wrap_up
from loadkit.probe.advice import advice
from loadkit.probe.circumstances import Circumstances
from loadkit.probe.diary import Diary, Event
from loadkit.probe.document import document
from loadkit.probe.narration import layout, narrate, shown
from loadkit.probe.one_call import CallResult
from loadkit.probe.recording import Recording
from loadkit.settings import Settings
from loadkit.terminal import Terminal

_COLOURS = {"!": "red", ">": "cyan", "<": "green"}


class Told(enum.Enum):
    """How much is printed."""

    JSON = enum.auto()
    """One document at the end."""
    END = enum.auto()
    """The last lines."""
    EVENTS = enum.auto()
    """Each event, and the last lines."""
    MESSAGES = enum.auto()
    """Each event, each signaling message, and the last lines."""


class Report:
    """Prints the events of :attr:`diary` as they come, and :meth:`finish` the rest."""

    def __init__(self, terminal: Terminal, settings: Settings, destination: Destination, told: Told) -> None:
        self._terminal = terminal
        self._settings = settings
        self._destination = destination
        self._told = told
        tells = told in (Told.EVENTS, Told.MESSAGES)
        self.diary = Diary(self._tell if tells else None)
        if tells:
            where, mode = destination.signaling_url, shown(settings.call_mode)
            self._fold([f"Calling {where}, mode {mode}. Times are in ms from the start."], margin="")

    def _tell(self, event: Event) -> None:
        line = narrate(event, messages=self._told is Told.MESSAGES)
        if line is not None:
            for text in layout(event, line, self._terminal.width):
                self._terminal.print(self._terminal.painted(text, _COLOURS.get(line.sign)))

    def finish(self, result: CallResult, recording: Recording | None, version: str) -> ExitCode:
        """Print the end; returns the exit code.

        :param version: of loadkit.
        """
        code = exit_code(result)
        sentences = advice(Circumstances(result, self._settings, self._destination, self.diary))
        if self._told is Told.JSON:
            written = document(
                version, result, self._destination, self.diary, recording, sentences, int(code)
            )
            self._terminal.print(json.dumps(written, indent=1, allow_nan=False))
        else:
            self._tell_end(result, recording, sentences)
        return code

    def _tell_end(self, result: CallResult, recording: Recording | None, sentences: list[str]) -> None:
        record, terminal = result.record, self._terminal
        if self._told is not Told.END:
            terminal.print()
        failed = record.error_code is not None
        colour = "red" if failed else "yellow" if result.interrupted else "green"
        terminal.print(terminal.painted(f"The call {wrap_up.outcome_sentence(result)}.", colour))
        self._fold(wrap_up.error_lines(record))
        self._fold(wrap_up.stage_lines(record), heading="How long each stage took")
        self._fold(wrap_up.path_lines(record), heading="The connection")
        sound = [*wrap_up.media_lines(record), *wrap_up.turn_lines(result.turns)]
        if recording is not None:
            note = f"; it ends early: {recording.failure}" if recording.failure else ""
            sound.append(f"what was heard is in {recording.path}, {recording.seconds:.1f} s{note}")
        self._fold(sound, heading="Media")
        heading = "What to try next" if failed else "To note"
        self._fold((f"- {sentence}" for sentence in sentences), heading=heading)

    def _fold(self, lines: Iterable[str], margin: str = "  ", heading: str | None = None) -> None:
        """Lines folded to the terminal's width, under a heading; nothing when there is none."""
        for number, line in enumerate(lines):
            if number == 0 and heading is not None:
                self._terminal.print()
                self._terminal.print(self._terminal.painted(heading, "bold"))
            hanging = margin + "  " if line.startswith("- ") else margin
            folded = textwrap.wrap(
                line,
                self._terminal.width,
                initial_indent=margin,
                subsequent_indent=hanging,
                break_long_words=False,
                break_on_hyphens=False,
            )
            for text in folded:
                self._terminal.print(text)


def exit_code(result: CallResult) -> ExitCode:
    """0 a good end, 1 failed, 5 the gateway could not even be reached, 130 interrupted."""
    record = result.record
    if result.interrupted:
        return ExitCode.INTERRUPTED
    if record.error_code is None:
        return ExitCode.PASSED
    if record.error_code.startswith("WEBSOCKET_") and record.failed_stage == "websocket":
        return ExitCode.GATEWAY_UNREACHABLE
    return ExitCode.FAILED
