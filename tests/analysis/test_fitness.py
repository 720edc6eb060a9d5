from __future__ import annotations

import math

import pytest

from loadkit.analysis.fitness import judge_fitness


def test_a_punctual_generator_with_room_left_is_fit() -> None:
    assert judge_fitness(10.0, 0.9, 0).fit is True


def test_a_generator_whose_lateness_was_not_measured_is_neither_fit_nor_unfit() -> None:
    assert judge_fitness(None, None, None).fit is None
    assert judge_fitness(None, 0.1, 0).fit is None


@pytest.mark.parametrize(
    ("late", "cpu", "skipped", "reason"),
    [
        (15.0, 0.5, 0, "One packet in a hundred left 15 ms late or later"),
        (math.inf, 0.5, 0, "left more than 5 s late or later"),
        (1.0, 0.97, 0, "An engine used 97 % of a core"),
        (1.0, 0.5, 1, "1 packet was never sent"),
        (None, None, 2_500, "2,500 packets were never sent"),
    ],
)
def test_each_limit_has_a_sentence_that_says_what_to_do(
    late: float | None, cpu: float | None, skipped: int, reason: str
) -> None:
    fitness = judge_fitness(late, cpu, skipped)
    assert fitness.fit is False
    assert len(fitness.reasons) == 1
    assert reason in fitness.reasons[0]
    assert "fewer calls per engine" in fitness.reasons[0]
