"""Numbers of a live view as people read them; what is not known is a dash."""

from __future__ import annotations

from datetime import datetime
from typing import Any

UNKNOWN = "–"

#: Outcome or stage → how it is called.
_NAMES = {
    "hung_up": "hung up",
    "ice_servers": "ICE servers",
    "websocket": "WebSocket",
    "ice": "ICE",
    "dtls": "DTLS",
}

#: Limit → what is over it.
OVER = {"late_ms": "lateness", "loop_lag_ms": "loop lag", "cpu_share": "CPU"}


def name(key: str) -> str:
    """``ice_servers`` is ``ICE servers``."""
    return _NAMES.get(key, key)


def count(value: int | None) -> str:
    """``1,234``."""
    return UNKNOWN if value is None else f"{value:,}"


def milliseconds(value: float | None) -> str:
    """``1.5 ms``, ``1,234 ms``."""
    if value is None:
        return UNKNOWN
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"


def rate(value: float | None) -> str:
    """``5.0/s``."""
    if value is None:
        return UNKNOWN
    return f"{value:.2f}/s" if value < 1 else f"{value:,.1f}/s"


def share(value: float | None) -> str:
    """``23 %``."""
    return UNKNOWN if value is None else f"{value * 100:.0f} %"


def length(seconds: float | None) -> str:
    """``42 s``, ``3 min 20 s``, ``5 h 12 min``, ``3 d 4 h``."""
    if seconds is None:
        return UNKNOWN
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def clock(unix_s: float) -> str:
    """The time of day here: ``18:03:12``."""
    try:
        return datetime.fromtimestamp(unix_s).strftime("%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return UNKNOWN


def time_left(view: dict[str, Any]) -> str:
    """``47 s left (run time)``; empty when nobody knows the end."""
    left = view["time_left"]
    if view["phase"] != "running" or left["seconds"] is None:
        return ""
    if left["seconds"] <= 0:
        return f"{left['until']} is over, calls are being ended"
    return f"{length(left['seconds'])} left ({left['until']})"


def percentiles(latency: dict[str, Any]) -> str:
    """``p50 45 ms  p95 88 ms  p99 –``."""
    return "  ".join(f"{name} {milliseconds(latency[name])}" for name in ("p50", "p95", "p99"))


def fitness(generator: dict[str, Any]) -> str:
    """The status, and the limits that it is about."""
    over = sorted({limit for worker in generator["workers"] for limit in worker["over"]})
    if generator["status"] == "over a limit":
        return "over its limit: " + ", ".join(OVER[limit] for limit in over)
    if generator["status"] == "silent":
        return "a process is silent"
    return str(generator["status"])
