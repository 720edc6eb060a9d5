"""What became of ``--baseline``: read from ``compare.json``, which is written after the report of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadkit.printable import printable

_FINE = frozenset({"better", "cannot be told apart"})


@dataclass(frozen=True)
class Held:
    """The run beside its baseline."""

    status: str
    """As in ``compare.json``, or ``not compared``."""
    sentence: str

    @property
    def fine(self) -> bool:
        """Whether a run that passed by itself still passes."""
        return self.status in _FINE

    @property
    def worse(self) -> bool:
        """Whether it is known to be worse; what is neither fine nor worse is not known."""
        return self.status == "worse"


def held_of(run: Mapping[str, Any], comparison: object) -> Held | None:
    """What the comparison says; ``None`` for a run that was not asked for one.

    :param run: the content of ``run.json``.
    :param comparison: the content of ``compare.json``; None when there is none, which is never a pass.
    """
    settings = run.get("settings")
    if not isinstance(settings, Mapping) or not settings.get("baseline"):
        return None
    result = comparison.get("result") if isinstance(comparison, Mapping) else None
    if not isinstance(result, Mapping):
        return Held("not compared", "The run was to be compared with a baseline, and has not been.")
    return Held(printable(str(result.get("status")), 40), printable(str(result.get("sentence")), 1_000))
