"""The families of distributions: how each is drawn from, with its quantiles and means, all of them exact.

Pure: a random generator is handed in.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

#: The standard normal distribution, which normal and lognormal ones are told by.
STANDARD = NormalDist()


@dataclass(frozen=True)
class Distribution(ABC):
    """A distribution of seconds; never negative. ``str()`` is the text that it was parsed from."""

    text: str

    def __str__(self) -> str:
        return self.text

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> float:
        """One draw, in seconds."""

    @abstractmethod
    def quantile(self, share: float) -> float:
        """Seconds that this share (0 < share < 1) of all draws does not exceed."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """The mean of all draws, in seconds."""

    @abstractmethod
    def limited_mean(self, seconds: float) -> float:
        """The mean of all draws when what is longer than this (0 or more) counts as this: E[min(X, x)].

        It is the integral of the share of draws that are longer, from 0 to there.
        """


@dataclass(frozen=True)
class Constant(Distribution):
    """Always the same."""

    seconds: float

    def sample(self, rng: np.random.Generator) -> float:  # noqa: ARG002 - the others need it
        """The constant; draws nothing."""
        return self.seconds

    def quantile(self, share: float) -> float:  # noqa: ARG002
        """The constant."""
        return self.seconds

    @property
    def mean(self) -> float:
        """The constant."""
        return self.seconds

    def limited_mean(self, seconds: float) -> float:
        """The lesser of the two."""
        return min(self.seconds, seconds)


@dataclass(frozen=True)
class Lognormal(Distribution):
    """The logarithm is normal, with mean ``mu`` and standard deviation ``sigma``."""

    mu: float
    sigma: float

    def sample(self, rng: np.random.Generator) -> float:
        """One draw."""
        return float(rng.lognormal(self.mu, self.sigma))

    def quantile(self, share: float) -> float:
        """Exact."""
        return math.exp(self.mu + self.sigma * STANDARD.inv_cdf(share))

    @property
    def mean(self) -> float:
        """Exact: more than the median, the more so the larger sigma is."""
        return math.exp(self.mu + self.sigma**2 / 2)

    def limited_mean(self, seconds: float) -> float:
        """Exact."""
        if seconds <= 0:
            return 0.0
        if self.sigma == 0:
            return min(math.exp(self.mu), seconds)
        z = (math.log(seconds) - self.mu) / self.sigma
        return self.mean * STANDARD.cdf(z - self.sigma) + seconds * (1 - STANDARD.cdf(z))


@dataclass(frozen=True)
class Normal(Distribution):
    """Normal; what would be negative is 0, which leaves every quantile above 0 where it was."""

    centre: float
    sd: float

    def sample(self, rng: np.random.Generator) -> float:
        """One draw."""
        return max(0.0, float(rng.normal(self.centre, self.sd)))

    def quantile(self, share: float) -> float:
        """Exact."""
        return max(0.0, self.centre + self.sd * STANDARD.inv_cdf(share))

    @property
    def mean(self) -> float:
        """Exact: a little more than the centre, for what would be negative is 0."""
        if self.sd == 0:
            return self.centre
        z = self.centre / self.sd
        return self.centre * STANDARD.cdf(z) + self.sd * STANDARD.pdf(z)

    def limited_mean(self, seconds: float) -> float:
        """Exact."""
        if self.sd == 0:
            return min(self.centre, seconds)
        begin, end = -self.centre / self.sd, (seconds - self.centre) / self.sd
        return self.sd * (_of_longer(end) - _of_longer(begin))


@dataclass(frozen=True)
class Uniform(Distribution):
    """Every value from ``low`` to ``high`` is as likely."""

    low: float
    high: float

    def sample(self, rng: np.random.Generator) -> float:
        """One draw."""
        return float(rng.uniform(self.low, self.high))

    def quantile(self, share: float) -> float:
        """Exact."""
        return self.low + share * (self.high - self.low)

    @property
    def mean(self) -> float:
        """Exact."""
        return (self.low + self.high) / 2

    def limited_mean(self, seconds: float) -> float:
        """Exact."""
        if seconds <= self.low:
            return seconds
        if seconds >= self.high:
            return self.mean
        return self.mean - (self.high - seconds) ** 2 / (2 * (self.high - self.low))


@dataclass(frozen=True)
class Exponential(Distribution):
    """Without memory: however long it has lasted, the rest is as long as the whole."""

    average: float

    def sample(self, rng: np.random.Generator) -> float:
        """One draw."""
        return float(rng.exponential(self.average))

    def quantile(self, share: float) -> float:
        """Exact."""
        return -self.average * math.log1p(-share)

    @property
    def mean(self) -> float:
        """As given."""
        return self.average

    def limited_mean(self, seconds: float) -> float:
        """Exact."""
        return -self.average * math.expm1(-seconds / self.average) if self.average else 0.0


def _of_longer(z: float) -> float:
    """An integral of the share of standard normal draws above z."""
    return z * (1 - STANDARD.cdf(z)) - STANDARD.pdf(z)
