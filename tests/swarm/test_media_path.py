"""A run without the compiled module says so, unless that was asked for."""

from __future__ import annotations

import logging

import pytest

from loadkit.settings import make_settings
from loadkit.swarm.media_path import tell_media_path

MISSING = "the compiled module was not built: python -m loadkit.native builds it"


@pytest.mark.parametrize(
    ("asked", "reason", "told"),
    [
        ("auto", MISSING, [f"media goes through Python, which holds fewer calls: {MISSING}"]),
        ("auto", None, []),
        ("python", MISSING, []),
    ],
)
def test_a_missing_module_is_told_where_it_would_have_been_taken(
    asked: str,
    reason: str | None,
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("loadkit.swarm.media_path.why_not_built", lambda: reason)
    with caplog.at_level(logging.INFO, logger="loadkit.swarm.media_path"):
        tell_media_path(make_settings({"media_path": asked}))
    assert caplog.messages == told
