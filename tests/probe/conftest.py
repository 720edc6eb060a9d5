from __future__ import annotations

from collections.abc import Iterator

import pytest

from loadkit.gateway.embedded import EmbeddedGateway
from tests.probe.calling import TOKEN


@pytest.fixture(scope="session")
def gateway_url() -> Iterator[str]:
    """The reference gateway in a process of its own, which takes one token."""
    gateway = EmbeddedGateway()
    yield gateway.start([TOKEN])
    gateway.stop()
