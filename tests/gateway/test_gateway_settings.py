from __future__ import annotations

import pytest
from pydantic import SecretStr

from loadkit.errors import SettingsError
from loadkit.gateway.settings import GatewaySettings


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        GatewaySettings(
            port=70_000,
            agent_latency="normal(mean=1s)",  # type: ignore[arg-type] # text, as an option is
            agent_turns=0,
            stun_urls=("http://x",),
            turn_urls=("turn:t",),
        )
    assert caught.value.faults == [
        "--port 70000: input should be less than or equal to 65535",
        "--stun-url ('http://x',): http://x must begin with one of stun:, stuns:",
        "--agent-latency 'normal(mean=1s)': normal() needs mean and sd, and is given mean",
        "--agent-turns 0: input should be greater than or equal to 1",
        "--turn-url turn:t: TURN needs the secret that it shares with the gateway, in LOADKIT_GATEWAY_TURN_SECRET",
    ]


def test_secrets_are_not_in_the_repr() -> None:
    assert "hush" not in repr(GatewaySettings(tokens=(SecretStr("hush"),), turn_secret=SecretStr("hush")))
