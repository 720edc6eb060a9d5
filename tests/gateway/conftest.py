from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from loadkit.gateway.agent import AgentFactory
from loadkit.gateway.app import Gateway
from loadkit.gateway.settings import GatewaySettings

from .callers import all_gone

StartGateway = Callable[..., Awaitable[Gateway]]


@pytest.fixture
async def start_gateway() -> AsyncIterator[StartGateway]:
    """Starts a gateway with the settings it is given, in the test's own loop."""
    started: list[Gateway] = []

    async def start(make_agent: AgentFactory | None = None, **settings: Any) -> Gateway:
        gateway = Gateway(GatewaySettings(**settings), make_agent)
        started.append(gateway)
        await gateway.start()
        return gateway

    yield start
    for gateway in started:
        await gateway.close()
        await all_gone(gateway)


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    """A gateway with the default settings."""
    return await start_gateway()
