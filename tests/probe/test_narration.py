"""Every event has its line, fit for 80 columns, and text of a gateway does no harm in it."""

from __future__ import annotations

import re
from pathlib import Path

import loadkit.probe
from loadkit.probe.diary import MOST_EVENTS, Diary, Event
from loadkit.probe.narration import _LINES, _MESSAGES, layout, narrate

ROOT = Path(__file__).resolve().parents[2]


def noted_names() -> set[str]:
    """Names of all events that the package notes, out of its source."""
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in Path(loadkit.probe.__file__).parent.glob("*.py")
    )
    direct = re.findall(r"note\(\s*\"(\w+)\"", text)
    marks = re.findall(r"^    \"\w+\": \"(\w+)\",$", text.partition("_MARKS = {")[2].partition("}")[0], re.M)
    return {*direct, *marks, "greeting", "reply"}


def test_every_event_that_is_noted_has_its_line_and_no_line_is_for_nothing() -> None:
    assert noted_names() == set(_LINES) | set(_MESSAGES)


def test_every_event_is_explained_in_the_manual_and_no_other() -> None:
    page = (ROOT / "docs" / "call.md").read_text(encoding="utf-8").partition("## Events")[2]
    explained = re.findall(r"^\| `(\w+)`", page, re.MULTILINE)
    assert sorted(explained) == sorted(noted_names())


def test_long_lines_are_folded_and_stand_under_their_beginning() -> None:
    event = Event("ice_servers_failed", 12.34, {"reason": "why " * 40})
    line = narrate(event, messages=False)
    assert line is not None
    lines = layout(event, line, 80)
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("     12.3 ! ")
    assert all(text.startswith(" " * 12) for text in lines[1:])


def test_text_of_a_gateway_cannot_move_the_cursor() -> None:
    evil = "\x1b[2J\x07\r\n\u202e"
    for event in (
        Event("gateway_error", 0, {"code": evil, "message": evil}),
        Event("websocket_closed", 0, {"code": 1011, "reason": evil, "by": "gateway"}),
        Event("ice_servers", 0, {"count": 1, "urls": ["stun:" + evil]}),
        Event(
            "upgrade_refused",
            0,
            {"status": 302, "reason": evil, "location": evil, "server": evil, "body": evil},
        ),
        Event("message_received", 0, {"message": {"type": evil, "data": {"sdp": "v=0\r\n" + evil}}}),
        Event("message_received", 0, {"message": evil}),
    ):
        line = narrate(event, messages=True)
        assert line is not None
        text = "".join(layout(event, line, 80))
        assert not set("\x1b\x07\r\n\u202e") & set(text), event.name


def test_messages_are_told_only_when_they_are_asked_for() -> None:
    assert narrate(Event("message_sent", 0, {"message": {}}), messages=False) is None


def test_a_gateway_that_talks_without_end_fills_no_memory() -> None:
    told: list[Event] = []
    diary = Diary(told.append)
    for _ in range(MOST_EVENTS + 3):
        diary.note("first_packet")
    assert (len(diary.events), diary.left_out, len(told)) == (MOST_EVENTS, 3, MOST_EVENTS + 3)
