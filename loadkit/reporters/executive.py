"""The first lines of the page, for who reads nothing else: what was offered, what callers heard, what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadkit.analysis.verdict import finished_of
from loadkit.printable import printable
from loadkit.reporters.traffic_words import erlang
from loadkit.reporters.wording import capital, length, milliseconds, opinions, plural, share, slow_end

#: Thresholds that are told one by one.
_MOST = 6
_WORDS = {"pass": ("Held", "pass"), "fail": ("Broken", "fail"), "no data": ("No data", "nodata")}


@dataclass(frozen=True)
class Told:
    """A name and a sentence."""

    name: str
    text: str


@dataclass(frozen=True)
class ThresholdTold:
    """One threshold, held or broken."""

    word: str
    mood: str
    """Class of the page, which is also the shape beside it."""
    name: str
    sentence: str


def told(summary: Mapping[str, Any]) -> list[Told]:
    """What a caller of this load would say of it; nothing for a run without calls."""
    if not summary["calls"]["total"]:
        return []
    lines = [
        Told("Load", _load(summary)),
        Told("Connecting", _connecting(summary)),
        Told("Callers heard", _heard(summary)),
    ]
    return [line for line in lines if line.text]


def thresholds_told(summary: Mapping[str, Any]) -> list[ThresholdTold]:
    """The thresholds, broken ones first; when there are many, those that held share a line."""
    order = ["fail", "no data", "pass"]
    found = sorted(
        summary.get("thresholds") or [],
        key=lambda threshold: order.index(threshold["status"]) if threshold["status"] in order else 0,
    )
    shown = found if len(found) <= _MOST else [one for one in found if one["status"] != "pass"][:_MOST]
    lines = [
        ThresholdTold(
            *_WORDS.get(threshold["status"], (printable(str(threshold["status"]), 30), "nodata")),
            _name(threshold),
            printable(_result(str(threshold["sentence"])), 400),
        )
        for threshold in shown
    ]
    if left := len(found) - len(shown):
        held = sum(one["status"] == "pass" for one in found)
        mood = "pass" if held == left else "nodata"
        word = f"{held:,} held" if held == left else f"{left:,} more"
        lines.append(ThresholdTold(word, mood, "", "all of them are in the table “Thresholds” below."))
    return lines


def _result(sentence: str) -> str:
    """Without what the word before it says already."""
    return sentence.replace(": holds, it is ", ": it is ").replace(": broken, it is ", ": it is ")


def _name(threshold: Mapping[str, Any]) -> str:
    """Nothing where the sentence begins with it."""
    name = str(threshold["name"] or "")
    return "" if str(threshold["sentence"]).startswith(name) else printable(name, 120)


def _load(summary: Mapping[str, Any]) -> str:
    calls, traffic = summary["calls"], summary.get("traffic")
    over = f" in {length(summary['run']['duration_s'])}" if summary["run"]["duration_s"] else ""
    text = f"{plural(calls['total'], 'call')}{over}, {calls['concurrent_max']:,} at once at most"
    if traffic and traffic["carried_erlang"] is not None:
        steady = traffic["steady"] or {
            "offered_erlang": traffic["expected_erlang"],
            "carried_erlang": traffic["carried_erlang"],
        }
        text += f"; {erlang(steady['offered_erlang'])} offered, {erlang(steady['carried_erlang'])} carried"
    minutes = calls["connected_minutes"]
    return f"{text}; {length(minutes * 60)} connected in all." if minutes else f"{text}."


def _connecting(summary: Mapping[str, Any]) -> str:
    spread, calls = summary["stages"]["setup_ms"], summary["calls"]
    finished = finished_of(calls)
    failed = f"{calls['failed']:,} of {finished:,} calls failed" if calls["failed"] else ""
    if not spread["count"]:
        return f"No call was connected; {failed}." if failed else "No call was connected."
    if spread["count"] == 1:
        text = f"The only connected call was set up after {milliseconds(spread['max'])}"
    else:
        half = f"Half of the {spread['count']:,} connected calls were set up within {milliseconds(spread['p50'])}"
        text = f"{half}{slow_end(spread)}"
    return f"{text}; {failed}." if failed else f"{text}."


def _heard(summary: Mapping[str, Any]) -> str:
    media, turns = summary["media"], summary["turns"]
    parts = []
    if turns["turn_latency_ms"]["count"]:
        spread = turns["turn_latency_ms"]
        half = f"half of the agent's replies came within {milliseconds(spread['p50'])}{slow_end(spread)}"
        only = f"the agent's only reply came after {milliseconds(spread['max'])}"
        parts.append(half if spread["count"] > 1 else only)
    if turns["no_response"]:
        parts.append(f"{plural(turns['no_response'], 'turn')} of {turns['count']:,} had no reply")
    if media["fraction_lost"] is not None:
        lost = share(media["fraction_lost"], 2)
        parts.append(f"{lost} of the packets were lost" if media["packets_lost"] else "no packet was lost")
    wrong = (
        ("no_audio", "without any audio"),
        ("silent_audio", "in silence"),
        ("one_way", "heard one way only"),
    )
    found = [f"{plural(media[key], 'call')} {words}" for key, words in wrong if media[key]]
    if found:
        parts.append(", ".join(found))
    elif media["no_audio"] == 0:
        parts.append("no call was without audio")
    if (mos := summary["quality"]["mos"])["count"]:
        parts.append(f"the path left speech a mean opinion score of {opinions(mos)}")
    return f"{capital('; '.join(parts))}." if parts else "Nothing was measured of what callers heard."
