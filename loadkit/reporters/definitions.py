"""What the words and numbers of the page mean: from the columns of the records where there is one for it."""

from __future__ import annotations

from collections.abc import Mapping

from loadkit.analysis.traffic import LATE_MS
from loadkit.reporters.page_tables import MEANINGS
from loadkit.reporters.wording import capital

#: What a statistic of a distribution is, in the order of a table.
STATISTIC_MEANINGS: Mapping[str, str] = {
    "count": "how many values were measured; what was not measured is left out, and never counted as 0",
    "min": "the smallest value",
    "mean": "the sum of the values by their number; one slow call can move it, so judge by percentiles",
    "p50": "the median: half of the values are no larger",
    "p90": "90 % of the values are no larger",
    "p95": "95 % of the values are no larger; with fewer than 20 values it is little more than the largest",
    "p99": "99 % of the values are no larger; with fewer than 100 values it is little more than the largest",
    "max": "the largest value",
}

_PERCENTILES = (
    "Percentiles interpolate between the two values next to the rank (Hyndman and Fan's type 7, as numpy, R and a "
    "spreadsheet's PERCENTILE.INC do)."
)
_FINISHED = "calls that were completed, failed or were hung up by the gateway; cancelled ones do not count"


def _spread(column: str, statistic: str) -> str:
    return f"{_sentence(MEANINGS[column])} {statistic}: {STATISTIC_MEANINGS[statistic]}."


def _sentence(text: str) -> str:
    return f"{capital(text)}."


#: What the section with the pictures against the load says.
AGAINST_LOAD = (
    "How the gateway answered by how many calls it had: each call counts at the number of calls in progress when it "
    "began, itself included. Only loadkit's own calls are known. Where calls arrive whatever becomes of them, a slow "
    "gateway also raises the load, so that the one does not prove to be the cause of the other."
)

#: Name of a tile of the page → what its number is.
TILE_MEANINGS: Mapping[str, str] = {
    "Calls": "Calls that left a record, however they ended. At once at most: calls between their real start and their "
    "end at the same moment.",
    "Failed calls": f"Calls that failed in some stage. The share is of the finished calls: {_FINISHED}.",
    "Carried traffic": "Erlang: the mean number of calls that were connected. Offered: arrival rate × mean duration.",
    "Arrivals": "Calls that were meant to be placed. On time: started within "
    f"{LATE_MS:g} ms of the intended moment. Dropped: never placed, for a reason that the verdict tells.",
    "Set-up time": _sentence(MEANINGS["setup_ms"]),
    "Set-up p50": _spread("setup_ms", "p50"),
    "Set-up p95": _spread("setup_ms", "p95"),
    "Set-up p99": _spread("setup_ms", "p99"),
    "Worst stage": "The stage of the set-up with the largest p95, each over the calls that got so far.",
    "Turn latency p50": _spread("turn_latency_ms", "p50"),
    "Turn latency p95": _spread("turn_latency_ms", "p95"),
    "Packets lost": f"{_sentence(MEANINGS['packets_lost'])} The share is of the packets expected, of all calls. "
    f"Jitter: {MEANINGS['jitter']}.",
    "Generator": "Whether the load generator kept its own time: when it is late, a latency may be its own and not the "
    f"gateway's. Late: {MEANINGS['late_ms_max']}.",
}


def words() -> list[tuple[str, str]]:
    """The glossary at the end of the page."""
    return [
        ("finished call", _sentence(_FINISHED)),
        ("set-up time", TILE_MEANINGS["Set-up time"]),
        (
            "calls in progress",
            "Calls between their real start and their end at the same moment. The load at which a call began is how "
            "many there were just then, itself included.",
        ),
        ("turn latency", _sentence(MEANINGS["turn_latency_ms"])),
        ("MOS", _sentence(f"mean opinion score: {MEANINGS['mos']}")),
        ("– (a dash)", "Not measured, or does not apply. It is never shown, or counted, as 0."),
        *((name, _sentence(text)) for name, text in STATISTIC_MEANINGS.items()),
        ("percentile", _PERCENTILES),
        (
            "intended start",
            "When a call was meant to start. Set-up counts from there, so that a call that had to wait for the "
            "generator is not counted as fast.",
        ),
    ]
