"""The arrivals of a run: when each call is meant to start, how long it is talked, and which caller places it.

All is drawn in the process that reports, in the order of the arrivals and from streams of its own: which worker gets
an arrival changes nothing of it, so that a seed repeats a run on any number of workers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from loadkit.arrival_rates import Schedule
from loadkit.distributions.families import Distribution


@dataclass(frozen=True)
class Arrival:
    """One call that is to start, whatever becomes of those before."""

    number: int
    """From 0."""
    at_s: float
    """When it is meant to start, in seconds since the arrivals of the run began."""
    duration_s: float
    """How long it is to be talked."""
    user_class: str
    """The caller, by the name of its class in the locustfile."""


@dataclass
class Arrived:
    """An arrival in the process that places the call."""

    number: int
    intended: float
    """When it is meant to start, on this machine's monotonic clock in seconds."""
    duration_s: float
    placed: bool = False
    """Its call has been placed; a further one of the same script starts when the script places it."""


def arrivals(
    schedule: Schedule, durations: Distribution, classes: Mapping[str, float], seed: int, *, poisson: bool
) -> Iterator[Arrival]:
    """All arrivals in order, endless for a rate that goes on.

    :param classes: user class → weight.
    """
    of_moments, of_durations, of_classes = np.random.SeedSequence(seed).spawn(3)
    moments = schedule.moments(np.random.default_rng(of_moments) if poisson else None)
    lengths = np.random.default_rng(of_durations)
    chooser = random.Random(int(of_classes.generate_state(1)[0]))
    names, weights = list(classes), list(classes.values())
    for number, at_s in enumerate(moments):
        (name,) = chooser.choices(names, weights)
        yield Arrival(number, at_s, durations.sample(lengths), name)
