"""Runs that never happened: records as an engine would leave them, from a seed."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loadkit.errors import Stage
from loadkit.lateness import bucket_of
from loadkit.records import CallRecord, Outcome, TurnRecord, to_row
from loadkit.runs import RunFolder, RunWriter

#: Monday, 16 March 2026, 09:00 UTC.
STARTED_AT = 1773651600.0

HOSTILE_MESSAGES = (
    "<script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 2'>",
    "</script><script>window.pwned = 3</script>",
    "\u2028\u2029 <!-- ]]> &amp; &lt;b&gt; \x00\x07\x1b[31mred\x1b[0m \x7f\u202egnp.exe",
    "javascript:window.pwned=4 \"' onmouseover='window.pwned = 5' {{ 7 * 7 }} ${7 * 7} {% raw %}",
    '=HYPERLINK("http://example.invalid/","open")',
    "x" * 100_000,
    "wörds in ünicode \U0001f4de 呼び出し مرحبا",
)

#: Codes that a hostile gateway might send: they become labels of a picture, too.
HOSTILE_CODES = (
    "<img src=x onerror=window.pwned=6>",
    "</script><b>X",
    "datum.count + 1",
    "Y" * 500,
    "\x1b[2J",
)


#: What all calls agreed on with the gateway.
_PATH: dict[str, Any] = {
    "ice_path": "any",
    "local_address": "192.0.2.10",
    "ice_servers_left_out": 0,
    "local_candidates": 2,
    "remote_candidates": 3,
    "dtls_role": "client",
    "tls_version": "DTLS 1.2",
    "dtls_cipher": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "srtp_cipher": "AEAD_AES_256_GCM",
    "codec": "opus/48000/2;useinbandfec=1;stereo=1",
    "media_path": "python",
}


def call_row(number: int = 0, **changes: Any) -> dict[str, Any]:
    """One completed call of 10 s, one started each 100 ms, with every column set; ``changes`` replace some."""
    luck = random.Random(number)
    stages = {
        "start_delay_ms": luck.expovariate(1 / 0.8),
        "ice_servers_ms": luck.lognormvariate(2.2, 0.3),
        "websocket_ms": luck.lognormvariate(2.7, 0.3),
        "gathering_ms": luck.lognormvariate(1.6, 0.4),
        "answer_ms": luck.lognormvariate(4.1, 0.5),
        "ice_ms": luck.lognormvariate(3.4, 0.4),
        "dtls_ms": luck.lognormvariate(3.2, 0.3),
    }
    setup = sum(stages.values()) - stages["gathering_ms"]
    intended = STARTED_AT + number * 0.1
    started = intended + stages["start_delay_ms"] / 1e3
    ended = intended + setup / 1e3 + 10
    record = CallRecord(
        call_id=f"call-{number:06d}",
        run_id="synthetic",
        worker="local",
        engine=f"local.{number % 2}",
        user=f"Caller {number % 50}",
        scenario="talk",
        mode="echo",
        sample="order_a_taxi.wav",
        call_sid=f"sid-{number:06d}",
        session_id=f"session-{number:06d}",
        intended_at=intended,
        started_at=started,
        ended_at=ended,
        duration_ms=(ended - started) * 1e3,
        connected_ms=10_000.0,
        outcome=Outcome.COMPLETED,
        ice_servers_count=2,
        setup_ms=setup,
        first_packet_ms=luck.uniform(5, 40),
        first_audio_ms=luck.uniform(40, 90),
        local_candidate_type="host",
        remote_candidate_type=luck.choices(["host", "srflx", "relay"], [8, 2, 1])[0],
        **_PATH,
        **_media(number, luck),
    )
    return {**to_row(record), **stages, **changes}


def _media(number: int, luck: random.Random) -> dict[str, Any]:
    """The columns of ten seconds of media in which hardly a packet was lost."""
    return {
        "packets_sent": 500,
        "bytes_sent": 40_000,
        "packets_received": 499 - (number % 17 == 0),
        "bytes_received": 39_900,
        "packets_lost": int(number % 17 == 0),
        "packets_discarded": 0,
        "packets_reordered": 0,
        "packets_duplicated": 0,
        "playout_late_simulated": int(number % 23 == 0),
        "mos": luck.uniform(4.2, 4.38),
        "jitter": luck.uniform(0.0005, 0.004),
        "longest_gap_ms": luck.uniform(21, 60),
        "round_trip_time": luck.uniform(0.001, 0.02),
        "remote_packets_lost": 0,
        "remote_jitter": luck.uniform(0.0005, 0.003),
        "audio_level": 0.3,
        "no_audio": False,
        "silent_audio": False,
        "one_way": False,
        "media_stopped": False,
        "late_ms_max": luck.uniform(0.4, 6),
        "frames_late": 0,
        "frames_skipped": 0,
    }


def failed_row(
    number: int, code: str = "ANSWER_TIMEOUT", stage: str = Stage.ANSWER, message: str | None = None
) -> dict[str, Any]:
    """A call that failed before it connected: nothing after its stage was measured."""
    row = call_row(number)
    names = list(row)
    before = {
        *names[: names.index("answer_ms")],
        "local_candidates",
        "signaling_reconnects",
        "signaling_dropped",
    }
    unmeasured = {name: None for name in names if name not in before - {"session_id", "connected_ms"}}
    ended = {"ended_at": row["started_at"] + 10.0, "duration_ms": 10_000.0}
    text = "no answer to the offer within 10 s" if message is None else message
    failure = {"outcome": "failed", "failed_stage": str(stage), "error_code": code, "error_message": text}
    return {**row, **unmeasured, **ended, **failure}


def turn_row(call_id: str, turn: int, **changes: Any) -> dict[str, Any]:
    """One turn of talk with a reply."""
    luck = random.Random(f"{call_id}/{turn}")
    record = TurnRecord(
        call_id=call_id,
        turn=turn,
        sample="order_a_taxi.wav",
        said_at=4.0 * turn,
        turn_latency_ms=luck.lognormvariate(6.9, 0.3),
        reply_ms=luck.uniform(1_000, 3_000),
    )
    return {**to_row(record), **changes}


def figures_row(second: int, engine: str = "local.0", calls: int = 50, **changes: Any) -> dict[str, Any]:
    """One second of a punctual engine."""
    luck = random.Random(f"{engine}/{second}")
    histogram: dict[str, int] = {}
    for _ in range(200):
        bucket = str(bucket_of(luck.lognormvariate(-0.6, 0.5)))
        histogram[bucket] = histogram.get(bucket, 0) + calls * 50 // 200
    row = {
        "at": STARTED_AT + second,
        "worker": engine.partition(".")[0],
        "engine": engine,
        "pid": 4711,
        "calls": calls,
        "cpu_share": 0.0015 * calls + luck.uniform(0, 0.05),
        "rss_bytes": 90_000_000 + 200_000 * calls,
        "packets_sent": calls * 50,
        "packets_received": calls * 50,
        "frames_late": 0,
        "frames_skipped": 0,
        "kind": "engine",
        "seconds": 1.0,
        "open_files": 30 + 2 * calls,
        "sockets": 10 + 2 * calls,
        "threads": 3,
        "loop_lag_ms": luck.uniform(0.1, 3),
        "late_histogram": histogram,
    }
    return {**row, **changes}


def locust_row(second: int, name: str = "local.locust", **changes: Any) -> dict[str, Any]:
    """One second of a Locust process with little to do."""
    unmeasured = dict.fromkeys(("packets_sent", "packets_received", "frames_late", "frames_skipped"))
    own = {"kind": "locust", "cpu_share": 0.12, "loop_lag_ms": 2.5, "late_histogram": {}}
    return figures_row(second, name, 0, **{**unmeasured, **own, **changes})


def run_document(**changes: Any) -> dict[str, Any]:
    """A ``run.json`` as the swarm leaves it."""
    run = {
        "version": 1,
        "run_id": "synthetic",
        "started_at": STARTED_AT,
        "ended_at": STARTED_AT + 110.0,
        "ended_by": "run_time",
        "command": ["locust", "-f", "locustfile.py", "--headless", "-u", "50", "-r", "5", "-t", "110s"],
        "settings": {
            "host": "ws://127.0.0.1:8080",
            "call_mode": "echo",
            "call_duration_s": 10.0,
            "sample": None,
        },
        "host": "ws://127.0.0.1:8080",
        "versions": {"loadkit": "0.1.0", "python": "3.11.7", "locust": "2.47.0", "aiortc": "1.16.0"},
        "machine": {"cpus": 2, "memory_bytes": 8_000_000_000, "system": "Linux 6.1 x86_64"},
        "workers": {"expected": 1, "seen": ["local"], "lost": []},
    }
    return {**run, **changes}


def write_run_folder(
    reports_dir: Path,
    calls: Sequence[Mapping[str, Any]],
    turns: Sequence[Mapping[str, Any]] = (),
    figures: Sequence[Mapping[str, Any]] = (),
    run: Mapping[str, Any] | None = None,
    run_id: str = "synthetic",
) -> RunFolder:
    """A run folder with these rows, as a run leaves it: raw files only."""
    folder = RunFolder.create(reports_dir, run_id)
    writer = RunWriter(folder)
    turns_of: dict[str, list[Mapping[str, Any]]] = {}
    for turn in turns:
        turns_of.setdefault(str(turn["call_id"]), []).append(turn)
    for call in calls:
        writer.write_call(call, turns_of.get(str(call["call_id"]), []))
    for row in figures:
        writer.write_figures(row)
    writer.write_run(run_document() if run is None else run)
    writer.close()
    return folder


def clean_run(reports_dir: Path, calls: int = 1_000, run_id: str = "clean") -> RunFolder:
    """A run without a failed call; some of them answered by an agent, in turns."""
    rows = [call_row(number) for number in range(calls)]
    for row in rows[::10]:
        row.update(
            turns=3, greeting_ms=350.0 + len(row["call_id"]), mode="end-to-end", scenario="book_a_table"
        )
    turns = [turn_row(row["call_id"], turn) for row in rows[::10] for turn in (1, 2, 3)]
    seconds = math.ceil(calls / 10) + 10
    figures = [
        figures_row(second, engine, calls=min(50, 5 * second + 5))
        for second in range(seconds)
        for engine in ("local.0", "local.1")
    ]
    figures += [locust_row(second) for second in range(seconds)]
    run = run_document(run_id=run_id, ended_at=STARTED_AT + seconds)
    return write_run_folder(reports_dir, rows, turns, figures, run, run_id)


#: One that holds, one that is broken, and one without data, when a :func:`clean_run` is held against them.
THRESHOLDS = (
    "failed < 1%",
    "setup_ms p95 < 20 ms where scenario = talk",
    "turn_latency_ms p95 < 2500 ms where mode = traditional",
)


def run_with_thresholds(
    reports_dir: Path, thresholds: Sequence[str] = THRESHOLDS, calls: int = 200, run_id: str = "thresholds"
) -> RunFolder:
    """A clean run that was held against thresholds: one passes, one is broken, one has no data."""
    folder = clean_run(reports_dir, calls, run_id)
    run = json.loads(folder.run.read_text())
    run["settings"]["slo"] = ";".join(thresholds)
    folder.run.write_text(json.dumps(run))
    return folder


def troubled_run(reports_dir: Path, calls: int = 300, run_id: str = "troubled") -> RunFolder:
    """A run with many failures, hostile text from the gateway, a busy generator and a lost worker."""
    rows = []
    for number in range(calls):
        row = call_row(number)
        if number % 4 == 0:
            row = failed_row(number)
        elif number % 7 == 0:
            row = failed_row(number, "ICE_TIMEOUT", Stage.ICE, "no pair of 6 answered within 10 s")
        elif number % 11 == 0:
            code = HOSTILE_CODES[number % len(HOSTILE_CODES)]
            row = failed_row(number, code, Stage.ANSWER, HOSTILE_MESSAGES[number % len(HOSTILE_MESSAGES)])
        elif number % 13 == 0:
            row.update(outcome="hung_up")
        elif number % 29 == 0:
            row.update(outcome="cancelled")
        elif number > calls * 2 // 3:
            row.update(setup_ms=row["setup_ms"] + 4_000.0, answer_ms=row["answer_ms"] + 4_000.0)
        rows.append(row)
    late = {str(bucket_of(0.4)): 900, str(bucket_of(18.0)): 90, str(bucket_of(7_000.0)): 10}
    figures = [
        figures_row(second, engine, cpu_share=0.97, frames_skipped=3, late_histogram=late, frames_late=100)
        for second in range(calls // 10 + 10)
        for engine in ("1.0", "2.0")
    ]
    lost = [{"worker": "2", "at": STARTED_AT + 20, "calls_in_progress": 12}]
    run = run_document(
        run_id=run_id,
        ended_at=STARTED_AT + calls / 10 + 10,
        ended_by="interrupted",
        workers={"expected": 2, "seen": ["1", "2"], "lost": lost},
        settings={"caller": HOSTILE_MESSAGES[0]},
        host="<b>ws://gateway.example</b>",
    )
    return write_run_folder(reports_dir, rows, (), figures, run, run_id)
