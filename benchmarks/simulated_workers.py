"""Locust workers that place no call: they tell a real master of calls as real workers do.

    python -m benchmarks.simulated_workers --master-port 5557 [--workers 100] [--calls-per-second 11] [--engines 8]

Each speaks Locust's own protocol (ready, heartbeats, statistics, spawning, stopping) and sends loadkit's records and
figures through :class:`~loadkit.swarm.forwarding.RecordForwarder`. Ends when the master says so, and prints as JSON
what was sent, in rows, messages and bytes.
"""

from __future__ import annotations

import argparse
import json
import random
import time
import uuid
from collections import Counter
from typing import Any

import gevent
import zmq.green as zmq
from locust import __version__ as locust_version
from locust.rpc.protocol import Message
from locust.stats import RequestStats

from loadkit.records import CallRecord, Outcome, to_row
from loadkit.swarm.forwarding import FINISH, FINISHED, RecordForwarder

_USER_CLASS = "Caller"
_HEARTBEAT_S, _STATISTICS_S, _FIGURES_S = 1.0, 3.0, 1.0
_TICK_S = 0.1


def typical_record(duration_s: float) -> dict[str, Any]:
    """The row of an echo call without failure, every column filled that such a call fills."""
    ended = time.time()
    packets = int(duration_s * 50)
    record = CallRecord(
        call_id=uuid.uuid4().hex,
        user=f"{_USER_CLASS}#{random.randrange(100_000)}",
        scenario="place_a_call",
        mode="echo",
        sample="book_a_table.wav",
        call_sid=f"loadkit-{uuid.uuid4().hex}",
        session_id=str(uuid.uuid4()),
        intended_at=ended - duration_s,
        started_at=ended - duration_s,
        ended_at=ended,
        outcome=Outcome.COMPLETED,
        codec="opus/48000/2 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1",
        dtls_role="server",
        tls_version="DTLSv1.2",
        dtls_cipher="ECDHE-ECDSA-AES128-GCM-SHA256",
        srtp_cipher="SRTP_AEAD_AES_256_GCM",
        ice_path="any",
        local_candidate_type="host",
        remote_candidate_type="host",
        local_address="192.0.2.10",
        packets_sent=packets,
        packets_received=packets,
        bytes_sent=packets * 70,
        bytes_received=packets * 70,
        no_audio=False,
        silent_audio=False,
        one_way=False,
        media_stopped=False,
        end_of_candidates_early=False,
    )
    row = to_row(record)
    for column, value in row.items():
        if value is None and column.endswith("_ms"):
            row[column] = round(random.uniform(5, 400), 3)
    counts = ("packets_lost", "packets_discarded", "packets_reordered", "packets_duplicated", "frames_late")
    row |= dict.fromkeys(counts, 0) | {
        "jitter": random.random() / 100,
        "round_trip_time": random.random() / 10,
    }
    return row


def typical_figures(engine: str, calls: int) -> dict[str, Any]:
    """An engine's row of one second."""
    return {
        "engine": engine,
        "at": round(time.time(), 3),
        "pid": 4711,
        "calls": calls,
        "cpu_share": round(random.uniform(0.5, 0.8), 4),
        "rss_bytes": 180_000_000,
        "open_files": 2 * calls + 30,
        "frames_late": 0,
        "frames_skipped": 0,
        "loop_lag_ms": round(random.uniform(0.1, 4), 3),
        "late_histogram": {str(bucket): random.randrange(50 * calls) for bucket in range(8, 24)},
    }


class SimulatedWorker:
    """One worker's end of the connection; it stands in for Locust's WorkerRunner towards the forwarder."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], port: int, options: argparse.Namespace
    ) -> None:
        self.client_id = f"simulated_{uuid.uuid4().hex}"
        self.bytes: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.records = 0
        self.over = gevent.event.Event()
        self._options = options
        self._socket = context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.IDENTITY, self.client_id.encode())
        self._socket.connect(f"tcp://127.0.0.1:{port}")
        self._state, self._users, self._index = "ready", 0, -1
        self._statistics = RequestStats()
        self._forwarder: RecordForwarder | None = None
        self.send_message("client_ready", locust_version)
        for work in (self._receive, self._heartbeat, self._report_statistics, self._place):
            gevent.spawn(work)

    def send_message(self, kind: str, data: Any = None, client_id: str | None = None) -> None:
        """As Locust's runner does it; counted."""
        packed = Message(kind, data, self.client_id).serialize()
        self.bytes[kind] += len(packed)
        self.messages[kind] += 1
        self._socket.send(packed)

    def _receive(self) -> None:
        while not self.over.is_set():
            message = Message.unserialize(self._socket.recv())
            match message.type:
                case "ack":
                    self._index = message.data["index"]
                    self._forwarder = RecordForwarder(self, f"worker-{self._index}")  # type: ignore[arg-type]
                case "spawn":
                    self._users = sum(message.data["user_classes_count"].values())
                    self.send_message("spawning")
                    self._state = "running"
                    self.send_message("spawning_complete", self._user_counts())
                case _ if message.type == FINISH:
                    self._state = "stopping"
                    if self._forwarder is not None:
                        self._forwarder.flush()
                    self.send_message(FINISHED)
                case "stop":
                    self._users, self._state = 0, "ready"
                    self._send_statistics()
                    self.send_message("client_stopped")
                    self.send_message("client_ready", locust_version)
                case "quit":
                    self.over.set()

    def _user_counts(self) -> dict[str, Any]:
        return {"user_classes_count": {_USER_CLASS: self._users}, "user_count": self._users}

    def _heartbeat(self) -> None:
        while not self.over.is_set():
            load = {"state": self._state, "current_cpu_usage": 50.0, "current_memory_usage": 10**8}
            self.send_message("heartbeat", load)
            gevent.sleep(_HEARTBEAT_S)

    def _report_statistics(self) -> None:
        gevent.sleep(random.uniform(0, _STATISTICS_S))
        while not self.over.is_set():
            self._send_statistics()
            gevent.sleep(_STATISTICS_S)

    def _send_statistics(self) -> None:
        data: dict[str, Any] = {
            "stats": self._statistics.serialize_stats(),
            "stats_total": self._statistics.total.get_stripped_report(),
            "errors": self._statistics.serialize_errors(),
        }
        self.send_message("stats", data | self._user_counts())

    def _place(self) -> None:
        options, due, figures_due = self._options, time.monotonic(), time.monotonic()
        owed = random.random()
        while not self.over.is_set():
            gevent.sleep(max(0.0, due - time.monotonic()))
            due += _TICK_S
            if self._state != "running" or self._forwarder is None:
                continue
            owed += options.calls_per_second * _TICK_S
            for _ in range(int(owed)):
                row = typical_record(options.call_duration)
                row["worker"], row["engine"] = f"worker-{self._index}", f"worker-{self._index}.0"
                self._forwarder.record({"call": row, "turns": []})
                self._statistics.log_request("webrtc", "setup", row["setup_ms"], 0)
                self._statistics.log_request("webrtc", "call", row["duration_ms"], row["bytes_received"])
                self.records += 1
            owed %= 1
            if time.monotonic() >= figures_due:
                figures_due += _FIGURES_S
                calls = int(options.calls_per_second * options.call_duration / options.engines)
                for number in range(options.engines):
                    row = typical_figures(f"worker-{self._index}.{number}", calls)
                    self._forwarder.figures({"worker": f"worker-{self._index}", **row})


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--master-port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--calls-per-second", type=float, default=11.1, help="of one worker")
    parser.add_argument("--call-duration", type=float, default=90.0, help="seconds, as the records say")
    parser.add_argument("--engines", type=int, default=4, help="of one worker")
    parser.add_argument("--longest", type=float, default=300.0, help="seconds after which it gives up")
    options = parser.parse_args()
    context = zmq.Context()
    workers = [SimulatedWorker(context, options.master_port, options) for _ in range(options.workers)]
    with gevent.Timeout(options.longest, False):
        for worker in workers:
            worker.over.wait()
    messages, sent = Counter[str](), Counter[str]()
    for worker in workers:
        messages.update(worker.messages)
        sent.update(worker.bytes)
    print(
        json.dumps({"records": sum(w.records for w in workers), "messages": messages, "bytes": sent}),
        flush=True,
    )
    context.destroy(linger=0)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
