"""Sums and extremes over all calls, each with its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.reporters.page_tables import MEANINGS, CallTable, Column
from loadkit.reporters.wording import count, milliseconds, share, size

_COLUMNS = (Column("Measure", "head"), Column("Meaning", "muted"), Column("Value", "n"))


def media_totals(summary: Mapping[str, Any]) -> CallTable:
    """Packets, and the calls in which something was not heard."""
    media, turns = summary["media"], summary["turns"]
    packets = ("sent", "received", "lost", "discarded", "reordered", "duplicated")
    rows = [(f"packets {way}", MEANINGS[f"packets_{way}"], count(media[f"packets_{way}"])) for way in packets]
    lost = "packets lost, of packets expected: those received and those lost"
    rows += [
        ("fraction lost", lost, share(media["fraction_lost"], 3)),
        ("lost towards the gateway", MEANINGS["remote_packets_lost"], count(media["remote_packets_lost"])),
        ("sent", MEANINGS["bytes_sent"], size(media["bytes_sent"])),
        ("received", MEANINGS["bytes_received"], size(media["bytes_received"])),
        ("calls without audio", MEANINGS["no_audio"], count(media["no_audio"])),
        ("silent calls", MEANINGS["silent_audio"], count(media["silent_audio"])),
        ("one-way calls", MEANINGS["one_way"], count(media["one_way"])),
        ("calls whose media stopped", MEANINGS["media_stopped"], count(media["media_stopped"])),
        ("ICE servers failed", MEANINGS["ice_servers_error"], count(summary["ice"]["servers_failed"])),
    ]
    if turns["count"]:
        rows += [
            ("turns without a reply", MEANINGS["no_response"], count(turns["no_response"])),
            ("interrupted turns", MEANINGS["false_interrupt"], count(turns["false_interrupt"])),
        ]
    if turns["barge_in_missed"] is not None:
        rows.append(("interruptions missed", MEANINGS["barge_in_missed"], count(turns["barge_in_missed"])))
    caption = "Sums over all calls; – is not measured."
    return CallTable("media-totals", "Media in sums", caption, _COLUMNS, rows, "")


def generator_totals(summary: Mapping[str, Any]) -> CallTable:
    """What the generator used, and how late it was."""
    generator = summary["generator"]
    rows = [
        ("engines", "processes that held calls", count(generator["engines"])),
        ("lateness p50", "of packets, against the 20 ms clock", milliseconds(generator["late_ms_p50"])),
        ("lateness p99", "of the packets of all engines", milliseconds(generator["late_ms_p99"])),
        ("lateness, worst", MEANINGS["late_ms_max"], milliseconds(generator["late_ms_max"])),
        ("late packets", MEANINGS["frames_late"], count(generator["frames_late"])),
        ("skipped packets", MEANINGS["frames_skipped"], count(generator["frames_skipped"])),
        ("CPU, mean", "of the busiest engine, of one core", share(generator["cpu_share"], 0)),
        ("CPU, most", "of any engine in one second, of one core", share(generator["cpu_share_max"], 0)),
        ("loop lag, worst", "of an engine's event loop", milliseconds(generator["loop_lag_ms_max"])),
        ("memory, most", "resident, of one engine", size(generator["rss_bytes_max"])),
        ("Locust, CPU", "mean of the busiest", share(generator["locust_cpu_share"], 0)),
        ("Locust, loop lag", "worst", milliseconds(generator["locust_loop_lag_ms_max"])),
    ]
    caption = "Over all its processes; – is not measured."
    return CallTable("generator-totals", "The generator in sums", caption, _COLUMNS, rows, "")
