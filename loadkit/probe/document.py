"""One call as one JSON document, for machines; docs/call.md says what each key means."""

from __future__ import annotations

from typing import Any

from loadkit.call.destination import Destination
from loadkit.errors import CODES
from loadkit.probe.diary import Diary
from loadkit.probe.one_call import CallResult
from loadkit.probe.recording import Recording
from loadkit.records import CallRecord, to_row

#: Goes up when a key changes its meaning or goes away, not when one is added.
DOCUMENT_VERSION = 1


def document(
    loadkit_version: str,
    result: CallResult,
    destination: Destination,
    diary: Diary,
    recording: Recording | None,
    advice: list[str],
    exit_code: int,
) -> dict[str, Any]:
    """Plain values."""
    return {
        "version": DOCUMENT_VERSION,
        "loadkit": loadkit_version,
        "signaling_url": destination.signaling_url,
        "exit_code": exit_code,
        "record": to_row(result.record),
        "turns": [to_row(turn) for turn in result.turns],
        "error": _error(result.record),
        "advice": advice,
        "audio": _audio(recording),
        "events_left_out": diary.left_out,
        "events": [{"event": e.name, "at_ms": e.at_ms, "data": e.data} for e in diary.events],
    }


def _error(record: CallRecord) -> dict[str, Any] | None:
    if record.error_code is None:
        return None
    known = CODES.get(record.error_code)
    return {
        "stage": record.failed_stage,
        "code": record.error_code,
        "message": record.error_message,
        "meaning": known.meaning if known else None,
        "look_at": known.look_at if known else None,
    }


def _audio(recording: Recording | None) -> dict[str, Any] | None:
    if recording is None:
        return None
    return {"path": str(recording.path), "seconds": round(recording.seconds, 3), "failure": recording.failure}
