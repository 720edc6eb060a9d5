"""Names of modes."""

from __future__ import annotations

import pytest

from loadkit.signaling.modes import LEGACY_MODES, MODES, resolve_mode


def test_no_mode_is_end_to_end() -> None:
    assert resolve_mode(None) == "end-to-end"


@pytest.mark.parametrize("name", MODES)
def test_canonical_name_is_itself(name: str) -> None:
    assert resolve_mode(name) == name


def test_every_documented_legacy_name_resolves_to_a_canonical_one() -> None:
    assert set(LEGACY_MODES) == {"agent", "agent_v1", "agent_v2", "cascaded", "normal", "realtime"}
    assert {resolve_mode(name) for name in LEGACY_MODES} == {"end-to-end", "traditional"}


@pytest.mark.parametrize("name", ["", "Echo", "echo ", "psychic"])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="unknown mode"):
        resolve_mode(name)


def test_refusal_names_the_mode_and_the_choice() -> None:
    with pytest.raises(ValueError, match="unknown mode") as caught:
        resolve_mode("psychic")
    assert str(caught.value) == "unknown mode 'psychic'; known are end-to-end, traditional, echo"


def test_refusal_repeats_no_more_than_a_little_of_the_name() -> None:
    with pytest.raises(ValueError, match="unknown mode") as caught:
        resolve_mode("x" * 1_000_000)
    assert len(str(caught.value)) < 150
