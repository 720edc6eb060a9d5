"""What can be set at the gateway: one field is one default, one option, one environment variable, one help text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from loadkit.gateway.latency import LatencySetting, parse_latency
from loadkit.settings_model import Seconds, SettingsModel, option, parse_duration

#: The reference agent's recordings.
SPEECH_FOLDER = Path(__file__).parent / "speech"

#: Seconds that may be 0, given as a number or as a duration.
SecondsOrNone = Annotated[
    float,
    BeforeValidator(lambda value: parse_duration(value) if isinstance(value, str) else value),
    Field(ge=0, le=86_400),
]

_STUN_SCHEMES = ("stun:", "stuns:")
_TURN_SCHEMES = ("turn:", "turns:")


class GatewaySettings(SettingsModel):
    """Settings of one gateway; times in seconds.

    :raises SettingsError: one or more values cannot be used.
    """

    env_prefix: ClassVar[str] = "LOADKIT_GATEWAY_"

    # Where it listens. Loopback unless the user names another: the gateway is made for practice.
    host: str = option("127.0.0.1", "address to listen on")
    port: int = option(0, "port; 0 for a free one", ge=0, le=65535)

    # Who may call
    tokens: tuple[SecretStr, ...] = option(
        (),
        "accepted token, better given by environment; with none, every token that is not empty is accepted",
        flag="--token",
    )
    production: bool = option(False, "refuse echo, as production gateways do")

    # Bounds
    max_sessions: int = option(1000, "sessions held at most; one more offer is refused", ge=1)
    max_message_bytes: int = option(
        256 * 1024,
        "longest message that is read; one eight times as long closes its socket (1009)",
        ge=1024,
    )
    reconnect_grace: Seconds = option(10.0, "a session without a socket ends after this time")
    connect_timeout: Seconds = option(30.0, "for ICE and DTLS together")
    media_timeout: Seconds = option(30.0, "a session without a packet from the caller ends after this time")
    max_duration: Seconds = option(3600.0, "a session ends after this time, whatever happens in it")

    # ICE servers that callers are told of
    stun_urls: tuple[str, ...] = option((), "STUN URL to tell callers of", flag="--stun-url")
    turn_urls: tuple[str, ...] = option(
        (), "TURN URL to tell callers of, with fresh credentials", flag="--turn-url"
    )
    turn_secret: SecretStr | None = option(
        None,
        "shared with the TURN servers (coturn: static-auth-secret); better given by environment, which other"
        " users of the machine cannot see",
    )
    turn_ttl: Seconds = option(86_400.0, "life of a TURN credential")

    # The agent
    agent: str | None = option(
        None,
        "an agent of your own: module:Name or file.py:Name, see docs/agents.md; the built-in one without",
    )
    agent_latency: LatencySetting = option(
        parse_latency("lognormal(p50=250ms, p95=600ms)"),
        "how long the agent thinks in end-to-end, counted from the end of the caller's turn (--end-of-turn after"
        " the last speech): 600ms, lognormal(p50=…, p95=…), normal(mean=…, sd=…) or uniform(min=…, max=…)",
    )
    asr_latency: LatencySetting = option(
        parse_latency("lognormal(p50=80ms, p95=150ms)"),
        "in traditional: speech recognition, as --agent-latency",
    )
    llm_latency: LatencySetting = option(
        parse_latency("lognormal(p50=200ms, p95=500ms)"), "in traditional: the language model, after it"
    )
    tts_latency: LatencySetting = option(
        parse_latency("lognormal(p50=80ms, p95=150ms)"), "in traditional: speech synthesis, after that"
    )
    agent_seed: int | None = option(
        None,
        "the same seed draws the same latencies, call by call in their order; a new one each time without",
        ge=0,
    )
    agent_turns: int | None = option(None, "say goodbye and hang up after so many answers", ge=1)
    end_of_turn: Seconds = option(0.5, "so much silence ends the caller's turn")
    greeting_delay: SecondsOrNone = option(0.2, "seconds from the connection to the greeting")
    barge_in_after: SecondsOrNone = option(
        0.2, "the agent falls silent when the caller has talked into its speech for so long; 0.06 at least"
    )
    no_barge_in: bool = option(False, "the agent cannot be interrupted")
    speech_folder: Path = option(
        SPEECH_FOLDER, "where the agent's recordings are: greeting.wav, answer_*.wav, goodbye.wav"
    )

    # What it tells
    events: Path | None = option(
        None, "file to append to: what happened in each call and when, one JSON object per line"
    )

    @field_validator("tokens")
    @classmethod
    def _not_empty(cls, tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(not token.get_secret_value().strip() for token in tokens):
            raise ValueError("a token must not be empty")
        return tokens

    @field_validator("stun_urls")
    @classmethod
    def _stun(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return _beginning_with(urls, _STUN_SCHEMES)

    @field_validator("turn_urls")
    @classmethod
    def _turn(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return _beginning_with(urls, _TURN_SCHEMES)

    @model_validator(mode="after")
    def _pairs(self) -> GatewaySettings:
        for fault in self.faults_of_pairs(self.model_dump()):
            raise ValueError(fault)
        return self

    @classmethod
    def faults_of_pairs(cls, values: Mapping[str, Any]) -> list[str]:
        """What two settings together make wrong."""
        faults = []
        if values.get("turn_urls") and not values.get("turn_secret"):
            faults.append(
                f"--turn-url {values['turn_urls'][0]}: TURN needs the secret that it shares with the gateway,"
                f" in {cls.env_var('turn_secret')}"
            )
        return faults


def _beginning_with(urls: tuple[str, ...], schemes: tuple[str, ...]) -> tuple[str, ...]:
    for url in urls:
        if not url.lower().startswith(schemes):
            raise ValueError(f"{url} must begin with one of {', '.join(schemes)}")
    return urls
