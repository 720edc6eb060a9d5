"""What can be set at the gateway: one field is one default, one option, one environment variable, one help text."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from loadkit.distributions.grammar import DistributionSetting, parse_distribution
from loadkit.errors import SettingsError
from loadkit.gateway.faults.grammar import read_faults
from loadkit.gateway.faults.kinds import Fault
from loadkit.gateway.ice_urls import STUN_SCHEMES, TURN_SCHEMES, check_ice_url
from loadkit.settings_model import Seconds, SettingsModel, option, parse_duration

#: The reference agent's recordings.
SPEECH_FOLDER = Path(__file__).parent / "speech"

#: Seconds that may be 0, given as a number or as a duration.
SecondsOrNone = Annotated[
    float,
    BeforeValidator(lambda value: parse_duration(value) if isinstance(value, str) else value),
    Field(ge=0, le=86_400),
]


class GatewaySettings(SettingsModel):
    """Settings of one gateway; times in seconds.

    :raises SettingsError: one or more values cannot be used.
    """

    env_prefix: ClassVar[str] = "LOADKIT_GATEWAY_"

    # Where it listens. Loopback unless the user names another: the gateway is made for practice.
    host: str = option("127.0.0.1", "address to listen on")
    port: int = option(0, "port; 0 for a free one", ge=0, le=65535)

    # TLS: wss and https in place of ws and http
    tls: Literal["self-signed"] | None = option(
        None, "self-signed: make a certificate for this run; clients are given it with --tls-ca"
    )
    tls_folder: Path | None = option(
        None, "folder for the certificate that is made, kept; a temporary one when not given"
    )
    tls_cert: Path | None = option(None, "PEM file of the gateway's certificate and chain; needs --tls-key")
    tls_key: Path | None = option(None, "PEM file of its private key, not encrypted; needs --tls-cert")

    # Who may call
    tokens: tuple[SecretStr, ...] = option(
        (),
        "accepted token, better given by environment; with none, every token that is not empty is accepted",
        flag="--token",
    )
    production: bool = option(False, "refuse echo, as production gateways do")

    # Bounds
    max_sessions: int = option(1000, "sessions held at most; one more offer is refused", ge=1)
    max_sessions_per_token: int | None = option(
        None, "sessions held at most for one token; no bound of its own when not given", ge=1
    )
    max_message_bytes: int = option(
        256 * 1024,
        "longest message that is read; one eight times as long, 2 MiB at least, closes its socket (1009)",
        ge=1024,
    )
    max_messages_per_second: int = option(
        200,
        "messages read at most from one socket; more are refused, ten times as many close it (1008)",
        ge=1,
    )
    max_candidates: int = option(100, "ICE candidates taken at most from one caller", ge=1)
    offer_timeout: Seconds = option(60.0, "a socket without a session is closed after this time (1008)")
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
        "shared with the TURN servers (coturn: static-auth-secret); @FILE reads it from a file, which, like"
        " the environment, is not in the process list",
    )
    turn_ttl: Seconds = option(86_400.0, "life of a TURN credential: 90, 10m, 24h")

    # A TURN server of its own
    with_turn: bool = option(
        False, "start coturn beside the gateway, on the address of --host, and tell callers of it"
    )
    turn_port: int = option(0, "port of that coturn for UDP and TCP; 0 for a free one", ge=0, le=65535)
    turn_tls_port: int = option(
        0, "port of that coturn for TLS, 443 where it may be bound; 0 for a free one", ge=0, le=65535
    )

    # The agent
    agent: str | None = option(
        None,
        "an agent of your own: module:Name or file.py:Name, see docs/agents.md; the built-in one without",
    )
    agent_latency: DistributionSetting = option(
        parse_distribution("lognormal(p50=250ms, p95=600ms)"),
        "how long the agent thinks in end-to-end, counted from the end of the caller's turn (--end-of-turn after"
        " the last speech): 600ms, lognormal(p50=…, p95=…), normal(mean=…, sd=…) or uniform(min=…, max=…)",
    )
    asr_latency: DistributionSetting = option(
        parse_distribution("lognormal(p50=80ms, p95=150ms)"),
        "in traditional: speech recognition, as --agent-latency",
    )
    llm_latency: DistributionSetting = option(
        parse_distribution("lognormal(p50=200ms, p95=500ms)"), "in traditional: the language model, after it"
    )
    tts_latency: DistributionSetting = option(
        parse_distribution("lognormal(p50=80ms, p95=150ms)"), "in traditional: speech synthesis, after that"
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

    media_path: Literal["auto", "python"] = option(
        "auto",
        "what echoes packets: python, or auto, a compiled module where it was built, see docs/native.md",
    )

    # Faults on demand
    faults: Path | None = option(None, "TOML file of faults on demand, see docs/faults.md")
    fault: tuple[str, ...] = option((), "a fault on demand: 'kind key=value …', see docs/faults.md")
    fault_seed: int = option(1, "the same seed gives the same faults to the same calls")

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
        return tuple(check_ice_url(url, STUN_SCHEMES) for url in urls)

    @field_validator("turn_urls")
    @classmethod
    def _turn(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(check_ice_url(url, TURN_SCHEMES) for url in urls)

    @field_validator("turn_secret", mode="before")
    @classmethod
    def _secret_of_file(cls, value: object) -> object:
        if not isinstance(value, str) or not value.startswith("@"):
            return value
        try:
            return Path(value[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            reason = os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else "it is not text"
            raise ValueError(f"the file {value[1:]} cannot be read: {reason}") from None

    @field_validator("turn_secret")
    @classmethod
    def _one_line(cls, secret: SecretStr | None) -> SecretStr | None:
        text = "-" if secret is None else secret.get_secret_value()
        if not text or text != text.strip() or not text.isprintable():
            raise ValueError("it must be one line of text, not empty, without spaces around it")
        return secret

    @model_validator(mode="after")
    def _pairs(self) -> GatewaySettings:
        for fault in self.faults_of_pairs(self.model_dump()):
            raise ValueError(fault)
        return self

    @classmethod
    def faults_of_pairs(cls, values: Mapping[str, Any]) -> list[str]:
        """What two settings together make wrong."""
        faults = _tls_faults(values)
        if values.get("turn_urls") and not values.get("turn_secret"):
            faults.append(
                f"--turn-url {values['turn_urls'][0]}: TURN needs the secret that it shares with the gateway,"
                f" in {cls.env_var('turn_secret')}"
            )
        faults += _turn_faults(values)
        return faults + cls._read_faults(values)[1]

    @classmethod
    def _read_faults(cls, values: Mapping[str, Any]) -> tuple[list[Fault], list[str]]:
        path, texts = values.get("faults"), values.get("fault")
        # Of raw values, too, which may be of any type when another sentence says so already.
        path = Path(path) if isinstance(path, (str, Path)) else None
        return read_faults(path, [str(text) for text in texts] if isinstance(texts, (tuple, list)) else [])

    def faults_on_demand(self) -> list[Fault]:
        """The faults of the file and of the options.

        :raises SettingsError: the file is no longer what it was when the settings were made.
        """
        faults, mistakes = self._read_faults({"faults": self.faults, "fault": self.fault})
        if mistakes:
            raise SettingsError(mistakes)
        return faults


def _tls_faults(values: Mapping[str, Any]) -> list[str]:
    certificate, key = values.get("tls_cert"), values.get("tls_key")
    if (certificate is None) != (key is None):
        return ["--tls-cert and --tls-key go together: give both or neither"]
    if certificate is not None and values.get("tls") is not None:
        return ["--tls self-signed and --tls-cert: give one of them"]
    made = values.get("tls") is not None or (values.get("with_turn") and certificate is None)
    if values.get("tls_folder") is not None and not made:
        return ["--tls-folder: no certificate is made; give --tls self-signed, too"]
    return []


def _turn_faults(values: Mapping[str, Any]) -> list[str]:
    if not values.get("with_turn"):
        return []
    host = str(values.get("host", "127.0.0.1"))
    if host in ("0.0.0.0", "::"):
        return [
            f"--with-turn with --host {host}: a TURN URL needs one address; give --host the one that callers use"
        ]
    try:
        public = ipaddress.ip_address(host).is_global
    except ValueError:
        return []
    if public:
        return [f"--with-turn with --host {host}: no relay is opened on a public address; see --turn-url"]
    return []
