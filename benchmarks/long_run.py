"""The folder of a run of days that never happened: as many records as one likes, written in seconds.

A day's ups and downs, an outage of half a minute, agents' turns in a part of the calls, failures of many kinds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from loadkit.records import CallRecord, TurnRecord, to_row

#: Monday, 16 March 2026, 09:00 UTC.
STARTED_AT = 1773651600.0
#: When the gateway stood still (seconds after the start), for how long, and what a set-up took then (ms).
OUTAGE = (123_456.0, 30.0, 8_000.0)
ENGINES = ("local.0", "local.1")
_CHUNK = 20_000
_FAILED_SHARE = 0.01
_TALKS_SHARE = 0.1
_CODES = ("ANSWER_TIMEOUT", "ICE_TIMEOUT", "AGENT_FAILURE", "NO_RESPONSE", "MEDIA_BRIDGE_FAILURE")

Floats = npt.NDArray[np.float64]


def write_long_run(folder: Path, calls: int = 1_000_000, hours: float = 72.0, seed: int = 1) -> None:
    """All raw files of the run.

    :param folder: is made.
    """
    folder.mkdir(parents=True)
    luck = np.random.default_rng(seed)
    seconds = int(hours * 3_600)
    with (folder / "records.jsonl").open("w", encoding="utf-8", buffering=1 << 20) as file:
        for text in _records(calls, seconds, luck):
            file.write(text)
    with (folder / "figures.jsonl").open("w", encoding="utf-8", buffering=1 << 20) as file:
        for text in _figures(seconds, calls / seconds * 30, luck):
            file.write(text)
    with (folder / "arrivals.jsonl").open("w", encoding="utf-8", buffering=1 << 20) as file:
        for second in range(seconds):
            file.write(
                f'{{"at":{STARTED_AT + second + 1:.3f},"second":{second},"intended":{calls // seconds},'
                '"dropped_max_concurrent":0,"dropped_no_engine":0}\n'
            )
    (folder / "run.json").write_text(json.dumps(_run(folder.name, calls, seconds)), encoding="utf-8")


def _run(name: str, calls: int, seconds: int) -> dict[str, Any]:
    marks = [(6, "failover"), (30, "new version"), (34, "gateway restarted"), (60, "back to the old version")]
    rate = f"{calls / seconds:.4f}/s"
    return {
        "version": 1,
        "run_id": name,
        "started_at": STARTED_AT,
        "ended_at": STARTED_AT + seconds,
        "ended_by": "run_time",
        "command": [
            "locust",
            "-f",
            "locustfile.py",
            "--headless",
            "--arrival-rate",
            rate,
            "-t",
            f"{seconds}s",
        ],
        "host": "wss://gateway.example",
        "settings": {
            "call_mode": "end-to-end",
            "call_duration": 30.0,
            "arrival_rate": rate,
            "slo": "setup_ms p95 < 1500;turn_latency_ms p95 < 2500;failed < 2%",
        },
        "versions": {"loadkit": "0.1.0"},
        "machine": {"cores": 2, "memory_bytes": 8_000_000_000, "system": "Linux"},
        "workers": {"expected": 0, "seen": [], "lost": []},
        "marks": [{"at": STARTED_AT + hour * 3_600, "text": text} for hour, text in marks],
        "arrivals": {
            "rate": rate,
            "stages": False,
            "kind": "poisson",
            "seed": 1,
            "call_duration": "30",
            "mean_call_duration_s": 30.0,
            "max_concurrent": None,
            "began_at": STARTED_AT,
            "offered_erlang": calls / seconds * 30,
            "offered_erlang_peak": calls / seconds * 30,
        },
    }


def _records(calls: int, seconds: int, luck: np.random.Generator) -> Iterator[str]:
    """A chunk of lines at a time, in the order in which calls ended, nearly."""
    starts = np.sort(luck.uniform(0, seconds - 60, calls))
    template, names = _line_template()
    for first in range(0, calls, _CHUNK):
        chosen = starts[first : first + _CHUNK]
        columns = _call_columns(chosen, first, luck)
        lines = [template % row for row in zip(*(columns[name] for name in names), strict=True)]
        failed = np.flatnonzero(luck.random(chosen.size) < _FAILED_SHARE)
        for place in failed:
            lines[place] = _failed_line(json.loads(lines[place]), int(place) + first)
        talking = np.flatnonzero(luck.random(chosen.size) < _TALKS_SHARE)
        for place, latencies in zip(
            talking, luck.lognormal(6.9, 0.3, (talking.size, 3)).tolist(), strict=True
        ):
            if '"failed"' not in lines[place]:
                lines[place] = lines[place][: -len("[]}\n")] + _turns(f"{first + place:032x}", latencies)
        yield "".join(lines)


#: Columns that differ from call to call, and how they are written.
_FORMATS = {
    "call_id": '"%s"',
    "engine": '"%s"',
    "user": '"%s"',
    "call_sid": '"loadkit-%s"',
    "session_id": '"%s"',
    "arrival": "%d",
    **dict.fromkeys(("intended_at", "started_at", "ended_at"), "%.6f"),
    **dict.fromkeys(("start_delay_ms", "duration_ms", "connected_ms", "ice_servers_ms"), "%.3f"),
    **dict.fromkeys(("websocket_ms", "gathering_ms", "answer_ms", "ice_ms", "dtls_ms", "setup_ms"), "%.3f"),
    **dict.fromkeys(("first_packet_ms", "first_audio_ms", "greeting_ms", "longest_gap_ms"), "%.3f"),
    **dict.fromkeys(("packets_sent", "packets_received", "packets_lost"), "%d"),
    **dict.fromkeys(("jitter", "round_trip_time", "remote_jitter"), "%.9f"),
    "late_ms_max": "%.3f",
}

_ALIKE: dict[str, Any] = {
    "run_id": "million",
    "worker": "local",
    "scenario": "book_a_table",
    "mode": "end-to-end",
    "sample": "book_a_table.wav",
    "outcome": "completed",
    "ice_servers_count": 2,
    "ice_path": "any",
    "local_candidate_type": "host",
    "remote_candidate_type": "srflx",
    "local_address": "192.0.2.10",
    "ice_servers_left_out": 0,
    "local_candidates": 2,
    "remote_candidates": 3,
    "dtls_role": "client",
    "tls_version": "DTLSv1.2",
    "dtls_cipher": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "srtp_cipher": "SRTP_AEAD_AES_256_GCM",
    "codec": "opus/48000/2 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1",
    "media_path": "native",
    "bytes_sent": 60_000,
    "bytes_received": 60_000,
    "packets_discarded": 0,
    "packets_reordered": 0,
    "packets_duplicated": 0,
    "remote_packets_lost": 0,
    "audio_level": 0.3,
    "no_audio": False,
    "silent_audio": False,
    "one_way": False,
    "media_stopped": False,
    "turns": 3,
    "frames_late": 0,
    "frames_skipped": 0,
}


def _line_template() -> tuple[str, list[str]]:
    """A line with places for the columns that differ, and their names in that order."""
    parts, names = [], []
    for name, value in {**to_row(CallRecord()), **_ALIKE}.items():
        if name in _FORMATS:
            names.append(name)
            parts.append(f'"{name}":{_FORMATS[name]}')
        else:
            parts.append(f'"{name}":{json.dumps(value)}'.replace("%", "%%"))
    return '{"call":{' + ",".join(parts) + '},"turns":[]}\n', names


def _call_columns(starts: Floats, first: int, luck: np.random.Generator) -> dict[str, list[Any]]:
    number = starts.size
    day = 1 + 0.3 * np.sin(starts / 86_400 * 2 * np.pi)  # slower by day than by night
    columns: dict[str, Any] = {
        "start_delay_ms": luck.exponential(0.8, number),
        "ice_servers_ms": luck.lognormal(2.2, 0.3, number),
        "websocket_ms": luck.lognormal(2.7, 0.3, number),
        "gathering_ms": luck.lognormal(1.6, 0.4, number),
        "answer_ms": luck.lognormal(4.1, 0.5, number) * day,
        "ice_ms": luck.lognormal(3.4, 0.4, number),
        "dtls_ms": luck.lognormal(3.2, 0.3, number),
    }
    begun, lasted, took = OUTAGE
    columns["answer_ms"] = np.where((starts >= begun) & (starts < begun + lasted), took, columns["answer_ms"])
    columns["setup_ms"] = sum(columns.values()) - columns["gathering_ms"]
    talked = luck.uniform(20, 40, number)
    lost = luck.poisson(0.05, number)
    started = STARTED_AT + starts + columns["start_delay_ms"] / 1e3
    ended = STARTED_AT + starts + columns["setup_ms"] / 1e3 + talked
    ids = [f"{first + place:032x}" for place in range(number)]
    columns |= {
        "call_id": ids,
        "call_sid": ids,
        "session_id": ids,
        "engine": [ENGINES[(first + place) % 2] for place in range(number)],
        "user": [f"Caller#{(first + place) % 200}" for place in range(number)],
        "arrival": np.arange(first, first + number),
        "intended_at": STARTED_AT + starts,
        "started_at": started,
        "ended_at": ended,
        "duration_ms": (ended - started) * 1e3,
        "connected_ms": talked * 1e3,
        "first_packet_ms": luck.uniform(5, 40, number),
        "first_audio_ms": luck.uniform(40, 90, number),
        "greeting_ms": luck.lognormal(5.9, 0.2, number),
        "packets_sent": (talked * 50).astype(np.int64),
        "packets_received": (talked * 50).astype(np.int64) - lost,
        "packets_lost": lost,
        "jitter": luck.uniform(0.0005, 0.004, number),
        "remote_jitter": luck.uniform(0.0005, 0.004, number),
        "round_trip_time": luck.uniform(0.001, 0.02, number),
        "longest_gap_ms": luck.uniform(21, 60, number),
        "late_ms_max": luck.uniform(0.4, 6, number),
    }
    return {name: values if isinstance(values, list) else values.tolist() for name, values in columns.items()}


def _failed_line(line: dict[str, Any], number: int) -> str:
    """The same call, had it failed before it connected; each message is another one."""
    call = line["call"]
    names = list(call)
    for name in names[names.index("ice_ms") : names.index("ice_path")] + names[names.index("packets_sent") :]:
        call[name] = None
    call |= {"outcome": "failed", "failed_stage": "answer", "error_code": _CODES[number % len(_CODES)]}
    call |= {
        "error_message": f"no answer to offer {number} within 15 s",
        "connected_ms": None,
        "setup_ms": None,
    }
    call |= {"ended_at": call["started_at"] + 15, "duration_ms": 15_000.0}
    return json.dumps({"call": call, "turns": []}, separators=(",", ":")) + "\n"


def _turns(call_id: str, latencies: list[float]) -> str:
    """The end of a line with turns of talk."""
    turns = [
        to_row(
            TurnRecord(
                call_id=call_id,
                turn=turn,
                sample="book_a_table.wav",
                said_at=round(4.0 * turn, 3),
                turn_latency_ms=round(latency, 3),
                reply_ms=2_000.0,
            )
        )
        for turn, latency in enumerate(latencies, 1)
    ]
    return json.dumps(turns, separators=(",", ":")) + "}\n"


def _figures(seconds: int, concurrent: float, luck: np.random.Generator) -> Iterator[str]:
    """Engines and the Locust process, each once a second, an hour at a time."""
    packets, calls = int(concurrent * 25), int(concurrent / 2)
    histograms = [_histogram(packets, luck) for _ in range(500)]
    for begin in range(0, seconds, 3_600):
        size = min(3_600, seconds - begin)
        cpu = luck.uniform(0.1, 0.3, (size, 3)).round(3).tolist()
        lag = luck.exponential(1.0, (size, 3)).round(3).tolist()
        chosen = luck.integers(len(histograms), size=(size, 2)).tolist()
        lines = []
        for second in range(size):
            at = STARTED_AT + begin + second + 1
            for number, engine in enumerate(ENGINES):
                lines.append(
                    f'{{"engine":"{engine}","at":{at:.3f},"kind":"engine","pid":{4711 + number},"seconds":1.0,'
                    f'"calls":{calls},"cpu_share":{cpu[second][number]},"rss_bytes":123456789,"open_files":250,'
                    f'"sockets":220,"threads":3,"packets_sent":{packets},"packets_received":{packets},'
                    f'"frames_late":0,"frames_skipped":0,"loop_lag_ms":{lag[second][number]},'
                    f'"late_ms_p50":0.5,"late_ms_p99":1.5,"late_ms_max":2.0,'
                    f'"late_histogram":{histograms[chosen[second][number]]},"worker":"local"}}\n'
                )
            lines.append(
                f'{{"engine":"local.locust","at":{at:.3f},"kind":"locust","pid":4710,"seconds":1.0,"calls":0,'
                f'"cpu_share":{cpu[second][2]},"rss_bytes":123456789,"open_files":50,"sockets":20,"threads":8,'
                f'"packets_sent":null,"packets_received":null,"frames_late":null,"frames_skipped":null,'
                f'"loop_lag_ms":{lag[second][2]},"late_histogram":{{}},"worker":"local"}}\n'
            )
        yield "".join(lines)


def _histogram(packets: int, luck: np.random.Generator) -> str:
    """Packets per bucket of lateness, as text; a dozen buckets, in no order."""
    buckets = luck.permutation(13)
    counts = luck.multinomial(packets, np.full(buckets.size, 1 / buckets.size))
    return json.dumps({str(bucket): int(count) for bucket, count in zip(buckets, counts, strict=True)})
