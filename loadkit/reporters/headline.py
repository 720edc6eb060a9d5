"""The top of the page, for who has ten seconds: verdict, tiles, warnings, and why calls failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadkit.analysis.verdict import Status, finished_of
from loadkit.errors import CODES
from loadkit.printable import printable
from loadkit.reporters.baseline_words import held_of
from loadkit.reporters.charts_of_setup import STAGE_LABELS
from loadkit.reporters.definitions import TILE_MEANINGS
from loadkit.reporters.traffic_words import arrival_words, carried_words
from loadkit.reporters.wording import (
    INSECURE,
    capital,
    count,
    ending,
    length,
    milliseconds,
    moment,
    plural,
    share,
)

_STATUSES = {
    Status.PASS: ("Passed", "pass"),
    Status.FAIL: ("Failed", "fail"),
    Status.UNFIT: ("Unfit generator", "unfit"),
    Status.NO_DATA: ("No data", "nodata"),
}


@dataclass(frozen=True)
class Tile:
    """One number that matters."""

    name: str
    figure: str
    detail: str
    mood: str = ""
    """``good``, ``bad`` or nothing: a class of the page."""

    @property
    def meaning(self) -> str:
        """What its number is."""
        return TILE_MEANINGS.get(self.name, "")


@dataclass(frozen=True)
class Note:
    """Something to know before the numbers are believed."""

    title: str
    lines: Sequence[str]


@dataclass(frozen=True)
class ErrorRow:
    """One error code with its meaning."""

    code: str
    count: str
    share: str
    meaning: str
    look_at: str


def status_words(summary: Mapping[str, Any]) -> tuple[str, str]:
    """The verdict in a word, and its class in the page."""
    return _STATUSES[Status(summary["verdict"]["status"])]


def about(summary: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """When, how long, against what, and how it ended."""
    facts = summary["run"]
    host = run.get("host")
    parts = [
        f"against {printable(str(host), 200)}" if host else "",
        moment(facts["started_at"]) if facts["started_at"] is not None else "",
        length(facts["duration_s"]) if facts["duration_s"] is not None else "",
        ending(facts["ended_by"]),
    ]
    return " · ".join(part for part in parts if part)


def notes(summary: Mapping[str, Any]) -> list[Note]:
    """What puts the numbers in doubt; nothing for a clean run."""
    generator, run, calls = summary["generator"], summary["run"], summary["calls"]
    found = []
    # The verdict of an unfit run names the first reason.
    reasons = generator["unfit_reasons"][summary["verdict"]["status"] == Status.UNFIT :]
    if reasons:
        found.append(Note("The load generator was at its limit", reasons))
    judged = any(limit is not None for limit in generator["limits"].values())
    if generator["fit"] is None and calls["total"] and not judged:
        found.append(
            Note("The load generator was not judged", ["All limits are 0: nobody says whose a latency is."])
        )
    if generator["fit"] is None and calls["total"] and judged:
        found.append(
            Note(
                "The load generator's own lateness was not measured",
                ["Without it nobody can say whether a latency is the gateway's or the generator's."],
            )
        )
    if run["tls_insecure"]:
        found.append(Note("Not verified", [f"{capital(INSECURE)}."]))
    doubts = []
    if run["workers_lost"]:
        doubts.append(
            f"{plural(run['workers_lost'], 'worker was', 'workers were')} lost: the calls reported before are here, "
            "those in progress are not."
        )
    if missing := run.get("lines_missing"):
        doubts.append(f"{plural(missing, 'line')} of the raw files found no room on the disk.")
    if run["unreadable_lines"]:
        doubts.append(
            f"{plural(run['unreadable_lines'], 'line')} of the raw files could not be read, and left out."
        )
    if doubts:
        found.append(Note("Not everything is in this report", doubts))
    return found


def baseline_notes(run: Mapping[str, Any]) -> list[Note]:
    """That a comparison follows, which can fail the job when this page says that the run passed."""
    if held_of(run, None) is None:
        return []
    return [
        Note(
            "Held against a baseline",
            ["It was compared after this page was made: the result is in compare.html."],
        )
    ]


def tiles(summary: Mapping[str, Any]) -> list[Tile]:
    """The numbers that a busy person needs."""
    return [
        _calls(summary["calls"]),
        _failed(summary["calls"]),
        *_traffic(summary),
        *_setup(summary),
        _worst_stage(summary["worst_stage"]),
        *_turns(summary["turns"]),
        _media(summary["media"]),
        _generator(summary["generator"]),
    ]


def _calls(calls: Mapping[str, Any]) -> Tile:
    extra = [
        f"{calls[key]:,} {name}"
        for key, name in (("hung_up", "hung up"), ("cancelled", "cancelled"))
        if calls[key]
    ]
    return Tile(
        "Calls", count(calls["total"]), ", ".join([f"{calls['concurrent_max']:,} at once at most", *extra])
    )


def _failed(calls: Mapping[str, Any]) -> Tile:
    failed = calls["failed"]
    finished = finished_of(calls)
    if not finished:
        return Tile("Failed calls", count(failed), "no call came to an end of its own")
    if not failed:
        return Tile("Failed calls", "0", f"of {finished:,} finished", "good")
    return Tile("Failed calls", count(failed), f"{share(failed / finished)} of {finished:,} finished", "bad")


def _traffic(summary: Mapping[str, Any]) -> list[Tile]:
    if not summary.get("traffic"):
        return []
    arrivals = summary["traffic"]["arrivals"]
    missed = arrivals["dropped"] + arrivals["late"]
    return [
        Tile("Carried traffic", *carried_words(summary["traffic"])),
        Tile("Arrivals", count(arrivals["intended"]), arrival_words(arrivals), "bad" if missed else "good"),
    ]


def _setup(summary: Mapping[str, Any]) -> list[Tile]:
    spread = summary["stages"]["setup_ms"]
    if not spread["count"]:
        return [Tile("Set-up time", "–", "no call was connected")]
    few = f"of {plural(spread['count'], 'connected call')}"
    details = {"p50": few, "p95": few, "p99": f"slowest {milliseconds(spread['max'])}"}
    return [Tile(f"Set-up {name}", milliseconds(spread[name]), detail) for name, detail in details.items()]


def _worst_stage(worst: Mapping[str, Any] | None) -> Tile:
    if worst is None:
        return Tile("Worst stage", "–", "no stage was measured")
    return Tile("Worst stage", STAGE_LABELS[worst["stage"]], f"p95 {milliseconds(worst['p95'])}")


def _turns(turns: Mapping[str, Any]) -> list[Tile]:
    if not turns["count"]:
        return []
    spread = turns["turn_latency_ms"]
    silent = (
        f"{turns['no_response']:,} without a reply"
        if turns["no_response"]
        else "none without a reply in time"
    )
    measured = f"measured in {spread['count']:,} of {plural(turns['count'], 'turn')}"
    return [
        Tile("Turn latency p50", milliseconds(spread["p50"]), measured),
        Tile("Turn latency p95", milliseconds(spread["p95"]), silent, "bad" if turns["no_response"] else ""),
    ]


def _media(media: Mapping[str, Any]) -> Tile:
    if media["packets_received"] is None:
        return Tile("Packets lost", "–", "no media was measured")
    lost = media["packets_lost"]
    packets = "loss not measured" if lost is None else plural(lost, "packet")
    detail = f"{packets}, jitter p95 {milliseconds(media['jitter_ms']['p95'])}"
    if media["no_audio"]:
        detail += f", {plural(media['no_audio'], 'call')} without audio"
    if media["silent_audio"]:
        detail += f", {plural(media['silent_audio'], 'call')} silent"
    return Tile("Packets lost", share(media["fraction_lost"], 2), detail, "bad" if media["no_audio"] else "")


def _generator(generator: Mapping[str, Any]) -> Tile:
    word, mood = {True: ("fit", "good"), False: ("not fit", "bad"), None: ("unknown", "")}[generator["fit"]]
    if generator["late_ms_p99"] is None:
        return Tile("Generator", word, "its lateness was not measured", mood)
    detail = f"packets late p99 {milliseconds(generator['late_ms_p99'])}"
    if generator["cpu_share"] is not None:
        detail += f", busiest engine {share(generator['cpu_share'], 0)} of a core"
    return Tile("Generator", word, detail, mood)


def error_rows(summary: Mapping[str, Any]) -> list[ErrorRow]:
    """Every code with its meaning, most frequent first."""
    failed = summary["calls"]["failed"]
    rows = []
    for code, number in sorted(summary["errors"].items(), key=lambda item: -item[1]):
        known = CODES.get(code)
        meaning = known.meaning if known else "the gateway sent a code that loadkit does not know"
        look_at = (
            known.look_at if known else "the message of a failed call below, the gateway's documentation"
        )
        rows.append(ErrorRow(code, count(number), share(number / failed), meaning, look_at))
    return rows


def failed_stages(summary: Mapping[str, Any]) -> str:
    """``answer 93, ice 32``."""
    return ", ".join(
        f"{printable(stage, 40)} {number:,}" for stage, number in summary["failed_stages"].items()
    )
