from __future__ import annotations

import pytest

from loadkit.errors import SettingsError
from loadkit.gateway.settings import GatewaySettings


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        GatewaySettings(port=70_000, agent_delay=0.2, agent_turns=0, ice_servers=("http://x", "turn:t"))
    assert caught.value.faults == [
        "--port 70000: a port lies between 0 and 65535",
        "--agent-delay 0.2: must be at least 0.5 s, the silence that ends the caller's turn",
        "--agent-turns 0: must be at least 1",
        "--ice-server http://x: must begin with one of stun:, stuns:, turn:, turns:",
        "--ice-server turn:t: TURN needs its secret in LOADKIT_TURN_SECRET",
    ]


def test_secrets_are_not_in_the_repr() -> None:
    assert "hush" not in repr(GatewaySettings(tokens=("hush",), turn_secret="hush"))
