"""Each kind of caller is really measured: a few calls for a moment, against a real gateway process."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks import media_cost, side_by_side
from benchmarks.caller_process import CallerFailed
from benchmarks.floor.build import FloorUnavailable, build
from benchmarks.process_calls import measure_process
from benchmarks.results import VERSION
from benchmarks.rows import Row
from benchmarks.side_by_side import Size

_CAN_COMPILE = shutil.which("cc") is not None and Path("/usr/include/srtp2/srtp.h").exists()
#: CI installs both (.ci/system-packages).
needs_libsrtp = pytest.mark.skipif(
    not _CAN_COMPILE and "CI" not in os.environ, reason="needs gcc and libsrtp2-dev"
)
SIZE = Size(2, 2, 2, (2,), None, 4, 1.0)
#: Longer than a busy machine takes its CPU away for, so that some packets come.
SECONDS = 2.0


def _echoed(row: Row) -> None:
    """Packets were counted at both ends, and a process was looked at."""
    assert row.calls == 2
    assert min(row.sent, row.at_gateway, row.echoed, row.received) > 0
    assert row.cpu_share > 0
    assert row.gateway_share > 0


@pytest.mark.parametrize("arguments", [(), ("--pre-encoded",)])
async def test_calls_by_stock_aiortc_are_echoed_and_counted(arguments: tuple[str, ...]) -> None:
    _echoed(await measure_process("aiortc", "benchmarks.aiortc_caller", 2, SECONDS, *arguments))


@needs_libsrtp
@pytest.mark.parametrize(
    "arguments", [(), ("--ahead", "5", "--shared")], ids=["as it is", "no cipher, one socket"]
)
async def test_calls_that_the_c_loop_holds_are_echoed_and_counted(arguments: tuple[str, ...]) -> None:
    _echoed(await measure_process("floor", "benchmarks.floor_caller", 2, SECONDS, *arguments))


async def test_the_calls_of_an_engine_are_measured_in_steps() -> None:
    first, second = await media_cost.measure("python", [1, 2], SECONDS, media_path="python")
    assert first.calls == 1
    _echoed(second)
    assert second.rss_kb_per_call is not None
    assert second.late_ms_p99 is not None
    assert second.parent_share is not None
    assert second.failures == {}


async def test_a_caller_that_cannot_place_its_calls_is_told_as_such_and_has_no_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(size: Size) -> dict[str, Any]:
        return (await measure_process("x", "benchmarks.no_such_caller", 2, 1.0)).document()

    async def fine(size: Size) -> dict[str, Any]:
        return {"figure": size.setups}

    monkeypatch.setattr(side_by_side, "PARTS", {"broken": broken, "fine": fine})
    told: list[str] = []
    document = await side_by_side.measure(SIZE, ["broken", "fine"], {}, told.append)
    assert document["left_out"] == {
        "broken": "benchmarks.no_such_caller ended with code 1; see its message above"
    }
    assert document["parts"]["fine"]["figure"] == 4
    assert "broken" not in document["parts"]
    assert told[0].startswith("broken: LEFT OUT: benchmarks.no_such_caller ended")


async def test_a_part_that_is_measured_again_leaves_the_others_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def again(size: Size) -> dict[str, Any]:
        return {"figure": 2}

    monkeypatch.setattr(side_by_side, "PARTS", {"one": again})
    before = {
        "version": VERSION,
        "parts": {"one": {"figure": 1}, "other": {"figure": 7}},
        "left_out": {"one": "it failed"},
    }
    document = await side_by_side.measure(SIZE, ["one"], before, lambda line: None)
    assert document["parts"]["one"]["figure"] == 2
    assert document["parts"]["other"] == {"figure": 7}
    assert document["left_out"] == {}


async def test_a_caller_that_ends_before_its_calls_are_up_is_told_as_such() -> None:
    with pytest.raises(CallerFailed, match=r"benchmarks\.floor_caller ended with code"):
        await measure_process("floor", "benchmarks.floor_caller", 2, 1.0, "--ahead", "no number")


@needs_libsrtp
def test_the_c_loop_compiles_without_a_warning(tmp_path: Path) -> None:
    assert os.access(build(tmp_path), os.X_OK)


def test_without_a_compiler_the_c_loop_is_left_out_with_the_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(FloorUnavailable, match="there is no C compiler; on Debian: apt-get install gcc"):
        build(tmp_path)
