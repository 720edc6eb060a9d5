"""Runs out of a seed with the noise of a busy machine: times that wander together, bursts, a warm-up, failures.

The noise is that of ``benchmarks/drift_alarms.py``: log-normal times, a slow wander, bursts of 20 s in which all takes
four times as long, and a first minute that is slower. Made straight as the tables that a comparison works with, so
that thousands of pairs can be compared.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import signal

from loadkit.compare.run_data import RunData

Floats = npt.NDArray[np.float64]

#: Calls that begin in a second.
RATE = 3.0
_BURST_S = 20.0
_SECONDS_PER_BURST = 600.0

#: Column of calls → median in its unit, sigma of its logarithm. Set-up is the sum of the first five.
_STAGES = {
    "websocket_ms": (6.0, 0.3),
    "gathering_ms": (3.0, 0.3),
    "answer_ms": (80.0, 0.4),
    "ice_ms": (15.0, 0.3),
    "dtls_ms": (12.0, 0.3),
}
_OTHERS = {
    "first_packet_ms": (40.0, 0.3),
    "first_audio_ms": (60.0, 0.3),
    "greeting_ms": (400.0, 0.3),
    "jitter": (0.002, 0.3),
    "round_trip_time": (0.003, 0.3),
}

_FIGURES = ("offset_s", "calls", "seconds", "cpu_share")


class Noise(enum.StrEnum):
    """What the calls of one run have in common."""

    SECONDS = "10 % over seconds"
    """A wander that forgets within ten seconds; no bursts."""
    BURSTS = "the same, and bursts"
    """And bursts, one in ten minutes on the average, and a warm-up."""
    MINUTES = "5 % over minutes, and bursts"
    """A wander that forgets within ten minutes, bursts and a warm-up."""
    QUIET = "2 % over seconds"
    """A machine with nothing else to do, and a gateway whose times spread by a quarter of the others'."""


def noisy_run(
    luck: np.random.Generator,
    calls: int,
    noise: Noise,
    *,
    slower: float = 1.0,
    answers: float = 1.0,
    failing: float = 0.0,
    mos: float = 4.2,
    bursts: Sequence[float] = (),
) -> RunData:
    """A run of calls of 5 s, :data:`RATE` a second, set up in 120 ms in the median.

    :param slower: factor of all that the set-up is made of.
    :param answers: factor of the answer's time alone.
    :param failing: share of calls that fail outside of a burst.
    :param mos: of most calls; those in a burst have half a point less.
    :param bursts: when bursts begin for certain, in seconds.
    """
    seconds = calls / RATE
    offsets = np.sort(luck.uniform(0, seconds, calls))
    shared = _Shared(luck, offsets, seconds, noise, bursts)
    spread = 0.25 if noise is Noise.QUIET else 1.0
    times = {
        name: median * slower * shared.factor() * luck.lognormal(0, sigma * spread, calls)
        for name, (median, sigma) in _STAGES.items()
    }
    times["answer_ms"] *= answers
    times["setup_ms"] = np.sum(list(times.values()), axis=0)
    for name, (median, sigma) in _OTHERS.items():
        times[name] = median * shared.factor() * luck.lognormal(0, sigma * spread, calls)
    # A burst multiplies failures, too.
    failed = luck.random(calls) < failing * np.where(shared.burst, 4.0, 1.0)
    heard = luck.normal(mos, 0.25, calls) - shared.wander() - 0.5 * shared.burst
    table = {
        "offset_s": offsets,
        "user": np.arange(calls) % 10,
        "outcome": np.where(failed, "failed", "completed"),
        "error_code": ["ANSWER_TIMEOUT" if one else None for one in failed],
        "duration_ms": np.full(calls, 5_000.0),
        "packets_received": np.full(calls, 250.0),
        "packets_lost": luck.poisson(0.2 * shared.slowdown, calls).astype(np.float64),
        "mos": np.clip(heard, 1.0, 4.5),
        **{name: np.where(failed, np.nan, values) for name, values in times.items()},
        **{name: np.zeros(calls) for name in ("no_audio", "silent_audio", "one_way", "media_stopped")},
        **dict.fromkeys(("scenario", "mode", "ice_path", "media_path"), "one"),
        "record_version": 1,
    }
    turns = {
        "offset_s": offsets,
        "turn_latency_ms": 600 * shared.factor() * luck.lognormal(0, 0.35 * spread, calls),
        "no_response": luck.random(calls) < 0.005,
    }
    run = {"ended_at": seconds, "settings": {"call_duration": 5.0, "arrival_rate": RATE}}
    frames = (pd.DataFrame(table), pd.DataFrame(turns), pd.DataFrame(columns=list(_FIGURES)))
    return RunData("run", run, *frames, fit=True, unfit_reasons=())


class _Shared:
    """What happens to a run, by the moments at which its calls begin."""

    def __init__(
        self,
        luck: np.random.Generator,
        offsets: Floats,
        seconds: float,
        noise: Noise,
        bursts: Sequence[float],
    ) -> None:
        self._luck, self._offsets, self._seconds = luck, offsets, seconds
        self._step_s, self._sigma = {Noise.MINUTES: (60.0, 0.05), Noise.QUIET: (1.0, 0.02)}.get(
            noise, (1.0, 0.1)
        )
        self._common = self._unit_wander()
        warm_up: float | Floats = 1.0
        if noise in (Noise.BURSTS, Noise.MINUTES):
            number = luck.poisson(seconds / _SECONDS_PER_BURST)
            bursts = [*bursts, *luck.uniform(-_BURST_S, seconds, number)]
            warm_up = 1 + 0.6 * np.exp(-offsets / 60)
        self.burst = np.zeros(offsets.size, dtype=bool)
        for begin in bursts:
            self.burst |= (offsets >= begin) & (offsets < begin + _BURST_S)
        self.slowdown = np.where(self.burst, 4.0, 1.0) * warm_up

    def factor(self) -> Floats:
        """What the times of one measure are longer by."""
        values: Floats = np.exp(self.wander()) * self.slowdown
        return values

    def wander(self) -> Floats:
        """Of one measure, as a logarithm: half of its variance is its own, the rest that of all."""
        values: Floats = self._sigma * (self._common + self._unit_wander()) / np.sqrt(2)
        return values

    def _unit_wander(self) -> Floats:
        """For each call; variance 1, and forgets within ten steps."""
        steps = int(self._seconds // self._step_s) + 1
        keep = np.exp(-1 / 10)
        news = self._luck.normal(0, np.sqrt(1 - keep**2), steps)
        news[0] = self._luck.normal()
        values = signal.lfilter([1.0], [1.0, -keep], news)
        at: Floats = values[(self._offsets / self._step_s).astype(np.int64)]
        return at
