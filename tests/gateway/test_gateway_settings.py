from __future__ import annotations

import argparse
from pathlib import Path

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
        "--stun-url 'http://x': http://x must begin with one of stun:, stuns:",
        "--agent-latency 'normal(mean=1s)': normal() needs mean and sd, and is given mean",
        "--agent-turns 0: input should be greater than or equal to 1",
        "--turn-url turn:t: TURN needs the secret that it shares with the gateway, in LOADKIT_GATEWAY_TURN_SECRET",
    ]


def test_secrets_are_not_in_the_repr() -> None:
    assert "hush" not in repr(GatewaySettings(tokens=(SecretStr("hush"),), turn_secret=SecretStr("hush")))


def from_command_line(*arguments: str, **environment: str) -> GatewaySettings:
    parser = argparse.ArgumentParser()
    GatewaySettings.add_arguments(parser)
    return GatewaySettings.from_arguments(parser.parse_args(arguments), environment)


def secret_of(settings: GatewaySettings) -> str:
    assert settings.turn_secret is not None
    return settings.turn_secret.get_secret_value()


@pytest.mark.parametrize(
    ("text", "seconds"), [("24h", 86_400), ("10m", 600), ("90", 90), ("90s", 90), ("1h30m", 5400)]
)
def test_the_life_of_a_credential_is_a_duration(text: str, seconds: float) -> None:
    assert from_command_line("--turn-ttl", text).turn_ttl == seconds


def test_the_turn_secret_comes_by_environment_or_out_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("north\n")
    assert secret_of(from_command_line("--turn-secret", f"@{path}")) == "north"
    assert secret_of(from_command_line(LOADKIT_GATEWAY_TURN_SECRET=f"@{path}")) == "north"
    assert secret_of(from_command_line(LOADKIT_GATEWAY_TURN_SECRET="north")) == "north"


def test_a_turn_secret_that_cannot_be_used_is_told_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with pytest.raises(SettingsError) as caught:
        from_command_line("--turn-secret", f"@{path}")
    assert caught.value.faults == [
        f"--turn-secret ***: the file {path} cannot be read: No such file or directory"
    ]
    path.write_text("two\nlines")
    for given in (f"@{path}", " hush", "hu\nsh", ""):
        with pytest.raises(
            SettingsError, match=r"--turn-secret \*\*\*: it must be one line of text"
        ) as caught:
            from_command_line("--turn-secret", given)
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("0.0.0.0", "a TURN URL needs one address; give --host the one that callers use"),
        ("::", "a TURN URL needs one address; give --host the one that callers use"),
        ("8.8.8.8", "no relay is opened on a public address; see --turn-url"),
    ],
)
def test_a_turn_server_beside_is_on_one_address_that_is_not_public(host: str, fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        GatewaySettings(host=host, with_turn=True)
    assert caught.value.faults == [f"--with-turn with --host {host}: {fault}"]
