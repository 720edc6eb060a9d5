"""Latencies as distributions, written as text.

    distribution = duration                                  always the same: 600ms, 1.5s, 0
                 | name "(" part { "," part } ")"
    part         = key "=" duration
    duration     = as everywhere: 250ms, 1.5s, 2m; a number without unit is seconds

    lognormal(p50=600ms, p95=1200ms)   the median and one of p75, p90, p95, p99: how latencies are told;
                                       right-skewed, as the latencies of services are
    normal(mean=600ms, sd=100ms)       what falls below 0 is 0
    uniform(min=400ms, max=800ms)      every value between is as likely

Pure: a random generator is handed in.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated, Any

import numpy as np
from pydantic import PlainSerializer, PlainValidator

from loadkit.settings_model import parse_duration

_STANDARD = NormalDist()
_LONGEST_S = 86_400.0
_FORMS = (
    "600ms",
    "lognormal(p50=600ms, p95=1200ms)",
    "normal(mean=600ms, sd=100ms)",
    "uniform(min=400ms, max=800ms)",
)
_CALL = re.compile(r"^\s*(\w+)\s*\((.*)\)\s*$", re.DOTALL)
_UPPER_QUANTILES = {"p75": 0.75, "p90": 0.90, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Latency(ABC):
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


@dataclass(frozen=True)
class Constant(Latency):
    """Always the same."""

    seconds: float

    def sample(self, rng: np.random.Generator) -> float:  # noqa: ARG002 - the others need it
        """The constant; draws nothing."""
        return self.seconds

    def quantile(self, share: float) -> float:  # noqa: ARG002
        """The constant."""
        return self.seconds


@dataclass(frozen=True)
class Lognormal(Latency):
    """The logarithm is normal, with mean ``mu`` and standard deviation ``sigma``."""

    mu: float
    sigma: float

    def sample(self, rng: np.random.Generator) -> float:
        """One draw."""
        return float(rng.lognormal(self.mu, self.sigma))

    def quantile(self, share: float) -> float:
        """Exact."""
        return math.exp(self.mu + self.sigma * _STANDARD.inv_cdf(share))


@dataclass(frozen=True)
class Normal(Latency):
    """Normal; what would be negative is 0, which leaves every quantile above 0 where it was."""

    mean: float
    sd: float

    def sample(self, rng: np.random.Generator) -> float:
        """One draw."""
        return max(0.0, float(rng.normal(self.mean, self.sd)))

    def quantile(self, share: float) -> float:
        """Exact."""
        return max(0.0, self.mean + self.sd * _STANDARD.inv_cdf(share))


@dataclass(frozen=True)
class Uniform(Latency):
    """Every value from ``low`` to ``high`` is as likely."""

    low: float
    high: float

    def sample(self, rng: np.random.Generator) -> float:
        """One draw."""
        return float(rng.uniform(self.low, self.high))

    def quantile(self, share: float) -> float:
        """Exact."""
        return self.low + share * (self.high - self.low)


def parse_latency(text: str) -> Latency:
    """Read a distribution; the grammar is at the top of the file.

    :raises ValueError: what is wrong with it, and how it is written.
    """
    match = _CALL.match(text)
    if match is None:
        if "(" in text or ")" in text or "=" in text:
            raise ValueError(f"it is no distribution; write one of {', '.join(_FORMS)}")
        return Constant(text.strip(), _duration(text))
    name, arguments = match[1].lower(), match[2]
    maker = _MAKERS.get(name)
    if maker is None:
        raise ValueError(f"there is no distribution {match[1]!r}; there are {', '.join(_MAKERS)}")
    return maker(text.strip(), _parts(name, arguments))


def _parts(name: str, arguments: str) -> dict[str, float]:
    parts: dict[str, float] = {}
    for argument in arguments.split(","):
        key, equals, value = (piece.strip() for piece in argument.partition("="))
        if not equals or not key:
            raise ValueError(f"{argument.strip()!r} in {name}() is not of the form key=duration")
        if key in parts:
            raise ValueError(f"{name}() is given {key} twice")
        parts[key] = _duration(value)
    return parts


def _duration(text: str) -> float:
    seconds = parse_duration(text)
    if seconds > _LONGEST_S:
        raise ValueError(f"{text.strip()} is longer than a day")
    return seconds


def _take(name: str, parts: Mapping[str, float], *keys: str) -> list[float]:
    if set(parts) != set(keys):
        raise ValueError(
            f"{name}() needs {' and '.join(keys)}, and is given {', '.join(parts)}"
            if parts
            else f"{name}() needs {' and '.join(keys)}"
        )
    return [parts[key] for key in keys]


def _lognormal(text: str, parts: Mapping[str, float]) -> Latency:
    upper = next((key for key in _UPPER_QUANTILES if key in parts), "p95")
    p50, above = _take("lognormal", parts, "p50", upper)
    if not 0 < p50 <= above:
        raise ValueError(f"lognormal() needs 0 < p50 <= {upper}, not p50={p50:g} s and {upper}={above:g} s")
    sigma = math.log(above / p50) / _STANDARD.inv_cdf(_UPPER_QUANTILES[upper])
    return Lognormal(text, math.log(p50), sigma)


def _normal(text: str, parts: Mapping[str, float]) -> Latency:
    return Normal(text, *_take("normal", parts, "mean", "sd"))


def _uniform(text: str, parts: Mapping[str, float]) -> Latency:
    low, high = _take("uniform", parts, "min", "max")
    if low > high:
        raise ValueError(f"uniform() needs min <= max, not min={low:g} s and max={high:g} s")
    return Uniform(text, low, high)


_MAKERS = {"lognormal": _lognormal, "normal": _normal, "uniform": _uniform}


def _validate(value: Any) -> Latency:
    if isinstance(value, Latency):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return parse_latency(f"{value:f}")
    if isinstance(value, str):
        return parse_latency(value)
    raise ValueError(f"it is no distribution; write one of {', '.join(_FORMS)}")


#: The type of a setting that is a distribution; text, or a number of seconds.
LatencySetting = Annotated[Latency, PlainValidator(_validate), PlainSerializer(str, return_type=str)]
