"""Records as Locust's own table shows them: few, fixed names, and errors as codes.

Locust's percentiles are rounded to about two digits: they are for watching, the report judges by records.
"""

from __future__ import annotations

from typing import Any

from locust.env import Environment

from loadkit.printable import FewCodes
from loadkit.records import Outcome

#: Of this process: Locust keeps each text that it has ever seen, and prints them all.
_codes = FewCodes()


class CallFailed(Exception):
    """An error code in Locust's table, which counts errors by their text and takes it to terminals and pages."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)

    def __str__(self) -> str:
        return self.code

    __repr__ = __str__


def count(environment: Environment, row: dict[str, Any]) -> None:
    """Count one record: ``call`` when it finished, ``turn`` per reply; ``setup`` is counted as it happens.

    A cancelled call is neither a success nor a failure of the gateway and is not counted as ``call``.
    """
    call = row["call"]
    for turn in row["turns"]:
        if turn["turn_latency_ms"] is not None:
            _fire(environment, "turn", turn["turn_latency_ms"], None)
    if call["outcome"] != Outcome.CANCELLED:
        failed = call["outcome"] == Outcome.FAILED
        error = CallFailed(_codes.name(call["error_code"] or "UNKNOWN")) if failed else None
        _fire(environment, "call", call["duration_ms"], error, call["bytes_received"] or 0)


def count_setup(environment: Environment, milliseconds: float) -> None:
    """Count a call's set-up when it is done, which may be hours before its end."""
    _fire(environment, "setup", milliseconds, None)


def _fire(
    environment: Environment, name: str, milliseconds: float | None, error: Exception | None, length: int = 0
) -> None:
    environment.events.request.fire(
        request_type="webrtc",
        name=name,
        response_time=milliseconds,
        response_length=length,
        exception=error,
        context={},
    )
