"""Settings of a run: one field is one default, one option, one environment variable and one help text.

``auth_token`` is ``--auth-token`` and ``LOADKIT_AUTH_TOKEN``; :func:`flag` and :func:`env_var` say so for
every field. All faults are reported at once. A value with a rule of its own has its type in ``setting_values.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, model_validator

from loadkit.arrival_rates import RateSetting, Schedule, StagesSetting
from loadkit.distributions.grammar import parse_distribution
from loadkit.planned_marks import MarksSetting
from loadkit.setting_values import (
    AbortConditions,
    Arrivals,
    CollectorAddress,
    IcePath,
    IcePaths,
    IpAddresses,
    LiveView,
    MediaPath,
    MediaPathName,
    PresetName,
    RunId,
    Talk,
    Text,
    Thresholds,
)
from loadkit.settings_model import Seconds, SecondsOrOff, SettingsModel, option
from loadkit.thresholds.objectives import SEPARATOR

#: Where the shipped samples are.
SAMPLES_DIR = Path(__file__).resolve().parent.parent / "audio_samples"

#: Settings that say what a run is held against, and what a fit generator is; ``check`` takes them, too.
OF_THRESHOLDS = ("slo", "slo_file", "slo_preset", "slo_warm_up")
OF_FITNESS = ("limit_late_ms", "limit_loop_lag_ms", "limit_cpu_share")

_PAIR = "--artifact-version and --lambda-deployment-version go together: give both or neither"
_NO_JUDGE = (
    "--no-report leaves thresholds unjudged: leave out --slo, --slo-file and --slo-preset, and judge the run later by "
    "python -m loadkit check"
)
_NO_DRIFT_JUDGE = (
    "--fail-on-drift and --no-report exclude each other: drift is looked for where the report is made"
)
_WARM_UP_ALONE = (
    "--slo-warm-up leaves calls out of thresholds, and there are none: give --slo, --slo-file or --slo-preset"
)
_ONE_LOAD = "--arrival-rate and --stages both say when calls arrive: give one of them"
_NO_ARRIVALS = (
    "--max-concurrent drops arrivals and needs --arrival-rate or --stages; callers are limited by -u"
)


class Settings(SettingsModel):
    """Everything that can be set, with its default."""

    # The offer
    auth_token: SecretStr | None = option(
        None, "token for the gateway (connector token or Studio JWT); better given by environment"
    )
    call_mode: Text = option(
        "echo", "mode asked for: echo, end-to-end, traditional, or any other name, verbatim"
    )
    call_sid_prefix: Text = option("loadkit-", "what every callSid starts with; the rest is unique")
    caller: Text | None = option(None, "caller in the offer")
    callee: Text | None = option(None, "callee in the offer")
    account_id: Text | None = option(None, "accountId in the offer")
    project_id: Text | None = option(None, "projectId in the offer")
    variant_id: Text | None = option(None, "variantId in the offer")
    artifact_version: Text | None = option(
        None, "agentVersionOverride.artifactVersion; needs --lambda-deployment-version"
    )
    lambda_deployment_version: Text | None = option(
        None, "agentVersionOverride.lambdaDeploymentVersion; needs --artifact-version"
    )

    # The call
    sample: Text = option(
        "book_a_table.wav", "WAV that the caller speaks: a path, or a name in --samples-dir"
    )
    samples_dir: Path = option(SAMPLES_DIR, "folder of the samples")
    call_duration: Talk = option(
        parse_distribution("10"),
        "how long a call is talked, counted from when it is connected: 30, 30s, 2m, 1h30m, or drawn for each call: "
        "lognormal:60s,0.5 (median, sigma), exponential:90s (mean), uniform:10s,30s, normal:60s,10s",
    )
    agent_timeout: Seconds = option(
        15.0, "seconds to wait for the agent to say something before the call fails"
    )

    back_to_back: bool = option(
        False,
        "a caller's next call follows its last one at once, whatever wait_time the locustfile has, so that as many "
        "calls are in progress as there are callers",
    )

    # The network
    local_address: IpAddresses = option(
        (),
        "local IP address for candidates, TURN and signaling, or several, comma separated, that calls take in "
        "turn; chosen to suit the gateway when not given",
    )
    ice_path: IcePaths = option(
        (IcePath.ANY.value,),
        "path of the media: any, direct, relay-udp, relay-tcp or relay-tls, or several, comma separated, that "
        "calls take in turn",
    )
    tls_ca: Path | None = option(
        None, "PEM file of authorities to trust beside the machine's own, for wss, https and turns"
    )
    tls_insecure: bool = option(
        False, "do not verify certificates; whoever answers gets the token, and the report says so"
    )
    ice_servers_timeout: Seconds = option(5.0, "seconds for GET /api/v1/ice-servers")
    websocket_timeout: Seconds = option(10.0, "seconds for the WebSocket to open")
    answer_timeout: Seconds = option(15.0, "seconds from offer to answer")
    turn_timeout: Seconds = option(5.0, "seconds for a TURN server to give a relay")
    ice_timeout: Seconds = option(15.0, "seconds from answer to a selected candidate pair")
    dtls_timeout: Seconds = option(10.0, "seconds for the DTLS handshake")
    connect_timeout: Seconds = option(30.0, "seconds for the whole set-up")
    media_timeout: Seconds = option(10.0, "seconds without an RTP packet after which a call has failed")

    # The load
    arrival_rate: RateSetting | None = option(
        None,
        "calls that arrive, whatever becomes of those before: 5/s, 300/min, 1000/h; in place of -u and -r, and "
        "until -t is over",
    )
    stages: StagesSetting | None = option(
        None,
        "arrival rates one after the other: 60s:1/s,300s:10/s for steps, 60s:1/s..10/s or 60s:..10/s for a ramp; "
        "the run ends with the last",
    )
    arrivals: Arrivals = option(
        Arrivals.CONSTANT, "how arrivals keep to their rate: constant (at equal distances) or poisson"
    )
    seed: int | None = option(
        None,
        "number that makes arrivals and drawn durations the same in each run; drawn, and told, when not given",
        ge=0,
        lt=2**32,
    )
    max_concurrent: int | None = option(
        None, "calls in progress at once, in all workers; arrivals beyond that are dropped and counted", ge=1
    )
    max_call_minutes: float | None = option(
        None,
        "minutes of connected calls, of all workers together, after which no call starts, those in progress are "
        "ended and the run is over",
        gt=0,
        allow_inf_nan=False,
    )

    # The generator
    engines: int = option(
        0, "engine processes per Locust process; 0 shares the machine's cores out", ge=0, le=256
    )
    media_path: MediaPathName = option(
        MediaPath.AUTO.value,
        "what carries media: native (a compiled module), python, stock (aiortc's own sender and receiver, slow, to "
        "compare with), or auto: native where the module is there, python elsewhere",
    )
    limit_late_ms: float = option(
        10.0,
        "a fit generator sends 99 of 100 packets at most so many milliseconds late; 0 does not judge it",
        ge=0,
        le=5_000,
    )
    limit_loop_lag_ms: float = option(
        50.0,
        "the loops of a fit generator stand still for at most so many milliseconds in nine seconds out of ten; 0 "
        "does not judge it",
        ge=0,
        le=60_000,
    )
    limit_cpu_share: float = option(
        0.9,
        "an engine or Locust of a fit generator uses at most this share of a core in nine seconds out of ten; 0 does "
        "not judge it",
        ge=0,
        le=64,
    )
    stall_timeout: SecondsOrOff = option(
        15.0, "seconds that an engine may stand still before the run is ended; 0 never ends it"
    )
    master_timeout: Seconds = option(
        60.0, "seconds that a worker's master may be silent before the worker ends its calls and itself"
    )

    # What is good enough
    slo: Thresholds = option(
        (),
        "threshold that the run has to keep to, such as 'setup_ms p95 < 1500' or 'failed < 1% where mode = echo', "
        "see docs/thresholds.md; several are parted by ; or given by repeating the option",
        separator=SEPARATOR,
    )
    slo_file: Path | None = option(
        None, "TOML file of thresholds with names, a warm-up to leave out, minimum counts and a preset"
    )
    slo_preset: PresetName = option(
        None,
        "thresholds to begin with: smoke, typical or strict; --slo and --slo-file replace what they also say",
    )
    slo_warm_up: SecondsOrOff | None = option(
        None, "thresholds leave out calls that were meant to start in these first seconds of the run"
    )

    # The soak
    health_poll: SecondsOrOff = option(
        5.0,
        "seconds between two looks at the gateway's /health, for the sessions that it holds beside the calls that we "
        "hold; 0 never asks",
    )
    fail_on_drift: bool = option(
        False,
        "a measure that got worse over the run fails it; so does, as no data, a run too short to say",
    )

    # The comparison
    baseline: Path | None = option(
        None,
        "folder of an earlier run: this one is compared with it at its end, and fails when it is worse; see "
        "docs/compare.md",
    )

    # How a run begins and ends early
    abort_on: AbortConditions = option(
        (),
        "condition on which a hopeless run is ended early, with its report and as a failure: 'failed > 20% for 60s', "
        "'setup_ms p95 > 5000 for 2m', see docs/exit_codes.md; several as with --slo",
        separator=SEPARATOR,
    )
    no_preflight: bool = option(
        False,
        "do not look, before a run, whether anything answers at the gateway's address; for a gateway that comes up "
        "later, or that a master cannot reach",
    )

    # What is seen while it goes
    live: LiveView = option(
        LiveView.AUTO,
        "the run in the terminal while it goes: terminal, lines (of the log), off, or auto: without Locust's page "
        "terminal where there is one and lines elsewhere",
    )
    mark: MarksSetting = option(
        (),
        "a mark that pictures show, so long after the start of the run: 600s:failover, 10m:back again",
        separator="\n",
    )

    # Metrics while it runs
    prometheus_port: int | None = option(
        None, "port of a page with metrics for Prometheus, /metrics; 0 takes a free one", ge=0, le=65_535
    )
    prometheus_host: Text = option(
        "127.0.0.1", "address that this page listens at; 0.0.0.0 lets everybody read it"
    )
    otlp_endpoint: CollectorAddress = option(
        None,
        "OpenTelemetry collector that metrics are sent to by OTLP over HTTP, such as http://127.0.0.1:4318; headers "
        "and the like by OpenTelemetry's own OTEL_… variables",
    )

    # The run
    reports_dir: Path = option(Path("reports"), "folder that gets a folder per run")
    run_id: RunId = option(None, "name of the run's folder; date and time when not given")
    no_report: bool = option(
        False,
        "keep the records and make no report, which python -m loadkit report makes later; the exit code then says "
        "nothing of the generator",
    )

    @model_validator(mode="after")
    def _pairs(self) -> Settings:
        for fault in self.faults_of_pairs(self.model_dump(exclude_none=True)):
            raise ValueError(fault)
        return self

    @classmethod
    def faults_of_pairs(cls, values: Mapping[str, Any]) -> list[str]:
        """What two settings together make wrong."""
        faults = []
        if ("artifact_version" in values) != ("lambda_deployment_version" in values):
            faults.append(_PAIR)
        if "arrival_rate" in values and "stages" in values:
            faults.append(_ONE_LOAD)
        if "max_concurrent" in values and not {"arrival_rate", "stages"} & set(values):
            faults.append(_NO_ARRIVALS)
        asked = any(values.get(name) for name in OF_THRESHOLDS if name != "slo_warm_up")
        if values.get("no_report") and asked:
            faults.append(_NO_JUDGE)
        if values.get("no_report") and values.get("fail_on_drift"):
            faults.append(_NO_DRIFT_JUDGE)
        if values.get("slo_warm_up") is not None and not asked:
            faults.append(_WARM_UP_ALONE)
        return faults

    @property
    def schedule(self) -> Schedule | None:
        """When calls arrive; None when users place them."""
        return self.arrival_rate or self.stages

    def public(self) -> dict[str, Any]:
        """The settings for records and reports: plain values, secrets masked, lists as they are given."""
        values = self.model_dump(mode="json")
        return {
            key: self.separator(key).join(value) if isinstance(value, list) else value
            for key, value in values.items()
        }

    def token(self) -> str:
        """The secret itself; empty when none was given."""
        return self.auth_token.get_secret_value() if self.auth_token else ""


flag, env_var, is_secret = Settings.flag, Settings.env_var, Settings.is_secret


def make_settings(values: Mapping[str, Any]) -> Settings:
    """Settings out of raw values, as from options; ``None`` and ``''`` mean *not given*.

    :raises SettingsError: with every fault, each naming its option and what was given; secrets never.
    """
    return Settings(**{name: value for name, value in values.items() if value is not None and value != ""})
