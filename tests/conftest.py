"""Fixtures that tests of more than one package share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from altair.utils import schemapi
from hypothesis import HealthCheck, settings

import loadkit.reporters.chart_style  # noqa: F401 - which has it off
from loadkit.gateway.coturn import Coturn
from loadkit.gateway.self_signed import write_self_signed
from tests.longest_first import place_of

TURN_SECRET = "north"

# The same examples each time, however long a busy machine takes for one: what is left to chance is for ``make fuzz``.
settings.register_profile(
    "certain", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("certain")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long first; within a file tests keep their order."""
    items.sort(key=lambda item: place_of(item.nodeid))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Importing Locust patches threads for the whole process, and this one's runner with them: that takes a child."""
    if "locust" in sys.modules:
        raise pytest.UsageError("a test module imports locust: start it in a process of its own")
    # Each picture that a test draws is held against Vega-Lite's schema.
    schemapi.enable_debug_mode()


@dataclass(frozen=True)
class TurnServer:
    """A running coturn: UDP, TCP and TLS on 127.0.0.1."""

    coturn: Coturn
    secret: str
    authority: Path
    """PEM of the authority that its TLS certificate is verified by."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Its URLs: UDP, TCP, TLS."""
        return self.coturn.urls


@pytest.fixture(scope="session")
def turn_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnServer]:
    """A real TURN server; without one the test is left out, but not under CI."""
    if not Coturn.installed() and not os.environ.get("CI"):
        pytest.skip("coturn is not installed: apt-get install coturn")
    folder = tmp_path_factory.mktemp("coturn")
    certificate, key = write_self_signed(folder, ["127.0.0.1", "localhost"])
    coturn = Coturn(TURN_SECRET, certificate=(certificate, key))
    coturn.start()
    yield TurnServer(coturn, TURN_SECRET, certificate)
    coturn.stop()
