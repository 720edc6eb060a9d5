from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from loadkit.analysis.fitness import DOUBTFUL_CODES, Fitness, judge_fitness
from loadkit.analysis.limits import LIMIT_SETTINGS, Limits
from loadkit.analysis.process_seconds import by_process
from loadkit.errors import CODES
from loadkit.lateness import bucket_of
from loadkit.runs.reader import read_figures
from loadkit.settings import Settings
from tests.synthetic import STARTED_AT, figures_row, locust_row, write_run_folder

PAGE = Path(__file__).parents[2] / "docs" / "fitness.md"
LIMITS = Limits.of(None)
_PUNCTUAL = {str(bucket_of(1.0)): 1_000}


def second(at: int, engine: str = "local.0", late: float = 0.0, **changes: Any) -> dict[str, Any]:
    """A second of an engine of which this share of the packets left 15 ms late."""
    histogram = {str(bucket_of(1.0)): round(1_000 * (1 - late)), str(bucket_of(15.0)): round(1_000 * late)}
    return figures_row(at, engine, late_histogram=histogram, **changes)


def judged(tmp_path: Path, rows: list[dict[str, Any]], limits: Limits = LIMITS, **errors: int) -> Fitness:
    figures = read_figures(write_run_folder(tmp_path, [], (), rows))
    return judge_fitness(by_process(figures, limits.late_ms, STARTED_AT), limits, errors)


def test_a_punctual_generator_with_room_left_is_fit(tmp_path: Path) -> None:
    rows = [row for at in range(60) for row in (second(at), locust_row(at))]
    assert judged(tmp_path, rows) == Fitness(True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"late": 0.02}, "Engine local.0 sent 2.0 % of its packets over 10 ms late or never (limit 1 %)"),
        ({"frames_skipped": 20}, "Engine local.0 sent 2.0 % of its packets over 10 ms late or never"),
        ({"loop_lag_ms": 70.0}, "stood still for over 50 ms in 60 of 60 seconds, 70 ms at most"),
        ({"cpu_share": 0.95}, "used over 90 % of a core in 60 of 60 seconds"),
    ],
)
def test_each_limit_has_a_sentence_that_says_what_to_do(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    fitness = judged(tmp_path, [second(at, **changes) for at in range(60)])
    assert fitness.fit is False
    assert len(fitness.reasons) == 1
    assert reason in fitness.reasons[0]
    assert "place fewer calls per engine, or use more engines or more machines" in fitness.reasons[0]


@pytest.mark.parametrize(("cpu_share", "told"), [(0.06, True), (0.8, False), (None, False)])
def test_an_engine_that_was_late_with_little_to_do_was_kept_waiting_by_something_else(
    tmp_path: Path, cpu_share: float | None, told: bool
) -> None:
    (reason,) = judged(tmp_path, [second(at, late=0.5, cpu_share=cpu_share) for at in range(30)]).reasons
    assert ("It used 6 % of a core itself, so see first what else this machine is doing" in reason) is told


@pytest.mark.parametrize(
    "changes", [{"late": 1.0}, {"frames_skipped": 900}, {"loop_lag_ms": 900.0}, {"cpu_share": 1.5}]
)
@pytest.mark.parametrize(("bad", "fit"), [(range(1_000, 1_010), True), (range(1_000, 1_030), False)])
def test_a_bad_stretch_of_a_long_run_is_found_and_a_hiccup_condemns_nothing(
    tmp_path: Path, changes: dict[str, Any], bad: range, fit: bool
) -> None:
    rows = [second(at, **(changes if at in bad else {})) for at in range(3_600)]
    fitness = judged(tmp_path, rows)
    assert fitness.fit is fit
    if not fit:
        assert "1,000 to 1,030 s after the start" in fitness.reasons[0]


def test_one_packet_in_a_hundred_over_the_whole_run_is_too_many_wherever_they_are(tmp_path: Path) -> None:
    # Ten bad seconds, never two in the same piece or in the next one: no stretch, but 1.1 % of all packets.
    rows = [second(at, late=0.7 if at % 60 == 0 else 0.0) for at in range(600)]
    assert "sent 1.2 % of its packets" in judged(tmp_path, rows).reasons[0]


def test_two_busy_seconds_of_a_short_run_condemn_nothing(tmp_path: Path) -> None:
    rows = [
        second(at, cpu_share=1.0 if at < 2 else 0.3, loop_lag_ms=80.0 if at < 2 else 1.0) for at in range(5)
    ]
    assert judged(tmp_path, rows).fit is True


def test_one_engine_of_many_is_enough_and_the_others_are_counted(tmp_path: Path) -> None:
    rows = [
        second(at, f"local.{number}", late=0.5 if number > 5 else 0.0)
        for at in range(30)
        for number in range(8)
    ]
    assert "Engine local.6 (and 1 more) sent 50.0 %" in judged(tmp_path, rows).reasons[0]


def test_an_engine_that_told_nothing_for_half_a_minute_stood_still(tmp_path: Path) -> None:
    # What it tells afterwards: one second, with a stop and packets that were never sent.
    after = second(1_045, loop_lag_ms=44_000.0, frames_skipped=100_000)
    rows = [*(second(at) for at in range(1_000)), after, *(second(at) for at in range(1_046, 9_000))]
    fitness = judged(tmp_path, rows)
    assert fitness.fit is False
    assert "of its packets over 10 ms late or never" in fitness.reasons[0]


def test_a_locust_process_without_room_left_makes_scripts_and_arrivals_late(tmp_path: Path) -> None:
    rows = [row for at in range(60) for row in (second(at), locust_row(at, cpu_share=0.99))]
    (reason,) = judged(tmp_path, rows).reasons
    assert reason.startswith("The Locust process local.locust used over 90 % of a core in 60 of 60 seconds")
    assert "--processes" in reason


def test_a_busy_master_places_no_calls_and_is_not_judged(tmp_path: Path) -> None:
    busy = [locust_row(at, "master.locust", cpu_share=1.0, loop_lag_ms=500.0) for at in range(60)]
    assert judged(tmp_path, [*busy, *(second(at, "worker-0.0") for at in range(60))]).fit is True


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [locust_row(0)],
        [second(0) | {"late_histogram": {}}],
        [second(0) | {"late_histogram": None}],
        [second(0, cpu_share=None)],
        [second(0, loop_lag_ms=None)],
    ],
)
def test_what_was_not_measured_is_not_fit(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    assert judged(tmp_path, rows) == Fitness(None)


def test_a_limit_of_zero_is_not_judged(tmp_path: Path) -> None:
    rows = [second(at, late=0.5, cpu_share=1.5, loop_lag_ms=900.0, frames_skipped=500) for at in range(60)]
    off = dict.fromkeys(LIMIT_SETTINGS.values(), 0.0)
    assert judged(tmp_path, rows, Limits.of(off)) == Fitness(None)
    only_cpu = judged(tmp_path, rows, Limits.of({**off, "limit_cpu_share": 1.2}))
    assert [reason.split(" in ")[0] for reason in only_cpu.reasons] == [
        "Engine local.0 used over 120 % of a core"
    ]


def test_a_limit_between_two_buckets_counts_the_bucket_that_lies_across_it(tmp_path: Path) -> None:
    rows = [second(at, late=0.5) for at in range(60)]
    limits = {"limit_late_ms": 15.0}
    assert judged(tmp_path, rows, Limits.of(limits)).fit is True
    assert judged(tmp_path, rows, Limits.of({"limit_late_ms": 14.9})).fit is False


@pytest.mark.parametrize("given", [None, "nonsense", {"limit_late_ms": "ten"}, {"limit_late_ms": True}, {}])
def test_limits_that_a_run_does_not_name_are_the_defaults(given: Any) -> None:
    assert Limits.of(given) == Limits(
        *(Settings.model_fields[name].default for name in LIMIT_SETTINGS.values())
    )


def test_a_call_that_an_engine_did_not_answer_is_the_generator_s_own_failure(tmp_path: Path) -> None:
    rows = [second(at) for at in range(60)]
    assert "2 calls got no answer from an engine" in judged(tmp_path, rows, ENGINE_STALLED=2).reasons[0]
    assert "1 call failed because the limit of open" in judged(tmp_path, rows, TOO_MANY_FILES=1).reasons[0]
    assert judged(tmp_path, rows, ANSWER_TIMEOUT=5).fit is True


def test_every_doubtful_code_is_one_of_loadkit_s_own_and_named_on_the_page() -> None:
    assert {CODES[code].origin for code in DOUBTFUL_CODES} == {"loadkit"}
    text = PAGE.read_text(encoding="utf-8").partition("## Verdict and exit code")[2].partition("A job on")[0]
    assert set(re.findall(r"`([A-Z]+_[A-Z_]+)`", text)) == DOUBTFUL_CODES
