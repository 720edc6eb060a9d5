"""What so many concurrent calls take, out of what was measured: machines, ports, bandwidth, master, disk.

    python -m benchmarks.scale_plan [--calls 100000] [--call-duration 90] [--cores 16]

The figures come from ``benchmarks/results.json`` (``make bench``) and ``benchmarks/scale.json`` (``python -m
benchmarks.scale_master --save``). ``docs/scale.md`` shows the default plan.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent
RESULTS, SCALE = _FOLDER / "results.json", _FOLDER / "scale.json"

#: Of an engine's core, in the long run: the rest is for bursts, so that packets still leave in time.
_CORE_USED = 0.7
#: Cores of a machine that hold no calls: the Locust worker's and the system's.
_CORES_KEPT = 1
#: ``net.ipv4.ip_local_port_range`` of Linux as it comes, and how long a port rests after we ended a TCP connection.
_PORTS, _TIME_WAIT_S = 28_232, 60.0
_PACKETS_PER_S = 50
#: Bytes of a packet around the Opus payload: RTP 12, GCM tag 16, UDP 8, IPv4 20, Ethernet with its gap 38.
_AROUND = 12 + 16 + 8 + 20 + 38
#: Of the shipped samples: 32 kbit/s of speech, and pauses.
_PAYLOAD = 70
#: Sockets of a call that is up: WebSocket and media; one more while it is being set up.
_SOCKETS = 2


@dataclass(frozen=True)
class Plan:
    """What it takes; rates are per second."""

    calls: int
    arrivals: float
    cores: float
    machines: int
    calls_per_machine: int
    addresses_per_machine: int
    ports_per_machine: int
    sockets_per_engine: int
    memory_gb_per_machine: float
    packets_per_machine: int
    gbit_per_machine: float
    gbit: float
    master_core: float
    master_bytes: float
    disk_gb_per_hour: float


def plan(calls: int, call_duration: float, cores_per_machine: int) -> Plan:
    """The arithmetic.

    :param call_duration: mean, in seconds.
    :raises OSError: nothing was measured yet.
    """
    bench, scale = json.loads(RESULTS.read_text()), json.loads(SCALE.read_text())
    arrivals = calls / call_duration
    cores = (calls / bench["calls_per_core"] + arrivals * bench["setup_cpu_ms"] / 1000) / _CORE_USED
    machines = math.ceil(cores / (cores_per_machine - _CORES_KEPT))
    here = math.ceil(calls / machines)
    # Each call ends two TCP connections: the request for ICE servers, and the WebSocket.
    ports = round(here + 2 * arrivals / machines * _TIME_WAIT_S)
    gbit = calls * _PACKETS_PER_S * (_PAYLOAD + _AROUND) * 8 / 1e9
    load = arrivals / scale["calls_per_second"]
    return Plan(
        calls=calls,
        arrivals=arrivals,
        cores=cores,
        machines=machines,
        calls_per_machine=here,
        addresses_per_machine=math.ceil(max(here, ports) / _PORTS),
        ports_per_machine=ports,
        sockets_per_engine=math.ceil(here / (cores_per_machine - _CORES_KEPT)) * _SOCKETS,
        memory_gb_per_machine=here * bench["rss_kb_per_call"] / 1e6,
        packets_per_machine=here * _PACKETS_PER_S,
        gbit_per_machine=gbit / machines,
        gbit=gbit,
        master_core=scale["master_cpu_share"] * load,
        master_bytes=scale["bytes_per_record_on_the_wire"] * arrivals,
        disk_gb_per_hour=(
            scale["bytes_per_record_on_disk"] * arrivals + scale["figures_bytes_per_second"] * load
        )
        * 3600
        / 1e9,
    )


def table(made: Plan) -> str:
    """The plan as a table in Markdown."""
    rows = [
        ("concurrent calls", f"{made.calls:,}"),
        ("calls that begin, and end, each second", f"{made.arrivals:,.0f}"),
        ("cores for engines, 70 % used", f"{made.cores:,.0f}"),
        ("machines", f"{made.machines:,}"),
        ("calls on a machine", f"{made.calls_per_machine:,}"),
        ("sockets of an engine (`ulimit -n`)", f"{made.sockets_per_engine:,}"),
        ("ports of a machine, TCP ones resting 60 s", f"{made.ports_per_machine:,}"),
        ("local addresses of a machine (`--local-address`)", f"{made.addresses_per_machine:,}"),
        ("memory of a machine's calls", f"{made.memory_gb_per_machine:.1f} GB"),
        ("packets of a machine, each way", f"{made.packets_per_machine:,} a second"),
        ("bandwidth of a machine, each way", f"{made.gbit_per_machine:.2f} Gbit/s"),
        ("bandwidth of all, each way", f"{made.gbit:.1f} Gbit/s"),
        ("records to the master", f"{made.master_bytes / 1e6:.1f} MB a second"),
        ("master's CPU", f"{made.master_core * 100:.0f} % of a core"),
        ("disk of the run folder", f"{made.disk_gb_per_hour:.1f} GB an hour"),
    ]
    return "\n".join(
        ["| what | how much |", "| --- | --- |", *(f"| {what} | {much} |" for what, much in rows)]
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--call-duration", type=float, default=90.0, help="mean, in seconds")
    parser.add_argument("--cores", type=int, default=16, help="of one machine")
    options = parser.parse_args()
    print(table(plan(options.calls, options.call_duration, options.cores)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
