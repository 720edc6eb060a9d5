"""What can be held against a limit, and what rows can be chosen by: columns of records, and two that are derived."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from loadkit.records import CallRecord, TurnRecord

#: Whether a call failed, of the calls that came to an end of their own.
FAILED = "failed"

#: Share of the packets to us that never came, call by call (W3C ``fractionLost``, over the whole call).
FRACTION_LOST = "fraction_lost"

SHARE = "0..1"

#: Columns that say which row it is, and nothing that could be good or bad.
_NO_MEASURES = {"record_version", "turn", "arrival"}
_POINTS_IN_TIME = "unix s"

#: Columns that every call has from its start on, however it ends.
FILTERS_FROM_THE_START: tuple[str, ...] = ("scenario", "mode", "ice_path", "worker", "engine")

#: Columns that a call may have, by which its other values can be looked at apart.
FILTERS: tuple[str, ...] = (
    *FILTERS_FROM_THE_START,
    "sample",
    "local_address",
    "local_candidate_type",
    "remote_candidate_type",
    "relay_protocol",
    "turn_url",
    "dtls_role",
    "tls_version",
    "dtls_cipher",
    "srtp_cipher",
    "codec",
    "media_path",
    "outcome",
    "failed_stage",
    "error_code",
)


@dataclass(frozen=True)
class Measure:
    """What can be held against a limit."""

    name: str
    unit: str
    """As in the records: ``ms``, ``s``, ``0..1``, ``B``, ``ppm`` or nothing."""
    boolean: bool
    of_turns: bool = False
    """One value per turn, not per call."""

    @property
    def filters(self) -> tuple[str, ...]:
        """Columns by which its values can be chosen.

        A call that failed early lacks what was never agreed on: chosen by that, failures would be left out unseen.
        """
        return FILTERS_FROM_THE_START if self.name == FAILED else FILTERS


def _measures() -> dict[str, Measure]:
    found = {
        FAILED: Measure(FAILED, "", boolean=True),
        FRACTION_LOST: Measure(FRACTION_LOST, SHARE, boolean=False),
    }
    for record, of_turns in ((CallRecord, False), (TurnRecord, True)):
        for field in dataclasses.fields(record):
            kind, unit = str(field.type).split(" | ")[0], str(field.metadata["unit"])
            if (
                kind in ("int", "float", "bool")
                and unit != _POINTS_IN_TIME
                and field.name not in _NO_MEASURES
            ):
                found[field.name] = Measure(field.name, unit, kind == "bool", of_turns)
    return found


#: Name → measure: the derived ones, then the columns of calls, then those of turns.
MEASURES: Mapping[str, Measure] = _measures()
