"""What a load generator may cost and how late it may be before its figures are no longer the gateway's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadkit.settings import Settings


@dataclass(frozen=True)
class Limits:
    """The limits of a run; ``None`` for what is not judged. Where the defaults come from: ``docs/fitness.md``."""

    late_ms: float | None
    """Lateness that one packet in a hundred may have against the 20 ms clock."""
    loop_lag_ms: float | None
    """How late a loop may come, worst of a second, in one second out of ten."""
    cpu_share: float | None
    """Share of one core that a process may use in one second out of ten."""

    @property
    def none(self) -> bool:
        """Whether nothing is judged at all."""
        return self.late_ms is None and self.loop_lag_ms is None and self.cpu_share is None

    @classmethod
    def of(cls, settings: Any) -> Limits:
        """The limits in a run's settings; the defaults where they name none, as those of an older run do.

        :param settings: ``settings`` of ``run.json``, whatever is there.
        """
        given: Mapping[str, Any] = settings if isinstance(settings, Mapping) else {}
        return cls(*(_limit(name, given.get(name)) for name in LIMIT_SETTINGS.values()))


#: Field of :class:`Limits` → setting.
LIMIT_SETTINGS = {
    "late_ms": "limit_late_ms",
    "loop_lag_ms": "limit_loop_lag_ms",
    "cpu_share": "limit_cpu_share",
}


def _limit(name: str, given: Any) -> float | None:
    known = isinstance(given, (int, float)) and not isinstance(given, bool)
    limit = float(given if known else Settings.model_fields[name].default)
    # Zero does not judge; NaN, which compares with nothing, would be a limit that is never passed.
    return limit if limit > 0 else None
