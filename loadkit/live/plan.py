"""What a run means to do, as far as those who watch it need to know."""

from __future__ import annotations

from dataclasses import dataclass

from loadkit.settings import Settings


@dataclass(frozen=True)
class Limits:
    """What a fit generator keeps to; None for what is not judged."""

    late_ms: float | None = None
    loop_lag_ms: float | None = None
    cpu_share: float | None = None


@dataclass(frozen=True)
class Plan:
    """Of one run."""

    run_id: str = ""
    host: str = ""
    run_time_s: float | None = None
    """How long callers call; None until somebody stops them."""
    stages_s: float | None = None
    """When the last stage of arrivals is over; None without stages."""
    budget_s: float | None = None
    """Seconds of connected calls that end the run; None without a budget."""
    limits: Limits = Limits()

    @classmethod
    def of(cls, settings: Settings, *, run_id: str, host: str, run_time_s: float | None) -> Plan:
        """Out of a run's settings and Locust's ``--run-time``."""
        minutes = settings.max_call_minutes
        return cls(
            run_id=run_id,
            host=host,
            run_time_s=run_time_s or None,
            stages_s=settings.stages.end_s if settings.stages is not None else None,
            budget_s=None if minutes is None else minutes * 60,
            limits=Limits(
                settings.limit_late_ms or None,
                settings.limit_loop_lag_ms or None,
                settings.limit_cpu_share or None,
            ),
        )
