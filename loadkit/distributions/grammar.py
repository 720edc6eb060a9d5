"""From text to distribution.

distribution = duration                                  always the same: 600ms, 1.5s, 0
             | name ":" value { "," value }              in the order of the table
             | name "(" part { "," part } ")"
part         = key "=" duration
duration     = as everywhere: 250ms, 1.5s, 2m; a number without unit is seconds

lognormal:60s,0.5                  the median, and the standard deviation of the logarithm, without unit
lognormal(p50=600ms, p95=1200ms)   the median and one of p75, p90, p95, p99: how latencies are told;
                                   right-skewed, as the latencies of services and the lengths of calls are
exponential:90s                    the mean; without memory, as the lengths of telephone calls are modelled
exponential(mean=90s)
normal:600ms,100ms                 the mean and the standard deviation; what falls below 0 is 0
normal(mean=600ms, sd=100ms)
uniform:10s,30s                    every value between is as likely
uniform(min=10s, max=30s)
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator

from loadkit.distributions.families import (
    STANDARD,
    Constant,
    Distribution,
    Exponential,
    Lognormal,
    Normal,
    Uniform,
)
from loadkit.settings_model import parse_duration

_LONGEST_S = 86_400.0
_FORMS = (
    "600ms",
    "lognormal(p50=600ms, p95=1200ms)",
    "normal(mean=600ms, sd=100ms)",
    "uniform:10s,30s",
    "exponential:90s",
    "lognormal:60s,0.5",
)
_SHORT = re.compile(r"^\s*([A-Za-z]\w*)\s*:(.*)$", re.DOTALL)
_CALL = re.compile(r"^\s*(\w+)\s*\((.*)\)\s*$", re.DOTALL)
#: A mean of exp(sigma² / 2) medians: beyond this no number of calls comes near it.
_MOST_SIGMA = 3.0
_SHORT_KEYS = {
    "lognormal": ("median", "sigma"),
    "exponential": ("mean",),
    "normal": ("mean", "sd"),
    "uniform": ("min", "max"),
}
_SHORT_FORMS = {
    "lognormal": "lognormal:60s,0.5",
    "exponential": "exponential:90s",
    "normal": "normal:60s,10s",
    "uniform": "uniform:10s,30s",
}
_UPPER_QUANTILES = {"p75": 0.75, "p90": 0.90, "p95": 0.95, "p99": 0.99}


def parse_distribution(text: str) -> Distribution:
    """Read a distribution; the grammar is at the top of the file.

    :raises ValueError: what is wrong with it, and how it is written.
    """
    if (short := _SHORT.match(text)) is not None:
        return _parse_short(text.strip(), short[1].lower(), short[2])
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


def _parse_short(text: str, name: str, values: str) -> Distribution:
    """``name:value,value``: the same makers, by place."""
    keys = _SHORT_KEYS.get(name)
    if keys is None:
        raise ValueError(f"there is no distribution {name!r}; there are {', '.join(_MAKERS)}")
    given = [value.strip() for value in values.split(",")]
    if len(given) != len(keys) or not all(given):
        raise ValueError(f"{name} takes {' and '.join(keys)}, as in {_SHORT_FORMS[name]}")
    if name == "lognormal":
        return _lognormal_of_sigma(text, _duration(given[0]), given[1])
    return _MAKERS[name](text, dict(zip(keys, map(_duration, given), strict=True)))


def _lognormal_of_sigma(text: str, median: float, sigma_text: str) -> Distribution:
    try:
        sigma = float(sigma_text)
    except ValueError:
        raise ValueError(
            f"{sigma_text!r} is no number: after the median comes sigma, the standard deviation of the logarithm"
        ) from None
    if median <= 0:
        raise ValueError("lognormal: needs a median of more than 0")
    if not 0 <= sigma <= _MOST_SIGMA:
        raise ValueError(f"sigma must be from 0 to {_MOST_SIGMA:g}, not {sigma_text}")
    return Lognormal(text, math.log(median), sigma)


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


def _lognormal(text: str, parts: Mapping[str, float]) -> Distribution:
    upper = next((key for key in _UPPER_QUANTILES if key in parts), "p95")
    p50, above = _take("lognormal", parts, "p50", upper)
    if not 0 < p50 <= above:
        raise ValueError(f"lognormal() needs 0 < p50 <= {upper}, not p50={p50:g} s and {upper}={above:g} s")
    sigma = math.log(above / p50) / STANDARD.inv_cdf(_UPPER_QUANTILES[upper])
    return Lognormal(text, math.log(p50), sigma)


def _normal(text: str, parts: Mapping[str, float]) -> Distribution:
    return Normal(text, *_take("normal", parts, "mean", "sd"))


def _uniform(text: str, parts: Mapping[str, float]) -> Distribution:
    low, high = _take("uniform", parts, "min", "max")
    if low > high:
        raise ValueError(f"uniform() needs min <= max, not min={low:g} s and max={high:g} s")
    return Uniform(text, low, high)


def _exponential(text: str, parts: Mapping[str, float]) -> Distribution:
    return Exponential(text, *_take("exponential", parts, "mean"))


_MAKERS = {"lognormal": _lognormal, "exponential": _exponential, "normal": _normal, "uniform": _uniform}


def _validate(value: Any) -> Distribution:
    if isinstance(value, Distribution):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return parse_distribution(f"{value:f}")
    if isinstance(value, str):
        return parse_distribution(value)
    raise ValueError(f"it is no distribution; write one of {', '.join(_FORMS)}")


#: The type of a setting that is a distribution; text, or a number of seconds.
DistributionSetting = Annotated[
    Distribution, PlainValidator(_validate), PlainSerializer(str, return_type=str)
]
