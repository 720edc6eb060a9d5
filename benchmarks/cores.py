"""Which core a process of a measurement runs on, so that gateway and caller do not take time from each other."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

_CORES = sorted(os.sched_getaffinity(0))
#: The gateway's core, and that of the measuring script, which sleeps while it measures.
GATEWAY_CORE = _CORES[0]
#: The core of the caller that is measured; on a machine with one core, the gateway's.
CALLER_CORE = _CORES[-1]
#: Whether they are two.
APART = GATEWAY_CORE != CALLER_CORE


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """Processes that are started inside run on this core alone, with all their threads."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
