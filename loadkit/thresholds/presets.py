"""Thresholds to begin with, where nobody has said what is good enough; docs/thresholds.md names the sources."""

from __future__ import annotations

from collections.abc import Mapping

from loadkit.thresholds.grammar import parse_threshold
from loadkit.thresholds.objectives import Objective

#: Preset → name of a threshold → its text.
PRESETS: Mapping[str, Mapping[str, str]] = {
    # Does it work at all? Decided by a single call, in any mode.
    "smoke": {
        "no call fails": "failed count < 1",
        "every call is set up": "setup_ms max < 10s",
        "every call is heard": "no_audio count < 1",
    },
    # What real phone agents reach, on a network that is fit for speech.
    "typical": {
        "calls succeed": "failed < 1%",
        "set-up": "setup_ms p95 < 3s",
        "turns, half": "turn_latency_ms p50 < 1500",
        "turns, nearly all": "turn_latency_ms p95 < 2500",
        "turns are answered": "no_response < 2%",
        "packets arrive": "fraction_lost mean < 1%",
        "jitter": "jitter p95 < 30ms",
        "audio": "no_audio < 0.5%",
    },
    # A conversation that feels like one.
    "strict": {
        "calls succeed": "failed < 0.1%",
        "set-up": "setup_ms p95 < 1500",
        "turns, half": "turn_latency_ms p50 < 800",
        "turns, nearly all": "turn_latency_ms p95 < 1200",
        "turns are answered": "no_response < 0.5%",
        "packets arrive": "fraction_lost mean < 0.1%",
        "jitter": "jitter p95 < 20ms",
        "audio": "no_audio < 0.1%",
    },
}


def preset(name: str) -> tuple[Objective, ...]:
    """The thresholds of a preset.

    :raises ValueError: there is none of that name.
    """
    check_preset(name)
    return tuple(Objective(title, parse_threshold(text)) for title, text in PRESETS[name].items())


def check_preset(name: str) -> None:
    """See that there is one of that name.

    :raises ValueError: there is none; the text lists those that there are.
    """
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
