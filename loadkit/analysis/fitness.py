"""Whether the load generator was fit: punctual enough that the latencies are the gateway's and not its own."""

from __future__ import annotations

from dataclasses import dataclass

#: Lateness of the sending clock, p99 over all packets of the run, that is still fit.
LATE_MS_P99_LIMIT = 10.0

#: Share of one core that an engine may use; held against the p90 of its per-second figures.
CPU_SHARE_LIMIT = 0.9


@dataclass(frozen=True)
class Fitness:
    """The judgement about the generator."""

    fit: bool | None
    """``None`` when its lateness was not measured."""
    reasons: tuple[str, ...] = ()
    """Why it is unfit, each with what to do about it."""


def judge_fitness(
    late_ms_p99: float | None, cpu_share_sustained: float | None, frames_skipped: int | None
) -> Fitness:
    """Hold the generator's figures against the limits; ``None`` stands for *not measured*.

    :param cpu_share_sustained: of the busiest engine, 1.0 is one core: the p90 of its seconds, so that
        neither a short peak nor an idle ramp-up decides.
    """
    reasons = []
    if late_ms_p99 is not None and late_ms_p99 > LATE_MS_P99_LIMIT:
        late = "more than 5 s" if late_ms_p99 == float("inf") else f"{late_ms_p99:g} ms"
        reasons.append(
            f"One packet in a hundred left {late} late or later (limit {LATE_MS_P99_LIMIT:g} ms): "
            "place fewer calls per engine, or use more engines or more machines."
        )
    if cpu_share_sustained is not None and cpu_share_sustained > CPU_SHARE_LIMIT:
        reasons.append(
            f"An engine used {cpu_share_sustained * 100:.0f} % of a core for a tenth of the run or longer (limit "
            f"{CPU_SHARE_LIMIT * 100:.0f} %): place fewer calls per engine, or use more engines or more machines."
        )
    if frames_skipped:
        packets = "1 packet was" if frames_skipped == 1 else f"{frames_skipped:,} packets were"
        reasons.append(
            f"{packets} never sent because an engine had stalled: look for other work on the machine, "
            "then place fewer calls per engine or use more machines."
        )
    if reasons:
        return Fitness(False, tuple(reasons))
    return Fitness(None if late_ms_p99 is None else True)
