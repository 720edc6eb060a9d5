"""Settings of a run: one field is one default, one option, one environment variable and one help text.

``auth_token`` is ``--auth-token`` and ``LOADKIT_AUTH_TOKEN``; :func:`flag` and :func:`env_var` say so for
every field. All faults are reported at once.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from loadkit.errors import SettingsError

#: Where the shipped samples are.
SAMPLES_DIR = Path(__file__).resolve().parent.parent / "audio_samples"

_Text = Annotated[str, Field(max_length=256)]
_PAIR = "--artifact-version and --lambda-deployment-version go together: give both or neither"
_DURATION = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?$")


def parse_duration(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``1.5s``, ``2m``, ``1h30m``.

    :raises ValueError: it is none of these.
    """
    match = _DURATION.match(text.strip())
    if not text.strip() or match is None:
        raise ValueError(f"{text!r} is not a duration; write 30, 30s, 2m or 1h30m")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)


_Seconds = Annotated[
    float,
    BeforeValidator(lambda value: parse_duration(value) if isinstance(value, str) else value),
    Field(gt=0, le=86_400),
]


class Settings(BaseModel):
    """Everything that can be set, with its default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # The offer
    auth_token: SecretStr | None = Field(
        None, description="token for the gateway (connector token or Studio JWT); better given by environment"
    )
    call_mode: _Text = Field(
        "echo", description="mode asked for: echo, end-to-end, traditional, or any other name, verbatim"
    )
    call_sid_prefix: _Text = Field(
        "loadkit-", description="what every callSid starts with; the rest is unique"
    )
    caller: _Text | None = Field(None, description="caller in the offer")
    callee: _Text | None = Field(None, description="callee in the offer")
    account_id: _Text | None = Field(None, description="accountId in the offer")
    project_id: _Text | None = Field(None, description="projectId in the offer")
    variant_id: _Text | None = Field(None, description="variantId in the offer")
    artifact_version: _Text | None = Field(
        None, description="agentVersionOverride.artifactVersion; needs --lambda-deployment-version"
    )
    lambda_deployment_version: _Text | None = Field(
        None, description="agentVersionOverride.lambdaDeploymentVersion; needs --artifact-version"
    )

    # The call
    sample: _Text = Field(
        "book_a_table.wav", description="WAV that the caller speaks: a path, or a name in --samples-dir"
    )
    samples_dir: Path = Field(SAMPLES_DIR, description="folder of the samples")
    call_duration: _Seconds = Field(
        10.0, description="how long a call is talked, counted from when it is connected: 30, 30s, 2m, 1h30m"
    )
    agent_timeout: _Seconds = Field(
        15.0, description="seconds to wait for the agent to say something before the call fails"
    )

    # The network
    local_address: _Text | None = Field(
        None,
        description="local address for candidates and signaling; chosen to suit the gateway when not given",
    )
    ice_servers_timeout: _Seconds = Field(5.0, description="seconds for GET /api/v1/ice-servers")
    websocket_timeout: _Seconds = Field(10.0, description="seconds for the WebSocket to open")
    answer_timeout: _Seconds = Field(15.0, description="seconds from offer to answer")
    ice_timeout: _Seconds = Field(15.0, description="seconds from answer to a selected candidate pair")
    dtls_timeout: _Seconds = Field(10.0, description="seconds for the DTLS handshake")
    connect_timeout: _Seconds = Field(30.0, description="seconds for the whole set-up")
    media_timeout: _Seconds = Field(
        10.0, description="seconds without an RTP packet after which a call has failed"
    )

    # The generator
    engines: int = Field(
        0, ge=0, le=256, description="engine processes per Locust process; 0 shares the machine's cores out"
    )

    # The run
    reports_dir: Path = Field(Path("reports"), description="folder that gets a folder per run")
    run_id: _Text | None = Field(None, description="name of the run's folder; date and time when not given")

    @field_validator("run_id")
    @classmethod
    def _plain_run_id(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
            raise ValueError(
                "use letters, digits, '.', '_' and '-' only, up to 100, the first a letter or digit"
            )
        return value

    @field_validator("local_address")
    @classmethod
    def _ip_address(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ipaddress.ip_address(value)
            except ValueError:
                raise ValueError("it is not an IP address") from None
        return value

    @model_validator(mode="after")
    def _both_or_neither(self) -> Settings:
        if (self.artifact_version is None) != (self.lambda_deployment_version is None):
            raise ValueError(_PAIR)
        return self

    def public(self) -> dict[str, Any]:
        """The settings for records and reports: plain values, secrets masked."""
        return self.model_dump(mode="json")

    def token(self) -> str:
        """The secret itself; empty when none was given."""
        return self.auth_token.get_secret_value() if self.auth_token else ""


def flag(name: str) -> str:
    """Command-line option of a field."""
    return "--" + name.replace("_", "-")


def env_var(name: str) -> str:
    """Environment variable of a field."""
    return "LOADKIT_" + name.upper()


def is_secret(name: str) -> bool:
    """Whether a field must be masked wherever it is shown."""
    return "SecretStr" in str(Settings.model_fields[name].annotation)


def make_settings(values: dict[str, Any]) -> Settings:
    """Settings out of raw values, as from options; ``None`` and ``''`` mean *not given*.

    :raises SettingsError: with every fault, each naming its option and what was given; secrets never.
    """
    given = {name: value for name, value in values.items() if value is not None and value != ""}
    try:
        return Settings(**given)
    except ValidationError as exc:
        faults = [_sentence(error, given) for error in exc.errors()]
        # Pydantic looks at pairs only when every single setting is right.
        if ("artifact_version" in given) != ("lambda_deployment_version" in given) and _PAIR not in faults:
            faults.append(_PAIR)
        raise SettingsError(faults) from None


def _sentence(error: Any, given: dict[str, Any]) -> str:
    reason = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return reason
    name = str(error["loc"][0])
    if name not in Settings.model_fields:
        return f"{name}: there is no such setting"
    shown = "***" if is_secret(name) else repr(given.get(name))
    return f"{flag(name)} {shown}: {reason[0].lower()}{reason[1:]}"
