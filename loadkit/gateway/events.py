"""The gateway's own truth: which events there are, what they mean, and the fields they have.

They are written by :mod:`~loadkit.gateway.event_log`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

#: Version of events and fields; goes up when one changes its meaning or goes away.
EVENTS_VERSION = 1


@dataclass(frozen=True)
class EventKind:
    """What an event means, and its own fields beside the common ones."""

    meaning: str
    fields: Mapping[str, str] = field(default_factory=dict)


#: Fields of every event.
COMMON_FIELDS: Mapping[str, str] = {
    "at": "Unix time in seconds: the monotonic clock, and the offset that Unix time had at the start",
    "monotonic": "the same on the monotonic clock of the gateway's machine",
    "session_id": "the sessionId of the call; null in events of the gateway itself",
    "call_sid": "callSid of the offer; null when there was none",
    "mode": "canonical mode of the call",
    "event": "one of the events below",
}

_WHAT = {
    "what": "greeting, answer or goodbye",
    "turn": "number of the answer, from 1; null for greeting and goodbye",
}

EVENTS: Mapping[str, EventKind] = {
    "gateway_started": EventKind(
        "the gateway listens",
        {
            "version": "version of this table",
            "pid": "process",
            "port": "port it listens on",
            "agent_seed": "seed of its agents' draws, also when none was given",
        },
    ),
    "session_opened": EventKind("an offer was taken"),
    "answered": EventKind("the answer was handed to the socket"),
    "connected": EventKind("ICE and DTLS are done: media can flow"),
    "greeting_started": EventKind(
        "the first frame of speech of the greeting was handed to the network", {"sample": "what is said"}
    ),
    "heard_speech": EventKind(
        "the caller's turn began: the first frame of its speech arrived",
        {"detected_at": "when that was sure, a few frames later"},
    ),
    "heard_end_of_turn": EventKind(
        "the caller has been silent for `--end-of-turn`: its turn is over",
        {
            "speech_started_at": "when the first frame of speech of the turn arrived",
            "last_speech_at": "when its last frame of speech arrived",
            "detected_at": "when the end of the turn was noticed; equals `at`",
        },
    ),
    "thinking": EventKind(
        "the agent makes its answer",
        {
            "stages_ms": "what was drawn for each stage: agent in `end-to-end`; asr, llm and tts in `traditional`",
            "think_ms": "their sum",
            "due_at": "when the answer is due: last_speech_at + `--end-of-turn` + think_ms",
        },
    ),
    "started_speaking": EventKind(
        "the first frame of speech of an answer or of the goodbye was handed to the network",
        {"sample": "what is said", **_WHAT},
    ),
    "stopped_speaking": EventKind(
        "the last frame of speech was handed to the network",
        {"reason": "done, barge_in, or hang_up when the call ended amid it", **_WHAT},
    ),
    "barge_in": EventKind(
        "the caller had talked into the agent's speech for `--barge-in-after`: silence from the next frame on",
        {"speech_started_at": "when the first frame of the caller's speech arrived", **_WHAT},
    ),
    "hung_up": EventKind("the agent hung up"),
    "session_ended": EventKind(
        "everything of the call is freed",
        {
            "reason": "in words",
            "code": "code of the error that was sent; null after a good end",
        },
    ),
    "events_lost": EventKind(
        "events are missing here: the buffer was full, or the disk did not take them",
        {"count": "how many"},
    ),
}


class Note(Protocol):
    """Writes an event of one call."""

    def __call__(self, event: str, now: float, /, **fields: object) -> None:
        """Note that ``event`` happened at ``now`` (monotonic seconds).

        Fields whose names end in ``_at`` are monotonic seconds, too, and are written as Unix time.
        """


#: Takes an event, as a mapping of its fields, and when it happened (monotonic seconds).
WriteEvent = Callable[[Mapping[str, Any], float], None]


class SessionEvents:
    """Notes the events of one session.

    :param write: where they go; None when nobody wants them.
    """

    def __init__(self, write: WriteEvent | None, session_id: str) -> None:
        self._write = write
        self._session: dict[str, str | None] = {"session_id": session_id, "call_sid": None, "mode": None}
        self._opened = False

    def opened(self, now: float, *, call_sid: str | None, mode: str) -> None:
        """An offer was taken; until then there is no session to speak of."""
        self._session |= {"call_sid": call_sid, "mode": mode}
        self._opened = True
        self.note("session_opened", now)

    def note(self, event: str, now: float, /, **fields: object) -> None:
        """See :class:`Note`."""
        if self._write is not None and self._opened:
            # An agent's own fields take the place of none that every event has.
            own = {name: value for name, value in fields.items() if name not in COMMON_FIELDS}
            self._write(self._session | {"event": event} | own, now)
