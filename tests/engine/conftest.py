"""A gateway and an engine, both real processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadkit.call.destination import Destination
from loadkit.call.spec import CallSpec
from loadkit.engine.client import EngineClient
from loadkit.gateway.embedded import EmbeddedGateway
from loadkit.settings import Settings

SAMPLES = Path(__file__).resolve().parents[2] / "audio_samples"
SAMPLE = str(SAMPLES / "opening_hours.wav")
TOKEN = "engine-test-token"


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """URL of a reference gateway."""
    embedded = EmbeddedGateway()
    yield embedded.start([TOKEN])
    embedded.stop()


class Told:
    """What an engine told, with events to wait for."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.figures: list[dict[str, Any]] = []
        self.lost: list[EngineClient] = []
        self._changed = threading.Condition()

    def record(self, row: dict[str, Any]) -> None:
        with self._changed:
            self.records.append(row["call"])
            self._changed.notify_all()

    def figure(self, row: dict[str, Any]) -> None:
        with self._changed:
            self.figures.append(row)
            self._changed.notify_all()

    def gone(self, engine: EngineClient) -> None:
        with self._changed:
            self.lost.append(engine)
            self._changed.notify_all()

    def wait(self, condition: Any, timeout: float = 60.0) -> None:
        """Wait until a condition about what was told holds."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout), (self.records, self.figures, self.lost)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def engine(told: Told) -> Iterator[EngineClient]:
    """An engine that is not started yet; ended whatever the test left of it."""
    client = EngineClient("local.0", on_record=told.record, on_figures=told.figure, on_lost=told.gone)
    yield client
    client.stop()


def configuration(url: str, **changes: Any) -> dict[str, Any]:
    """What an engine is told for calls to this gateway."""
    return {
        "settings": {"auth_token": TOKEN},
        "destination": Destination.of(url, Settings()).to_message(),
        "samples": [SAMPLE],
        **changes,
    }


def echo_call() -> CallSpec:
    return CallSpec(intended=time.monotonic(), user="Caller#1", scenario="task", call_sid="sid", listen=False)
