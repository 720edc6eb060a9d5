"""On what a measurement was made."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.cores import APART

_PACKAGES = ("aiortc", "aioice", "pylibsrtp", "uvloop", "av")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, kernel and versions; no name of the machine."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "gateway_and_caller_on_cores_of_their_own": APART,
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
