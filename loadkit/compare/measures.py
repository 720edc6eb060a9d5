"""What is compared: each measure with its column, its unit, and which direction is worse."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from loadkit.records import Outcome


class Kind(enum.StrEnum):
    """What kind of number it is; each has its own default floor."""

    TIMES = "times"
    """A percentile, in milliseconds."""
    SHARES = "shares"
    """Of calls or turns, 0 to 1."""
    LOSS = "loss"
    """Of packets, 0 to 1."""
    MOS = "mos"
    """1 to 5; less is worse."""
    CPU = "cpu"
    """Milliseconds of the generator's CPU in a second of a call."""


@dataclass(frozen=True)
class Measure:
    """One line of a comparison."""

    name: str
    """Unique: ``setup_ms p95``, ``failed``, ``failed ANSWER_TIMEOUT``."""
    label: str
    """For people."""
    kind: Kind
    column: str
    """What a floor of its own is named after."""
    table: str = "calls"
    """Where the column is: ``calls``, ``turns`` or ``figures``."""
    percent: float | None = None
    """Percentile of the column; None for a mean or a share."""
    scale: float = 1.0
    """The column's values times this are in the measure's unit."""
    code: str | None = None
    """Error code that is counted."""
    judged: bool = True
    """False for what says nothing of the gateway: told, and no reason to fail."""

    @property
    def less_is_worse(self) -> bool:
        """Most are worse when there is more of it."""
        return self.kind is Kind.MOS

    @property
    def least(self) -> int:
        """Values that each run needs: below 20 no percentile, and for a p99 one that can lie beyond it."""
        return 20 if self.percent is None else max(20, round(1 / (1 - self.percent / 100)))


#: Column → label, percentiles, scale. Of a call.
_CALL_TIMES: dict[str, tuple[str, tuple[float, ...], float]] = {
    "setup_ms": ("set-up", (50, 95, 99), 1.0),
    "ice_servers_ms": ("ICE servers", (50, 95), 1.0),
    "websocket_ms": ("WebSocket", (50, 95), 1.0),
    "gathering_ms": ("gathering", (50, 95), 1.0),
    "answer_ms": ("answer", (50, 95), 1.0),
    "ice_ms": ("ICE", (50, 95), 1.0),
    "dtls_ms": ("DTLS", (50, 95), 1.0),
    "first_packet_ms": ("first packet", (50, 95), 1.0),
    "first_audio_ms": ("first audio", (50, 95), 1.0),
    "greeting_ms": ("greeting", (50, 95), 1.0),
    "jitter": ("jitter", (50, 95), 1e3),
    "round_trip_time": ("round trip", (50, 95), 1e3),
}

_TURN_TIMES: dict[str, tuple[str, tuple[float, ...], float]] = {
    "turn_latency_ms": ("turn latency", (50, 95, 99), 1.0),
    "barge_in_stop_ms": ("stop after interruption", (50, 95), 1.0),
}

_CALL_SHARES = {
    "no_audio": "no audio",
    "silent_audio": "silent audio",
    "one_way": "one-way audio",
    "media_stopped": "media stopped",
}

_TURN_SHARES = {
    "no_response": "no reply",
    "false_interrupt": "agent interrupted",
    "barge_in_missed": "interruption missed",
}

#: How a call ends by itself: what failed is a share of these.
FINISHED = [str(outcome) for outcome in (Outcome.COMPLETED, Outcome.FAILED, Outcome.HUNG_UP)]

#: Columns of calls that are read, if they are there.
CALL_COLUMNS = (
    "intended_at",
    "started_at",
    "ended_at",
    "outcome",
    "error_code",
    "user",
    "scenario",
    "mode",
    "ice_path",
    "media_path",
    "duration_ms",
    "record_version",
    "packets_received",
    "packets_lost",
    "mos",
    *_CALL_TIMES,
    *_CALL_SHARES,
)

TURN_COLUMNS = (*_TURN_TIMES, *_TURN_SHARES)


def measures(codes: Sequence[str]) -> list[Measure]:
    """All measures, in the order of a table.

    :param codes: error codes that occur in one of the runs.
    """
    return [
        *_times("calls", _CALL_TIMES, ("setup_ms",)),
        *_times("turns", _TURN_TIMES),
        *_times("calls", {name: _CALL_TIMES[name] for name in _CALL_TIMES if name != "setup_ms"}),
        Measure("failed", "failed calls", Kind.SHARES, "failed"),
        *(
            Measure(f"failed {code}", f"failed with {code}", Kind.SHARES, "failed", code=code)
            for code in codes
        ),
        *(Measure(name, label, Kind.SHARES, name) for name, label in _CALL_SHARES.items()),
        *(Measure(name, label, Kind.SHARES, name, "turns") for name, label in _TURN_SHARES.items()),
        Measure("packet loss", "packet loss", Kind.LOSS, "packets_lost"),
        Measure("mos mean", "MOS, mean", Kind.MOS, "mos"),
        Measure("mos p5", "MOS, worst 5 %", Kind.MOS, "mos", percent=5),
        Measure("cpu", "generator's CPU per call", Kind.CPU, "cpu", "figures", judged=False),
    ]


def _times(
    table: str, of: dict[str, tuple[str, tuple[float, ...], float]], only: Sequence[str] = ()
) -> list[Measure]:
    return [
        Measure(f"{column} p{percent:g}", f"{label} p{percent:g}", Kind.TIMES, column, table, percent, scale)
        for column, (label, percentiles, scale) in of.items()
        for percent in percentiles
        if not only or column in only
    ]
