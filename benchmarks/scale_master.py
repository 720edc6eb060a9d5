"""What a master can take: a real Locust master keeps the records of 100 simulated workers.

    python -m benchmarks.scale_master [--workers 100] [--calls-per-second 11.1] [--engines 4] [--seconds 60] [--save]

The default is the load of 100,000 concurrent calls of 90 s: 100 workers that each end 11.1 calls a second. Prints the
CPU and memory of the master, what each worker sends, whether every record arrived, and what the report took.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.process_cost import cpu_s

_ROOT = Path(__file__).resolve().parents[1]
_SAVED = Path(__file__).with_name("scale.json")
#: Time for all workers to connect and for the run to end, on top of the run itself.
_MARGIN_S = 120.0


@contextmanager
def _kept_port() -> Iterator[int]:
    """A port that the system gives to nobody else meanwhile; the master may listen at it, as it sets SO_REUSEADDR."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield int(keeper.getsockname()[1])


def _start_master(folder: Path, port: int, options: argparse.Namespace) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(_ROOT / "locustfile.py"),
        "--headless",
        "--only-summary",
    ]
    command += ["-u", str(options.workers), "-r", str(options.workers), "-t", f"{options.seconds:g}s"]
    command += ["--master", "--expect-workers", str(options.workers), "--master-bind-port", str(port)]
    # Nothing is called there: the workers only say that they did. So nobody looks whether anything answers.
    command += ["--host", "ws://127.0.0.1:9", "--no-preflight", "--health-poll", "0"]
    command += ["--reports-dir", str(folder), "--run-id", "scale"]
    environment = os.environ | {"LOADKIT_AUTH_TOKEN": "simulated", "PYTHONPATH": str(_ROOT)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _start_workers(port: int, options: argparse.Namespace) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.simulated_workers", "--master-port", str(port)]
    command += ["--workers", str(options.workers), "--calls-per-second", str(options.calls_per_second)]
    command += ["--engines", str(options.engines), "--longest", str(options.seconds + _MARGIN_S)]
    return subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)


def _measure(master: subprocess.Popen[str], records: Path, seconds: float) -> dict[str, Any]:
    """CPU and memory of the master over most of the run, once records come."""
    process, deadline = psutil.Process(master.pid), time.monotonic() + _MARGIN_S
    while not (records.exists() and records.stat().st_size) and time.monotonic() < deadline:
        if master.poll() is not None:
            raise SystemExit("the master ended before the first record came")
        time.sleep(0.05)
    began, cpu, size = time.monotonic(), cpu_s(process), records.stat().st_size
    time.sleep(0.7 * seconds)
    elapsed = time.monotonic() - began
    return {
        "master_cpu_share": round((cpu_s(process) - cpu) / elapsed, 3),
        "master_rss_mb": round(process.memory_info().rss / 1e6),
        "records_bytes_per_second": round((records.stat().st_size - size) / elapsed),
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """One run; the figures as a mapping."""
    with tempfile.TemporaryDirectory() as folder, _kept_port() as port:
        records = Path(folder) / "scale" / "records.jsonl"
        master = _start_master(Path(folder), port, options)
        told: list[str] = []
        assert master.stdout is not None
        reader = threading.Thread(target=lambda: told.extend(master.stdout or ()), daemon=True)
        reader.start()
        workers = _start_workers(port, options)
        try:
            figures = _measure(master, records, options.seconds)
            began = time.monotonic()
            code = master.wait(options.seconds + 600)
            reader.join(5)
            figures["end_and_report_s"] = round(time.monotonic() - began - 0.3 * options.seconds, 1)
            sent = json.loads(workers.communicate(timeout=60)[0])
        finally:
            for process in (master, workers):
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
        kept = records.read_bytes().count(b"\n")
        run = json.loads((records.parent / "run.json").read_text())
        files = {path.name: path.stat().st_size for path in records.parent.iterdir()}
        seconds = run["ended_at"] - run["started_at"]
    figures |= {
        "exit_code": code,
        "records_sent": sent["records"],
        "records_kept": kept,
        "workers_lost": len(run["workers"]["lost"]),
        "calls_per_second": round(sent["records"] / seconds),
        "bytes_per_record_on_the_wire": round(_per(sent, "bytes", "loadkit_records", sent["records"])),
        "bytes_per_record_on_disk": round(files["records.jsonl"] / max(1, kept)),
        "messages_per_worker_second": round(sum(sent["messages"].values()) / options.workers / seconds, 2),
        "bytes_per_worker_second": round(sum(sent["bytes"].values()) / options.workers / seconds),
        "figures_bytes_per_second": round(files["figures.jsonl"] / seconds),
        "sent": sent,
        "output": "" if kept == sent["records"] else "".join(told[-40:]),
    }
    return figures


def _per(sent: dict[str, Any], what: str, kind: str, count: int) -> float:
    return float(sent[what].get(kind, 0)) / max(1, count)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--calls-per-second", type=float, default=11.1, help="of one worker")
    parser.add_argument("--engines", type=int, default=4, help="of one worker")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--save", action="store_true", help="write benchmarks/scale.json")
    options = parser.parse_args()
    figures = measure(options)
    output = figures.pop("output")
    for name, value in figures.items():
        print(f"{name:32} {value}")
    if options.save:
        _SAVED.write_text(json.dumps(figures, indent=2) + "\n")
    if figures["records_kept"] != figures["records_sent"]:
        print(f"\nrecords are missing; the master said:\n{output}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
