"""When a run is hopeless: the grammar."""

from __future__ import annotations

import pytest

from loadkit.errors import SettingsError
from loadkit.settings import make_settings
from loadkit.thresholds.abort import parse_condition
from loadkit.thresholds.grammar import ThresholdError


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("failed > 20% for 60s", "failed > 20% for 60s"),
        ("failed(ICE_TIMEOUT)>=0.5 for 2m", "failed(ICE_TIMEOUT) >= 50% for 120s"),
        ("  setup_ms p95 > 5s for   1h ", "setup_ms p95 > 5000 ms for 3600s"),
        ("failed count > 100 for 90", "failed count > 100 for 90s"),
        (
            "failed > 5% where scenario = 'wait for 9s' for 10s",
            "failed > 5% where scenario = 'wait for 9s' for 10s",
        ),
    ],
)
def test_a_condition_is_a_threshold_and_a_duration(text: str, understood: str) -> None:
    condition = parse_condition(text)
    assert str(condition) == understood
    assert parse_condition(str(condition)) == condition


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("failed > 20%", 13, "write 'for 60s' after it"),
        ("failed > 20% for", 17, "'' is no duration"),
        ("failed > 20% for ever", 18, "'ever' is no duration"),
        ("failed > 20% for 0s", 18, "1 s to 1 h long"),
        ("failed > 20% for 2h", 18, "1 s to 1 h long"),
        ("setup p95 > 1 for 60s", 1, "did you mean setup_ms"),
        ("failed > 120% for 60s", 10, "a share lies between"),
        ("for 60s", 1, "a measure is missing"),
        ("", 1, "a measure is missing"),
    ],
)
def test_a_fault_is_named_with_its_position(text: str, position: int, words: str) -> None:
    with pytest.raises(ThresholdError) as refused:
        parse_condition(text)
    assert (refused.value.text, refused.value.position) == (text, position)
    assert words in refused.value.reason


def test_settings_take_several_in_their_normal_form_and_name_the_place_of_a_fault() -> None:
    settings = make_settings({"abort_on": "failed>20% for 1m; setup_ms p95 > 5s for 2m"})
    assert settings.abort_on == ("failed > 20% for 60s", "setup_ms p95 > 5000 ms for 120s")
    with pytest.raises(SettingsError) as refused:
        make_settings({"abort_on": "failed > 20% for 1m; failed > 20%"})
    (fault,) = refused.value.faults
    assert fault.startswith("--abort-on 'failed > 20%': at character 13: ")
