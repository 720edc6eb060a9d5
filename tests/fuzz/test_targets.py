"""Every parser of the network takes its real messages, all that a fuzzer has ever found, and a little more."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from tests.fuzz.mutation import mutations
from tests.fuzz.native import alike, native_seeds
from tests.fuzz.targets import TARGETS
from tests.fuzz.unguided import by_chance
from tests.native.parts import plain_poll

FINDINGS = Path(__file__).parent / "findings"
#: A fraction of a second for each.
_MUTATIONS = 300


@pytest.mark.parametrize("name", TARGETS)
def test_real_messages_and_changed_ones_are_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    assert seeds
    for data in [b"", *seeds, *itertools.islice(mutations(seeds, random.Random(name)), _MUTATIONS)]:
        try:
            target.run(data)
        except Exception as exc:
            raise AssertionError(f"{name} fails at {data!r}") from exc


def test_what_was_found_once_stays_mended() -> None:
    for path in sorted(FINDINGS.glob("*/*")):
        try:
            if path.parent.name == "native":
                with plain_poll() as poll:
                    alike(poll, path.read_bytes())
            else:
                TARGETS[path.parent.name].run(path.read_bytes())
        except Exception as exc:
            raise AssertionError(f"{path} was found, and fails") from exc


def test_the_compiled_module_reads_changed_packets_as_the_python_one_does() -> None:
    with plain_poll() as poll:
        seeds = native_seeds()
        for data in [*seeds, *itertools.islice(mutations(seeds, random.Random("native")), _MUTATIONS)]:
            alike(poll, data)


def test_what_is_found_is_kept_and_ends_the_fuzzing(tmp_path: Path) -> None:
    def broken(data: bytes) -> None:
        if b"=" in data:
            raise RuntimeError("found")

    with pytest.raises(RuntimeError, match="found"):
        by_chance(broken, [b"a:b", b"c"], 60, tmp_path)
    (kept,) = tmp_path.iterdir()
    assert b"=" in kept.read_bytes()
