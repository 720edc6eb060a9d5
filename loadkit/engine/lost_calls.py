"""The record of a call that no engine can tell of: it was never placed, or its engine took it with it."""

from __future__ import annotations

from dataclasses import dataclass

from loadkit.call.spec import CallSpec
from loadkit.errors import Stage
from loadkit.records import CallRecord, Outcome
from loadkit.unix_clock import unix_now, unix_offset


@dataclass
class HeldCall:
    """A call that was handed to an engine and has left no record yet."""

    spec: CallSpec
    connected: bool = False
    """Whether a command of its script has been answered: the first one waits for the connection."""
    start_delay_ms: float | None = None
    """How late it started, as its engine said when it was connected; None before that."""


def record_of_lost_call(held: HeldCall, code: str, message: str) -> CallRecord:
    """Of one that was not connected yet the engine took with it whether it ever started."""
    record = record_of_unplaced_call(held.spec, code, message)
    delay_ms = record.start_delay_ms = held.start_delay_ms
    if delay_ms is not None:
        record.started_at = round(held.spec.intended + delay_ms / 1000 + unix_offset(), 6)
    record.failed_stage = Stage.MEDIA if held.connected else Stage.PLACE
    return record


def record_of_unplaced_call(spec: CallSpec, code: str, message: str) -> CallRecord:
    """It never began."""
    record = spec.new_record()
    record.intended_at = round(spec.intended + unix_offset(), 6)
    record.ended_at = round(unix_now(), 6)
    record.outcome, record.failed_stage = Outcome.FAILED, Stage.PLACE
    record.error_code, record.error_message = code, message
    return record
