"""Fuzzing by chance, where no coverage can be measured."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.fuzz.mutation import mutations
from tests.fuzz.targets import TARGETS


def fuzz(name: str, seconds: float, folder: Path) -> None:
    """Fuzz one target; what makes it raise is in ``folder/found``."""
    by_chance(TARGETS[name].run, TARGETS[name].seeds(), seconds, folder / "found")


def by_chance(run: Callable[[bytes], None], seeds: Sequence[bytes], seconds: float, found: Path) -> None:
    """Try for so long; the first input that makes it raise is kept, and the error goes on."""
    deadline = time.monotonic() + seconds
    for tried, data in enumerate(mutations(seeds, random.Random())):
        if time.monotonic() > deadline:
            print(f"tried {tried}")
            return
        try:
            run(data)
        except BaseException:
            (found / f"crash-{hashlib.sha1(data).hexdigest()}").write_bytes(data)
            raise
