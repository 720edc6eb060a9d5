"""``capacity.json``: the search in numbers, as ``docs/capacity.md`` describes it key by key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loadkit.capacity.driver import DoneStep, Outcome, Stop
from loadkit.capacity.options import CapacityOptions, LoadUnit
from loadkit.capacity.search import Bounds, Ending, Trial
from loadkit.errors import ExitCode
from loadkit.thresholds import Threshold

#: Goes up when a key changes its meaning or goes away, not when one is added.
VERSION = 1


def document(
    outcome: Outcome,
    options: CapacityOptions,
    *,
    capacity_id: str,
    host: str | None,
    command: Sequence[str],
    started_at: float,
    ended_at: float,
) -> dict[str, Any]:
    """The whole document, ready for JSON.

    :param command: the command line, without secrets.
    """
    unit, bounds = options.unit, outcome.bounds
    reached = at_least_reached(outcome, options)
    code = exit_code(outcome, reached)
    return {
        "version": VERSION,
        "capacity_id": capacity_id,
        "started_at": round(started_at, 3),
        "ended_at": round(ended_at, 3),
        "duration_s": round(ended_at - started_at, 3),
        "host": host,
        "command": list(command),
        "by": options.by.value,
        "unit": unit.name,
        "slo": [_threshold(threshold) for threshold in options.thresholds],
        "search": {
            "start": options.first,
            "factor": options.factor,
            "resolution": options.resolution,
            "repeats": options.repeats,
            "most": options.most,
            "max_steps": options.max_steps,
            "max_time_s": options.max_time,
            "hold_s": options.hold,
            "ramp_s": options.ramp,
            "drain_s": options.drain,
            "at_least": options.at_least,
        },
        "steps": [_step(done) for done in outcome.steps],
        "result": {
            "ending": outcome.ending.value,
            "low": _load(bounds.low, unit),
            "high": _load(bounds.high, unit),
            "high_is": None if bounds.high_is is None else bounds.high_is.value,
            "unsure": bounds.unsure,
            "sure_low": _load(bounds.sure_low, unit),
            "sure_high": _load(bounds.sure_high, unit),
            "carried": _carried(outcome, unit),
            "at_least_reached": reached,
            "sentence": sentence(outcome, options),
            "exit_code": int(code),
        },
    }


def at_least_reached(outcome: Outcome, options: CapacityOptions) -> bool | None:
    """Whether the load of ``--at-least`` held; ``None`` when none was asked for, or it is not known."""
    if options.at_least is None:
        return None
    wanted, bounds = options.unit.number(options.at_least), outcome.bounds
    if bounds.low is not None and bounds.low >= wanted:
        return True
    if bounds.high is not None and bounds.high <= wanted and bounds.high_is is Trial.BROKEN:
        return False
    return None


def exit_code(outcome: Outcome, reached: bool | None) -> ExitCode:
    """What the search is worth as an exit code."""
    match outcome.ending:
        case Stop.INTERRUPTED:
            return ExitCode.INTERRUPTED
        case Stop.UNREACHABLE:
            return ExitCode.GATEWAY_UNREACHABLE
        case Stop.STEP_DIED:
            return outcome.exit_code or ExitCode.NO_DATA
    if reached is not None:
        return ExitCode.PASSED if reached else ExitCode.FAILED
    match outcome.ending:
        case Ending.GENERATOR:
            return ExitCode.UNFIT
        case Ending.NOT_EVEN_ONE:
            return ExitCode.FAILED
        case Ending.FOUND | Ending.CEILING:
            return ExitCode.PASSED
    both = outcome.bounds.low is not None and outcome.bounds.high_is is Trial.BROKEN
    return ExitCode.PASSED if both and outcome.ending is not Stop.NO_DATA else ExitCode.NO_DATA


def sentence(outcome: Outcome, options: CapacityOptions) -> str:
    """The result in words."""
    unit, bounds = options.unit, outcome.bounds
    told = f"{_result(outcome.ending, bounds, unit)} {_doubt(bounds, unit)}".strip()
    if outcome.reason:
        told = f"{told} The search ended early: {outcome.reason}."
    elif outcome.ending is Ending.STEPS:
        told = f"{told} The search ended after {options.max_steps} steps (--max-steps)."
    if options.at_least is not None:
        word = {True: "was reached", False: "was not reached", None: "is not known to hold"}
        told = f"{told} The {unit.text(options.at_least)} of --at-least: {word[at_least_reached(outcome, options)]}."
    return told


def _result(ending: Ending | Stop, bounds: Bounds, unit: LoadUnit) -> str:
    low = None if bounds.low is None else unit.text(unit.load(bounds.low))
    high = None if bounds.high is None else unit.text(unit.load(bounds.high))
    generator = bounds.high_is is Trial.UNFIT
    match ending:
        case Ending.NOT_EVEN_ONE:
            return f"Not even {high} held."
        case Ending.CEILING:
            return f"At least {low}: no limit was found up to there, which is as much as was allowed."
    if generator:
        said = f"the generator was the limit at {high}, which says nothing about the gateway."
        return f"At least {low}; {said}" if low else f"Nothing is known: {said}"
    if low and high:
        return f"{low[0].upper()}{low[1:]} held, {high} did not."
    if low:
        return f"At least {low} held."
    return f"Fewer than {high}: that did not hold." if high else "Nothing is known: no step was judged."


def _doubt(bounds: Bounds, unit: LoadUnit) -> str:
    if not bounds.unsure:
        return ""
    low = "0" if bounds.sure_low is None else f"{unit.load(bounds.sure_low):,g}"
    told = "The border contradicted itself when it was tried again"
    if bounds.high_is is Trial.UNFIT:
        return f"{told}: all trials agree up to {low} {unit.name}."
    high = "more" if bounds.sure_high is None else unit.text(unit.load(bounds.sure_high))
    return f"{told}: the limit lies between {low} and {high}."


def _load(number: int | None, unit: LoadUnit) -> float | None:
    return None if number is None else unit.load(number)


def _carried(outcome: Outcome, unit: LoadUnit) -> float | None:
    """What was really carried at the highest load that held, in the mean of its steps."""
    if outcome.bounds.low is None:
        return None
    load = unit.load(outcome.bounds.low)
    carried = [
        done.result.carried
        for done in outcome.steps
        if done.plan.load == load and done.result.trial is Trial.HELD
    ]
    return round(sum(carried) / len(carried), 3)


def _threshold(threshold: Threshold) -> dict[str, Any]:
    return {
        "text": str(threshold),
        "subject": threshold.subject,
        "operator": threshold.operator,
        "limit": threshold.limit,
        "unit": threshold.unit,
    }


def _step(done: DoneStep) -> dict[str, Any]:
    result = done.result
    return {
        "number": done.plan.number,
        "run": done.plan.name,
        "started_at": round(done.started_at, 3),
        "load": done.plan.load,
        "carried": result.carried,
        "concurrent": result.concurrent,
        "hold_s": done.plan.hold_s,
        "outcome": "no data" if result.trial is None else result.trial.value,
        "calls": result.calls,
        "failed": result.failed,
        "errors": result.errors,
        "checks": [
            {"slo": str(held.threshold), "value": held.value, "count": held.count, "passed": held.passed}
            for held in result.checks
        ],
        "generator_fit": result.fit,
        "reasons": list(result.reasons),
        "exit_code": done.exit_code,
    }
