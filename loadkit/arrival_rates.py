"""When calls arrive: a rate that holds, or one that changes by stages, written as text.

    rate   = number "/" ( "s" | "min" | "h" )       5/s, 300/min, 1000/h
    stages = stage { "," stage }
    stage  = duration ":" rate                      a step: this rate from the beginning of the stage to its end
           | duration ":" rate ".." rate            a ramp, in a straight line from one rate to the other
           | duration ":" ".." rate                 a ramp from the rate at which the stage before ended; 0 at first

    60s:1/s,300s:10/s            a minute of 1/s, then five minutes of 10/s
    60s:..10/s,5m:10/s,60s:..0/s   from nothing to 10/s in a minute, held, and back

Constant arrivals come where the area under the rate reaches a whole number, beginning with 0: with 5/s at 0, 0.2,
0.4 … s, each computed by itself, so that none drifts. Poisson arrivals come where that area reaches the sum of
exponential draws (time change of a Poisson process of rate 1), which holds for ramps as it does for steps.

Pure: a random generator is handed in.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import PlainSerializer, PlainValidator

from loadkit.settings_model import parse_duration

#: Arrivals per second that nobody means (one Locust process starts a few hundred).
_MOST_PER_S = 10_000.0
_LONGEST_S = 7 * 86_400.0
_RATE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*/\s*(s|min|m|h)\s*$")
_UNITS_S = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3_600.0}
_HOW_A_RATE = "write 5/s, 300/min or 1000/h"
_HOW_STAGES = "write 60s:1/s,300s:10/s for steps, 60s:1/s..10/s or 60s:..10/s for a ramp"


@dataclass(frozen=True)
class Stage:
    """Some time of a constant rate, or of one that changes in a straight line."""

    start_s: float
    end_s: float
    first: float
    """Arrivals per second at the beginning."""
    last: float
    """Arrivals per second at the end."""

    def area(self, time_s: float) -> float:
        """Arrivals expected from the beginning of the stage to this moment of it."""
        within = time_s - self.start_s
        if self.first == self.last:
            return self.first * within
        slope = (self.last - self.first) / (self.end_s - self.start_s)
        return within * (self.first + slope * within / 2)

    def moment(self, area: float) -> float:
        """When the area from the beginning of the stage is so large."""
        if self.first == self.last:
            return self.start_s + area / self.first
        slope = (self.last - self.first) / (self.end_s - self.start_s)
        # first·t + slope·t²/2 = area, in the form that loses no digits for a small slope
        root = math.sqrt(max(0.0, self.first**2 + 2 * slope * area))
        return min(self.end_s, self.start_s + 2 * area / (self.first + root)) if area else self.start_s


@dataclass(frozen=True)
class Schedule:
    """The rate of arrivals over time. ``str()`` is the text that it was parsed from."""

    text: str
    stages: tuple[Stage, ...]

    def __str__(self) -> str:
        return self.text

    @property
    def end_s(self) -> float:
        """When the last stage ends; infinite for a rate that goes on."""
        return self.stages[-1].end_s

    @property
    def peak(self) -> float:
        """Most arrivals per second."""
        return max(max(stage.first, stage.last) for stage in self.stages)

    def rate(self, time_s: float) -> float:
        """Arrivals per second at this moment; 0 before the first stage and after the last."""
        for stage in self.stages:
            if stage.start_s <= time_s < stage.end_s:
                if stage.first == stage.last:
                    return stage.first
                share = (time_s - stage.start_s) / (stage.end_s - stage.start_s)
                return stage.first + share * (stage.last - stage.first)
        return 0.0

    def expected(self, time_s: float) -> float:
        """Arrivals expected from the beginning to this moment."""
        return sum(stage.area(min(time_s, stage.end_s)) for stage in self.stages if stage.start_s < time_s)

    def moments(self, rng: np.random.Generator | None = None) -> Iterator[float]:
        """Seconds of each arrival, in order: constant, or Poisson when there is a generator."""
        areas: Iterator[float]
        if rng is None:
            areas = map(float, itertools.count())
        else:
            areas = itertools.accumulate(iter(rng.standard_exponential, None))
        area, before = next(areas), 0.0
        for stage in self.stages:
            total = stage.area(stage.end_s) if math.isfinite(stage.end_s) else math.inf
            # At the very end of a stage it is the next one's: its rate, which may be 0 here, does not count.
            while area - before < total - 1e-9:
                yield stage.moment(area - before)
                area = next(areas)
            before += total


def parse_rate(text: str) -> float:
    """Arrivals per second of ``5/s``, ``300/min``, ``1000/h``.

    :raises ValueError: it is none of these.
    """
    match = _RATE.match(text)
    if match is None:
        raise ValueError(f"{text.strip()!r} is no rate; {_HOW_A_RATE}")
    rate = float(match[1]) / _UNITS_S[match[2]]
    if rate > _MOST_PER_S:
        raise ValueError(f"{text.strip()} is more than {_MOST_PER_S:,.0f} arrivals per second")
    return rate


def parse_arrival_rate(text: str) -> Schedule:
    """A rate that holds until the run is ended.

    :raises ValueError: it is no rate, or 0.
    """
    rate = parse_rate(text)
    if rate == 0:
        raise ValueError("with a rate of 0 no call would ever arrive")
    return Schedule(text.strip(), (Stage(0.0, math.inf, rate, rate),))


def parse_stages(text: str) -> Schedule:
    """Stages one after the other; the grammar is at the top of the file.

    :raises ValueError: what is wrong, and how it is written.
    """
    stages: list[Stage] = []
    for part in text.split(","):
        duration_text, colon, rates = part.partition(":")
        if not colon or not duration_text.strip() or not rates.strip():
            raise ValueError(f"{part.strip()!r} is no stage; {_HOW_STAGES}")
        start = stages[-1].end_s if stages else 0.0
        length = parse_duration(duration_text)
        if length <= 0:
            raise ValueError(f"the stage {part.strip()!r} has no length")
        first, last = _rates(rates, stages)
        stages.append(Stage(start, start + length, first, last))
    if stages[-1].end_s > _LONGEST_S:
        raise ValueError("all stages together are longer than a week")
    if not any(stage.first or stage.last for stage in stages):
        raise ValueError("every stage has a rate of 0: no call would ever arrive")
    return Schedule(text.strip(), tuple(stages))


def _rates(text: str, before: Sequence[Stage]) -> tuple[float, float]:
    first, dots, last = text.partition("..")
    if not dots:
        return parse_rate(first), parse_rate(first)
    if first.strip():
        return parse_rate(first), parse_rate(last)
    return (before[-1].last if before else 0.0), parse_rate(last)


def _validator(parse: Any) -> PlainValidator:
    def validate(value: Any) -> Schedule:
        if isinstance(value, Schedule):
            return value
        if not isinstance(value, str):
            raise ValueError(f"it is no text; {_HOW_A_RATE}")
        schedule: Schedule = parse(value)
        return schedule

    return PlainValidator(validate)


_AS_TEXT = PlainSerializer(str, return_type=str)

#: The type of a setting that is a rate, and of one that is stages.
RateSetting = Annotated[Schedule, _validator(parse_arrival_rate), _AS_TEXT]
StagesSetting = Annotated[Schedule, _validator(parse_stages), _AS_TEXT]
