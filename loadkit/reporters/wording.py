"""Numbers and moments as people read them; what was not measured is a dash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from loadkit.analysis.percentiles import has_tail
from loadkit.printable import printable

NOT_MEASURED = "–"

#: What page and text say of a run with ``--tls-insecure``.
INSECURE = "certificates were not verified (--tls-insecure): whoever answered was taken for the gateway"


#: ``run.ended_by`` of the summary → how the run ended.
_ENDINGS = {
    "run_time": "ended when its time was over",
    "stopped": "stopped by hand",
    "interrupted": "interrupted by a signal",
    "no_workers": "ended when its last worker was lost",
    "aborted": "ended early by --abort-on",
    "stalled": "ended because the generator stood still",
    "stages": "ended with its last stage",
    "budget": "ended when its --max-call-minutes were used up",
    None: "end not recorded: still running, or killed",
}


def ending(ended_by: str | None) -> str:
    """How a run ended, in words."""
    return _ENDINGS.get(ended_by, f"ended by {printable(str(ended_by), 60)}")


def milliseconds(value: float | None) -> str:
    """``12 ms``, ``0.4 ms``, ``1,234 ms``; no more digits than one can use."""
    return NOT_MEASURED if value is None else f"{plain(value)} ms"


def plain(value: float | None) -> str:
    """A number with three significant digits, or all digits before the point."""
    if value is None:
        return NOT_MEASURED
    if value == 0:
        return "0"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"


def count(value: int | None) -> str:
    """``1,234``."""
    return NOT_MEASURED if value is None else f"{value:,}"


def share(value: float | None, digits: int = 1) -> str:
    """``2.5 %``; what is more than nothing is never shown as 0 %."""
    if value is None:
        return NOT_MEASURED
    least = 10.0**-digits
    percent = value * 100
    if 0 < percent < least:
        return f"< {least:g} %"
    if 100 - least < percent < 100:
        return f"> {100 - least:g} %"
    return f"{percent:.{digits}f} %" if percent % 1 else f"{percent:.0f} %"


def size(value: float | None) -> str:
    """``95 MB``, in powers of 1000."""
    if value is None:
        return NOT_MEASURED
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= step:
            return f"{plain(value / step)} {unit}"
    return f"{value:.0f} B"


def length(seconds: float | None) -> str:
    """``42 s``, ``3 min 20 s``, ``5 h 12 min``, ``3 d 4 h``."""
    if seconds is None:
        return NOT_MEASURED
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 and seconds % 1 else f"{whole} s"
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts = []
    for name, unit_s in units:
        amount, whole = divmod(whole, unit_s)
        parts.append((amount, name))
    first = next(place for place, (amount, _) in enumerate(parts) if amount)
    return " ".join(f"{amount} {name}" for amount, name in parts[first : first + 2] if amount)


def moment(unix_s: float | None) -> str:
    """``2026-03-16 09:00:00 UTC``."""
    if unix_s is None:
        return NOT_MEASURED
    try:
        return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return NOT_MEASURED


def clocks(unix_s: Sequence[float | None]) -> list[str]:
    """Times of day in UTC, ``09:00:12``, with their dates when they are of more than one day."""
    told = [moment(one).removesuffix(" UTC") for one in unix_s]
    days = {text.partition(" ")[0] for text in told if text != NOT_MEASURED}
    return told if len(days) > 1 else [text.partition(" ")[2] or text for text in told]


def slow_end(spread: Mapping[str, Any]) -> str:
    """``, 95 % within 1,234 ms, the slowest after 2,345 ms``: what follows on half of several values."""
    tail = f", 95 % within {milliseconds(spread['p95'])}" if has_tail(spread) else ""
    return f"{tail}, the slowest after {milliseconds(spread['max'])}"


def opinions(mos: Mapping[str, Any]) -> str:
    """``4.40 in the middle, 4.31 or less in the worst 5 %, 4.05 at worst``."""
    middle, worst = f"{mos['p50']:.2f}", f"{mos['min']:.2f}"
    if middle == worst:
        return f"{middle} in the middle and at worst"
    if not has_tail(mos):
        return f"{middle} in the middle, {worst} at worst"
    tail = f"{mos['p5']:.2f}"
    if tail == middle:
        return f"{middle} or more in all but the worst 5 %, {worst} at worst"
    return f"{middle} in the middle, {tail} or less in the worst 5 %, {worst} at worst"


def in_unit(value: float | None, unit: str) -> str:
    """The value or the limit of a threshold: ``912 ms``, ``0.002 %``."""
    if value is None:
        return NOT_MEASURED
    number = f"{value:,.4g}" if abs(value) < 1_000 else f"{value:,.0f}"
    return f"{number} {unit}".rstrip()


def capital(text: str) -> str:
    """The text as the beginning of a sentence; all but its first letter stays as it is."""
    return text[:1].upper() + text[1:]


def plural(number: int, one: str, many: str | None = None) -> str:
    """``1 call``, ``2 calls``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
