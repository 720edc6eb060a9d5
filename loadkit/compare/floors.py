"""Differences that are not worth a word, however sure they are: relative to the first run, and absolute.

    floor := [ subject "=" ] part { "," part }
    part  := number "%"      of the first run's value
           | number "ms"     of a time
           | number "pp"     percentage points of a share
           | number          of a MOS, or of anything in its own unit

A subject is a kind of measure (``times``, ``shares``, ``loss``, ``mos``, ``cpu``) or a column (``setup_ms``); without
one the floor is for ``times``. A part that is not given stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from loadkit.compare.measures import Kind, Measure, measures
from loadkit.errors import SettingsError

_PART = re.compile(r"^(\d+(?:\.\d+)?|\.\d+)\s*(%|ms|pp|)$")


@dataclass(frozen=True)
class Floor:
    """Both have to be passed."""

    relative: float
    """0.05 is 5 % of the first run's value."""
    absolute: float
    """In the measure's unit; a share is 0 to 1."""


#: Five per cent is about what two runs of the same gateway on one machine differ by; 5 ms is below what anybody hears
#: (G.114 counts in tens of milliseconds). One call in a hundred; one packet in a thousand; a tenth of a MOS.
DEFAULT: Mapping[Kind, Floor] = {
    Kind.TIMES: Floor(0.05, 5.0),
    Kind.SHARES: Floor(0.05, 0.01),
    Kind.LOSS: Floor(0.05, 0.001),
    Kind.MOS: Floor(0.0, 0.1),
    Kind.CPU: Floor(0.05, 0.5),
}


class Floors:
    """The floor of each measure.

    :param given: as on the command line.
    :raises SettingsError: with every fault.
    """

    def __init__(self, given: Sequence[str] = ()) -> None:
        self._of: dict[str, Floor] = {str(kind): floor for kind, floor in DEFAULT.items()}
        self._kinds = {measure.column: measure.kind for measure in measures(())}
        faults = []
        for text in given:
            try:
                self._take(text)
            except ValueError as exc:
                faults.append(f"--floor {text!r}: {exc}")
        if faults:
            raise SettingsError(faults)

    def of(self, measure: Measure) -> Floor:
        """That of its column when it has one of its own, else that of its kind."""
        return self._of.get(measure.column, self._of[measure.kind])

    def _take(self, text: str) -> None:
        subject, equals, parts = text.rpartition("=")
        subject = subject.strip() if equals else str(Kind.TIMES)
        if subject not in self._of and subject not in self._kinds:
            known = ", ".join([*map(str, Kind), *self._kinds])
            raise ValueError(f"there is no measure {subject!r}; there are {known}")
        kind = Kind(subject) if subject in list(Kind) else self._kinds[subject]
        floor = self._of.get(subject, self._of[kind])
        for part in parts.split(","):
            floor = _with(floor, part.strip(), kind)
        self._of[subject] = floor


def _with(floor: Floor, part: str, kind: Kind) -> Floor:
    match = _PART.match(part)
    if match is None:
        raise ValueError(f"{part!r} is no floor; write 5%, 5ms, 0.5pp or, for a MOS, 0.1")
    number, unit = float(match[1]), match[2]
    if unit == "%":
        return replace(floor, relative=number / 100)
    share = kind in (Kind.SHARES, Kind.LOSS)
    if (unit == "pp") != share and unit:
        raise ValueError(f"{part!r}: {kind} are {'shares: write 0.5pp' if share else 'no shares'}")
    if not unit and share:
        raise ValueError(f"{part!r}: say 5% (of the first run's share) or 0.5pp (percentage points)")
    if unit == "ms" and kind is Kind.MOS:
        raise ValueError(f"{part!r}: a MOS has no unit")
    return replace(floor, absolute=number / 100 if share else number)
