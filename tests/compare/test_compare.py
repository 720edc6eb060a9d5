"""A comparison says what is so, and nothing when there is nothing to say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.noisy_runs import Noise, noisy_run
from benchmarks.paired_runs import run_of
from loadkit.compare.document import compare
from loadkit.compare.floors import Floors
from loadkit.compare.markdown import compare_markdown
from loadkit.compare.page import compare_page
from loadkit.compare.text import compare_text
from loadkit.errors import SettingsError
from loadkit.reporters.json_document import json_document


def words(document: dict[str, Any]) -> dict[str, str]:
    """Measure → word, of those that have one."""
    return {one["name"]: one["word"] for one in document["measures"] if one["word"] != "no data"}


def test_two_runs_of_one_gateway_cannot_be_told_apart() -> None:
    document = compare(run_of(1, name="a"), run_of(2, name="b"))
    assert document["result"]["status"] == "cannot be told apart"
    assert set(words(document).values()) == {"cannot be told apart"}
    assert {"setup_ms p50", "setup_ms p95", "setup_ms p99", "failed", "packet loss", "jitter p95"} <= words(
        document
    ).keys()


def test_a_slower_gateway_is_worse_and_the_other_way_round_better() -> None:
    a, b = run_of(1, name="a"), run_of(2, slower=1.3, name="b")
    worse, better = compare(a, b), compare(b, a)
    assert worse["result"]["status"] == "worse"
    assert words(worse)["answer_ms p50"] == words(worse)["setup_ms p50"] == "worse"
    assert words(worse)["dtls_ms p50"] == "cannot be told apart"
    assert better["result"]["status"] == "better"
    assert words(better)["answer_ms p50"] == "better"


def test_the_interval_holds_the_true_difference() -> None:
    document = compare(run_of(3), run_of(4, slower=1.3))
    answer = next(one for one in document["measures"] if one["name"] == "answer_ms p50")
    assert answer["low"] < 30 < answer["high"]


def test_a_difference_within_its_floor_has_no_word_however_sure_it_is() -> None:
    a, b = run_of(1, calls=600, swing=0.01), run_of(2, calls=600, swing=0.01, slower=1.13)
    assert words(compare(a, b))["answer_ms p50"] == "worse"
    for floor in ("answer_ms=20%", "0%,50ms"):
        assert words(compare(a, b, Floors([floor])))["answer_ms p50"] == "cannot be told apart"


def test_failures_are_worse_as_a_share_and_by_their_code() -> None:
    document = compare(run_of(1), run_of(2, failing=0.1))
    assert words(document)["failed"] == words(document)["failed ANSWER_TIMEOUT"] == "worse"


def test_one_failed_call_is_no_reason_to_call_a_run_worse() -> None:
    document = compare(run_of(1, calls=40, seconds=60), run_of(2, calls=40, seconds=60, failing=0.03))
    assert words(document)["failed"] == "cannot be told apart"


def test_the_same_two_runs_say_the_same_each_time() -> None:
    first, second = (compare(run_of(1), run_of(2, slower=1.1)) for _ in range(2))
    assert first == second


def test_a_measure_that_one_run_did_not_take_has_no_word() -> None:
    document = compare(run_of(1), run_of(2))
    turn = next(one for one in document["measures"] if one["name"] == "turn_latency_ms p95")
    assert (turn["word"], turn["why"]) == ("no data", "not measured in either")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"call_mode": "end-to-end"}, "the mode differs: echo in the baseline, end-to-end in the new run"),
        ({"call_duration": 9.0}, "the length of calls differs"),
        ({"calls": 19}, "too few calls: 19 of the new run"),
    ],
)
def test_runs_that_are_not_comparable_are_refused_in_words(changes: dict[str, Any], said: str) -> None:
    a, b = run_of(1), run_of(2, **changes)
    refused = compare(a, b)
    assert refused["result"]["status"] == "not comparable"
    assert refused["measures"] == []
    assert said in refused["result"]["sentence"]
    anyway = compare(a, b, anyway=True)
    assert anyway["anyway"] is True
    assert anyway["result"]["status"] != "not comparable"
    assert any(said in reason for reason in anyway["not_comparable"])


def test_a_generator_just_over_its_limit_is_told_with_what_can_be_done() -> None:
    unfit = replace(
        run_of(2), fit=False, unfit_reasons=("Engine 0 sent 1.3 % late (limit 1 %).",), late_ms=12.0
    )
    refused = compare(run_of(1), unfit)
    assert refused["result"]["status"] == "not comparable"
    assert (
        "Place the new run once more, or compare with --anyway --floor 12ms" in refused["result"]["sentence"]
    )


def test_a_tail_that_lies_in_one_burst_is_no_difference() -> None:
    # 20 s of 67 in which all takes four times as long: any other run of that length may have them.
    calm, restless = (
        noisy_run(np.random.default_rng([5, seed]), 200, Noise.SECONDS, bursts=bursts)
        for seed, bursts in ((1, ()), (2, (30.0,)))
    )
    document = compare(calm, restless)
    p95 = next(one for one in document["measures"] if one["name"] == "setup_ms p95")
    assert p95["change"] > 1
    assert p95["word"] == "cannot be told apart"


def test_a_run_without_calls_is_refused() -> None:
    document = compare(run_of(1), run_of(2, calls=0))
    assert "no data: no call of the new run came to an end of its own" in document["not_comparable"]


def test_every_form_tells_the_result() -> None:
    a, b = run_of(1, name="a"), run_of(2, slower=1.3, failing=0.05, name="<b>|`x`")
    document = compare(a, b)
    text, markdown = compare_text(document), compare_markdown(document)
    assert text.splitlines()[-1].startswith("result          WORSE: ")
    assert "| answer p50 |" in markdown
    assert "<b>" not in markdown
    page = compare_page(document, a, b)
    assert "<b>" not in page
    assert "script-src &#39;sha256-" in page
    assert json.loads(json_document(document)) == document


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("5", "say 5% (of the first run's share) or 0.5pp"),
        ("5pp", "times are no shares"),
        ("speed=5%", "there is no measure 'speed'"),
        ("mos=1ms", "a MOS has no unit"),
        ("5 %%", "is no floor; write 5%, 5ms, 0.5pp"),
        ("", "is no floor"),
    ],
)
def test_a_floor_that_cannot_be_used_is_told(text: str, said: str) -> None:
    given = f"shares={text}" if text == "5" else text
    with pytest.raises(SettingsError) as caught:
        Floors([given])
    assert said in str(caught.value)
