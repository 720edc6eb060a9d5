"""The call of a process with itself."""

from __future__ import annotations

import logging

import pytest

from loadkit.transport import warm_up as module
from loadkit.transport.dtls import Certificate
from loadkit.transport.warm_up import warm_up
from tests.fakes import Footprint


async def test_it_connects_and_leaves_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LIMIT_S", 60.0)
    before = Footprint()
    with caplog.at_level(logging.INFO, "loadkit.transport.warm_up"):
        await warm_up(Certificate())
    assert caplog.records == []
    await before.assert_nothing_is_left()


async def test_a_machine_that_cannot_do_it_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # TEST-NET-3 (RFC 5737): no machine has it.
    monkeypatch.setattr(module, "_ADDRESS", "203.0.113.7")
    before = Footprint()
    with caplog.at_level(logging.INFO, "loadkit.transport.warm_up"):
        await warm_up(Certificate())
    assert "the first calls will be slower" in caplog.text
    await before.assert_nothing_is_left()
