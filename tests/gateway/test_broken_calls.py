"""A thousand calls of which a third break off, against a gateway in a process of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.broken_calls import run, table
from benchmarks.ways import BROKEN

#: What the process may have grown by after its warm-up. The allocator's pages grow for about 3,000 calls and then no
#: more (seen: 93 MiB idle, 117 after 300, 134 after 1,300, 139 after 3,000, 139 after 6,000).
MEMORY_BOUND = 30 * 2**20

#: One object for each call would be more than this.
OBJECTS_BOUND = 500


@pytest.mark.timeout(600)
async def test_after_a_thousand_calls_of_which_a_third_break_off_nothing_is_held(
    record_property: Callable[[str, object], None],
) -> None:
    outcome = await run(calls=1000, warm_up=300)
    record_property("figures", table(outcome))
    print(table(outcome))
    assert outcome.failures == []
    assert outcome.placed.total() == 1000
    assert all(outcome.placed[way.__name__] >= 10 for way in BROKEN)
    assert outcome.back, table(outcome)
    assert outcome.after.objects - outcome.before.objects < OBJECTS_BOUND, table(outcome)
    assert outcome.growth < MEMORY_BOUND, table(outcome)
