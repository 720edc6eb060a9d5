"""Whether the load generator was fit: punctual enough that the latencies are the gateway's and not its own.

Every process that places calls is held against the limits twice: over the whole run, and in each piece of
:data:`WINDOW_S` seconds, of which :data:`STRETCH` in a row make a bad stretch. So a stretch of a long run is
found that the whole would water down, and a single hiccup of a long run condemns nothing.

    over a limit     in the whole run                              in a piece
    lateness         more than one packet in a hundred             the same
    loop lag, CPU    more than a tenth of the seconds, three and   more than half of
                     more                                          the seconds

A packet that was never sent, because the engine had stalled, was late. ``docs/fitness.md`` is for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loadkit.analysis.limits import Limits
from loadkit.analysis.process_seconds import LOCUST, Ints, ProcessSeconds

Bools = npt.NDArray[np.bool_]

#: Share of packets that may be late.
LATE_SHARE = 0.01
#: Share of the seconds of a run that may be over a limit, and how many may whatever the length of the run.
SECONDS_SHARE = 0.1
SECONDS_FREE = 2
#: Length of a piece, and pieces over a limit, one after the other, that make a bad stretch.
WINDOW_S = 10.0
STRETCH = 3

#: Codes of failed calls that only the generator can have brought about.
OWN_CODES = frozenset({"ENGINE_LOST", "ENGINE_STALLED", "TOO_MANY_FILES"})
#: Codes that a generator that comes late can bring about as well as a gateway can.
DOUBTFUL_CODES = OWN_CODES | {
    "GATHERING_FAILED",
    "WEBSOCKET_TIMEOUT",
    "ANSWER_TIMEOUT",
    "ICE_FAILED",
    "ICE_TIMEOUT",
    "TURN_UNREACHABLE",
    "DTLS_FAILED",
    "DTLS_TIMEOUT",
    "CONNECT_TIMEOUT",
    "NO_AUDIO",
    "MEDIA_LOST",
    "SIGNALING_LOST",
    "CLOSED_EARLY",
    "NO_RESPONSE",
}

_ENGINE_REMEDY = "place fewer calls per engine, or use more engines or more machines."
#: An engine that used less of a core in the mean had time to send: something else kept it from the processor.
_IDLE_SHARE = 0.5
_LOCUST_REMEDY = (
    "its scripts and arrivals come late: use more Locust processes (--processes) or more workers, with fewer users "
    "each."
)


@dataclass(frozen=True)
class Fitness:
    """The judgement about the generator."""

    fit: bool | None
    """``None`` when nothing was to be judged, or something that was to be was not measured."""
    reasons: tuple[str, ...] = ()
    """Why it is unfit, each with what to do about it."""


@dataclass(frozen=True)
class _Measure:
    """One limit: which rows of a process are over it, and the sentence about them."""

    over: Callable[[ProcessSeconds, Ints, bool], Bools]
    """Of each piece, by where its rows begin and the last one's end; and whether it is the whole run."""
    tell: Callable[[ProcessSeconds, slice], str]


_ALL = slice(None)


def judge_fitness(
    processes: Iterable[ProcessSeconds],
    limits: Limits,
    errors: Mapping[str, int],
    stalled: str | None = None,
) -> Fitness:
    """Hold the generator's figures against the limits.

    :param errors: error code → failed calls.
    :param stalled: why the watchdog ended the run.
    """
    judged = [process for process in processes if process.places_calls]
    reasons = [stalled] if stalled else []
    reasons += [_own_failures(code, errors[code]) for code in sorted(OWN_CODES & errors.keys())]
    for measure in _measures(limits):
        reasons += _reason(measure, judged)
    if reasons:
        return Fitness(False, tuple(reasons))
    return Fitness(True if not limits.none and _measured(judged, limits) else None)


def _measures(limits: Limits) -> list[_Measure]:
    measures = []
    if limits.late_ms is not None:
        measures.append(_lateness(limits.late_ms))
    if limits.loop_lag_ms is not None:
        measures.append(_loop_lag(limits.loop_lag_ms))
    if limits.cpu_share is not None:
        measures.append(_cpu(limits.cpu_share))
    return measures


def _lateness(limit: float) -> _Measure:
    def over(process: ProcessSeconds, edges: Ints, _whole: bool) -> Bools:
        due, late = _sums(process.due, edges), _sums(process.late, edges)
        share = np.divide(late, due, out=np.zeros(due.size), where=due > 0)
        # A piece without a row: the process stood still, and sent nothing.
        return np.asarray((process.kind != LOCUST) & ((np.diff(edges) == 0) | (share > LATE_SHARE)))

    def tell(process: ProcessSeconds, rows: slice) -> str:
        due = int(process.due[rows].sum())
        share = float(process.late[rows].sum()) / due if due else 0.0
        return f"sent {share * 100:.1f} % of its packets over {limit:g} ms late or never (limit 1 %)"

    return _Measure(over, tell)


def _loop_lag(limit: float) -> _Measure:
    def over(process: ProcessSeconds, edges: Ints, whole: bool) -> Bools:
        return np.asarray((np.diff(edges) == 0) | _often(process.loop_lag_ms > limit, edges, whole))

    def tell(process: ProcessSeconds, rows: slice) -> str:
        lag = process.loop_lag_ms[rows]
        return (
            f"stood still for over {limit:g} ms in {_seconds(lag > limit)}, {np.nanmax(lag):,.0f} ms at most"
        )

    return _Measure(over, tell)


def _cpu(limit: float) -> _Measure:
    def over(process: ProcessSeconds, edges: Ints, whole: bool) -> Bools:
        return _often(process.cpu_share > limit, edges, whole)

    def tell(process: ProcessSeconds, rows: slice) -> str:
        return f"used over {limit * 100:.0f} % of a core in {_seconds(process.cpu_share[rows] > limit)}"

    return _Measure(over, tell)


def _often(over: Bools, edges: Ints, whole: bool) -> Bools:
    """Of each piece, whether so many seconds are over a limit that it counts; what was not measured is not over it."""
    number, seconds = _sums(over, edges), np.diff(edges)
    least = np.maximum(SECONDS_FREE, SECONDS_SHARE * seconds) if whole else seconds / 2
    return np.asarray(number > least)


def _sums(values: Ints | Bools, edges: Ints) -> Ints:
    """What the rows of each piece add up to."""
    before = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=before[1:])
    return np.diff(before[edges])


def _seconds(over: Bools) -> str:
    return f"{int(over.sum()):,} of {len(over):,} seconds"


def _reason(measure: _Measure, processes: list[ProcessSeconds]) -> list[str]:
    """The first process that is over the limit in a sentence, and how many others are."""
    found = [(process, told) for process in processes if (told := _told(measure, process)) is not None]
    if not found:
        return []
    process, told = found[0]
    locust = process.kind == LOCUST
    others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    name = f"{'The Locust process' if locust else 'Engine'} {process.name}{others}"
    waited = _kept_waiting(process)
    if locust:
        return [f"{name} {told}: {_LOCUST_REMEDY}{waited and f' {waited}.'}"]
    # What to do first comes first.
    return [f"{name} {told}{f'. {waited}; if nothing, ' if waited else ': '}{_ENGINE_REMEDY}"]


def _kept_waiting(process: ProcessSeconds) -> str:
    """A sentence, without its full stop, for a process that was late with little to do; empty for others."""
    if not np.isfinite(process.cpu_share).any():
        return ""
    mean = float(np.nanmean(process.cpu_share))
    if mean >= _IDLE_SHARE:
        return ""
    return f"It used {mean * 100:.0f} % of a core itself, so see first what else this machine is doing"


def _told(measure: _Measure, process: ProcessSeconds) -> str | None:
    """What is wrong with it over the whole run or, when that is right, in its worst stretch; None when nothing is."""
    if measure.over(process, process.whole, True)[0]:
        return measure.tell(process, _ALL)
    first, edges = process.pieces(WINDOW_S)
    begins, ends = _stretches(measure.over(process, edges, False))
    if not begins.size:
        return None
    longest = int(np.argmax(ends - begins))
    begin, end = int(begins[longest]), int(ends[longest])
    rows = slice(int(edges[begin]), int(edges[end]))
    if end - begin < STRETCH or rows.start == rows.stop:
        return None
    since, until = max(0.0, (first + begin) * WINDOW_S), (first + end) * WINDOW_S
    return f"{measure.tell(process, rows)}, {since:,.0f} to {until:,.0f} s after the start"


def _stretches(over: Bools) -> tuple[Ints, Ints]:
    """Where pieces over the limit begin, one after the other, and where the first begins that is not."""
    changes = np.flatnonzero(np.diff(np.concatenate(([False], over, [False])).astype(np.int8)))
    return changes[::2], changes[1::2]


def _own_failures(code: str, count: int) -> str:
    calls = "1 call" if count == 1 else f"{count:,} calls"
    if code == "TOO_MANY_FILES":
        return f"{calls} failed because the limit of open files was reached: raise it (ulimit -n), or use more engines."
    if code == "ENGINE_LOST":
        lost = "was" if count == 1 else "were"
        return f"{calls} {lost} lost with an engine that died: look at memory (the OOM killer) and the log of the run."
    return f"{calls} got no answer from an engine in time: {_ENGINE_REMEDY}"


def _measured(processes: list[ProcessSeconds], limits: Limits) -> bool:
    """Whether there is a figure for every limit. A process that held no call is not asked for its lateness."""
    engines = [process for process in processes if process.kind != LOCUST]
    needed = [
        (limits.late_ms, any(process.due.any() for process in engines)),
        (limits.loop_lag_ms, any(bool(np.isfinite(process.loop_lag_ms).any()) for process in engines)),
        (limits.cpu_share, any(bool(np.isfinite(process.cpu_share).any()) for process in engines)),
    ]
    return all(measured for limit, measured in needed if limit is not None)
