"""All thresholds of a run, as they are asked for and as ``run.json`` keeps them.

They come from three places, each of which replaces what the one before says of the same thing: a preset, a file
(:mod:`~loadkit.thresholds.slo_file`), and ``--slo``. What comes of the three is written into ``run.json`` in full, so
that a run can be judged again when the file is gone and the preset has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadkit.settings_model import listed
from loadkit.thresholds.grammar import ThresholdError, parse_threshold, parse_thresholds
from loadkit.thresholds.threshold import Threshold

#: What parts thresholds in one text.
SEPARATOR = ";"


@dataclass(frozen=True)
class Objective:
    """One threshold with its name."""

    name: str
    """The one that its file gives it; without, its text."""
    threshold: Threshold
    min_count: int = 0
    """Values that there have to be for it to be decided; what the aggregate itself needs comes on top."""


@dataclass(frozen=True)
class Objectives:
    """What a run is held against."""

    each: tuple[Objective, ...] = ()
    warm_up_s: float = 0.0
    """Calls that were meant to start in these first seconds are left out."""
    preset: str | None = None
    """The preset that they began with; its thresholds are in ``each``."""

    def __bool__(self) -> bool:
        return bool(self.each)

    def document(self) -> dict[str, Any]:
        """As ``run.json`` keeps them."""
        return {
            "preset": self.preset,
            "warm_up_s": self.warm_up_s,
            "thresholds": [
                {"name": one.name, "text": str(one.threshold), "min_count": one.min_count}
                for one in self.each
            ],
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Objectives:
        """Read what :meth:`document` wrote.

        :raises ValueError: it is spoilt, or of a grammar that is not ours.
        """
        rows = document.get("thresholds") or []
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise ValueError("its thresholds are no list")
        each = tuple(
            Objective(
                str(row.get("name")), parse_threshold(str(row.get("text"))), int(row.get("min_count") or 0)
            )
            for row in rows
        )
        named = document.get("preset")
        return cls(each, float(document.get("warm_up_s") or 0), None if named is None else str(named))


def merged(base: Iterable[Objective], more: Iterable[Objective]) -> tuple[Objective, ...]:
    """Both, without those of the base that one of the others replaces."""
    later = list(more)
    kept = [
        one
        for one in base
        if not any(each.threshold.replaces(one.threshold) or each.name == one.name for each in later)
    ]
    return tuple(dict.fromkeys([*kept, *later]))


def split_texts(given: Any) -> Any:
    """Thresholds out of a text or texts, each of which may hold several, parted by ``;``; anything else as it is."""
    return listed(given, separator=SEPARATOR)


def normal_form(text: str) -> str:
    """A threshold as it is written when it is understood.

    :raises ValueError: it is none; the error names the place, and leaves out the text.
    """
    try:
        return str(parse_threshold(text))
    except ThresholdError as exc:
        raise ValueError(exc.place_and_reason) from None


def objectives_of_texts(texts: Sequence[str]) -> tuple[tuple[Objective, ...], list[str]]:
    """Those that are right, each once, and a sentence for each that is wrong."""
    found, faults = parse_thresholds(texts)
    return tuple(Objective(str(threshold), threshold) for threshold in found), faults
