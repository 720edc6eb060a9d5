"""Settings: one field is one default, one option, one variable; every fault at once; no secret shown."""

from __future__ import annotations

import argparse

import pytest

from loadkit.errors import ExitCode, SettingsError
from loadkit.settings import Settings, env_var, flag, is_secret, make_settings
from loadkit.settings_model import parse_duration

TOKEN = "token-that-nobody-may-see"


def faults_of(**values: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        make_settings(values)
    assert caught.value.exit_code is ExitCode.BAD_SETTINGS
    assert all(fault in str(caught.value) for fault in caught.value.faults)
    return caught.value.faults


def test_defaults_are_good_settings() -> None:
    settings = make_settings({})
    assert settings == Settings.model_validate({})
    assert settings.call_mode == "echo"
    assert settings.token() == ""
    assert settings.auth_token is None


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_field_has_an_option_a_variable_and_a_help_text(name: str) -> None:
    assert flag(name) == "--" + name.replace("_", "-")
    assert env_var(name) == "LOADKIT_" + name.upper()
    assert Settings.model_fields[name].description
    assert not Settings.model_fields[name].is_required()


def test_nothing_and_empty_text_mean_not_given() -> None:
    assert make_settings({"caller": None, "sample": "", "call_duration": ""}) == make_settings({})


def test_every_fault_is_told_at_once_with_its_option() -> None:
    faults = faults_of(
        call_duration="soon",
        engines=-1,
        run_id="../etc",
        answer_timeout="0",
        caller="x" * 300,
        artifact_version="7",
        no_such_thing="value",
    )
    assert len(faults) == 7
    text = "; ".join(faults)
    for option in (
        "--call-duration",
        "--engines",
        "--run-id",
        "--answer-timeout",
        "--caller",
        "no_such_thing",
    ):
        assert option in text
    assert "--artifact-version and --lambda-deployment-version go together: give both or neither" in faults
    assert "--call-duration 'soon': 'soon' is not a duration; write 30, 30s, 250ms, 2m or 1h30m" in faults


def test_one_fault_is_one_sentence() -> None:
    with pytest.raises(SettingsError) as caught:
        make_settings({"engines": 1000})
    assert str(caught.value) == (
        "a setting cannot be used: --engines 1000: input should be less than or equal to 256"
    )


@pytest.mark.parametrize("half", ["artifact_version", "lambda_deployment_version"])
def test_half_an_agent_version_is_refused(half: str) -> None:
    assert faults_of(**{half: "7"}) == [
        "--artifact-version and --lambda-deployment-version go together: give both or neither"
    ]
    assert make_settings({"artifact_version": "7", "lambda_deployment_version": "8"}).artifact_version == "7"


# Secrets


def test_token_is_the_only_secret() -> None:
    assert [name for name in Settings.model_fields if is_secret(name)] == ["auth_token"]


def test_token_is_shown_nowhere_but_where_it_is_asked_for() -> None:
    settings = make_settings({"auth_token": TOKEN})
    assert settings.token() == TOKEN
    for shown in (repr(settings), str(settings), str(settings.public()), settings.model_dump_json()):
        assert TOKEN not in shown
    assert settings.public()["auth_token"]


@pytest.mark.parametrize("token", [12345678, [TOKEN], {"token": TOKEN}])
def test_token_of_the_wrong_kind_is_refused_without_being_shown(token: object) -> None:
    (fault,) = faults_of(auth_token=token)
    assert fault.startswith("--auth-token ***: ")
    assert TOKEN not in fault and "12345678" not in fault


def test_public_settings_are_plain_values() -> None:
    public = make_settings({"auth_token": TOKEN, "reports_dir": "out"}).public()
    assert set(public) == set(Settings.model_fields)
    assert all(value is None or isinstance(value, str | int | float) for value in public.values())
    assert public["reports_dir"] == "out"


# Durations and names


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("30s", 30),
        ("1.5s", 1.5),
        ("2m", 120),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1h2m3s", 3723),
        ("2m5", 125),
        (" 90 ", 90),
    ],
)
def test_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert make_settings({"call_duration": text}).call_duration.mean == seconds


@pytest.mark.parametrize("text", ["", "  ", "s", "1d", "-5", "1m1h", "1.5m", "inf", "nan", "ten", "1 0"])
def test_text_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write 30, 30s, 250ms, 2m or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize("value", ["0", "0s", "25h", 0, -1, float("nan"), float("inf")])
def test_duration_must_be_more_than_nothing_and_less_than_a_day(value: object) -> None:
    assert faults_of(call_duration=value)[0].startswith("--call-duration ")


@pytest.mark.parametrize("run_id", ["a", "2026-01-01_12.00", "A" * 100])
def test_run_id_is_a_plain_name(run_id: str) -> None:
    assert make_settings({"run_id": run_id}).run_id == run_id


@pytest.mark.parametrize("run_id", ["..", ".hidden", "a/b", "a\n", "A" * 101, "ü", "-x", "a b"])
def test_run_id_that_is_no_folder_name_is_refused(run_id: str) -> None:
    (fault,) = faults_of(run_id=run_id)
    assert fault.startswith("--run-id ")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        make_settings({}).engines = 3


# Lists


@pytest.mark.parametrize(
    "given", ["any,relay-tls", " any , relay-tls,", ["any", "relay-tls"], ("any,relay-tls",)]
)
def test_list_is_given_comma_separated_or_again_and_again(given: object) -> None:
    settings = make_settings({"ice_path": given})
    assert settings.ice_path == ("any", "relay-tls")
    assert settings.public()["ice_path"] == "any,relay-tls"
    assert make_settings(settings.public()).ice_path == settings.ice_path


def test_path_that_is_none_is_refused_with_those_that_are_known() -> None:
    assert faults_of(ice_path="any,realy-udp") == [
        "--ice-path 'any,realy-udp': there is no path 'realy-udp'; there are any, direct, relay-udp, relay-tcp, "
        "relay-tls"
    ]
    assert faults_of(ice_path=",")[0].startswith("--ice-path ',': no path is named; there are any, ")


def test_local_address_that_is_none_is_named() -> None:
    assert faults_of(local_address="127.0.0.1,eth0") == [
        "--local-address '127.0.0.1,eth0': 'eth0' is not an IP address"
    ]
    assert make_settings({"local_address": "127.0.0.2,::1"}).local_address == ("127.0.0.2", "::1")
    assert make_settings({}).local_address == ()


def test_a_list_that_cannot_be_used_is_told_as_it_was_given() -> None:
    parser = argparse.ArgumentParser()
    Settings.add_arguments(parser)
    args = parser.parse_args(["--ice-path", "direct", "--ice-path", "realy-udp"])
    with pytest.raises(SettingsError) as caught:
        Settings.from_arguments(args, {})
    assert "--ice-path 'direct,realy-udp': there is no path 'realy-udp'" in str(caught.value)


def test_a_path_of_media_that_is_none_is_refused_with_those_that_are() -> None:
    assert make_settings({}).media_path == "auto"
    assert faults_of(media_path="nativ") == [
        "--media-path 'nativ': there is no such path of media; there are auto, native, python, stock"
    ]


# Thresholds


def test_thresholds_are_parted_by_semicolons_and_each_fault_has_its_place() -> None:
    settings = make_settings({"slo": ["failed<1%; setup_ms p95<1s where mode='a, b'", "jitter max < 1"]})
    assert settings.slo == (
        "failed < 1%",
        "setup_ms p95 < 1000 ms where mode = 'a, b'",
        "jitter max < 1 s",
    )
    assert make_settings(settings.public()).slo == settings.slo
    assert faults_of(slo="failed < 1%; setup_ms < 3; failed <", engines=-1) == [
        "--engines -1: input should be greater than or equal to 0",
        "--slo 'setup_ms < 3': at character 10: it is not said which value of setup_ms is meant, and there is '<'; "
        "there are p50 to p99.9, mean, max, min, count, as in 'setup_ms p95 < 800'",
        "--slo 'failed <': at character 9: a limit, which is a number, is missing",
    ]
    assert faults_of(slo=3) and faults_of(slo=[3])


def test_thresholds_need_somebody_who_judges_and_a_warm_up_needs_thresholds() -> None:
    for given in ({"slo": "failed < 1%"}, {"slo_preset": "smoke"}, {"slo_file": "slo.toml"}):
        assert "--no-report leaves thresholds unjudged" in faults_of(no_report=True, **given)[0]
        assert make_settings({"slo_warm_up": "30s", **given}).slo_warm_up == 30
    assert "--fail-on-drift and --no-report exclude" in faults_of(no_report=True, fail_on_drift=True)[0]
    assert "--slo-warm-up leaves calls out of thresholds, and there are none" in faults_of(slo_warm_up=3)[0]
    assert faults_of(slo_preset="lax") == [
        "--slo-preset 'lax': there is no preset 'lax'; there are smoke, typical, strict"
    ]


def test_several_thresholds_in_the_environment_are_parted_by_semicolons() -> None:
    parser = argparse.ArgumentParser()
    Settings.add_arguments(parser)
    environment = {"LOADKIT_SLO": "failed < 1%; jitter p95 < 30ms;"}
    assert Settings.from_arguments(parser.parse_args([]), environment).slo == (
        "failed < 1%",
        "jitter p95 < 0.03 s",
    )
    given = parser.parse_args(["--slo", "failed < 2%", "--slo", "jitter max < 1"])
    assert Settings.from_arguments(given, environment).slo == ("failed < 2%", "jitter max < 1 s")


# The load


def test_arrivals_are_said_once() -> None:
    assert faults_of(arrival_rate="5/s", stages="60s:1/s") == [
        "--arrival-rate and --stages both say when calls arrive: give one of them"
    ]
    assert make_settings({}).schedule is None
    for name, text in (("arrival_rate", "5/s"), ("stages", "60s:1/s,300s:10/s")):
        settings = make_settings({name: text})
        assert str(settings.schedule) == settings.public()[name] == text
        # As an engine gets them.
        assert make_settings(settings.public()).schedule == settings.schedule


def test_max_concurrent_needs_arrivals() -> None:
    assert faults_of(max_concurrent=5) == [
        "--max-concurrent drops arrivals and needs --arrival-rate or --stages; callers are limited by -u"
    ]
    assert make_settings({"max_concurrent": "5", "arrival_rate": "1/s"}).max_concurrent == 5


def test_a_load_that_cannot_be_read_is_told_with_its_option() -> None:
    duration, rate, stages, arrivals, _twice = faults_of(
        arrival_rate="fast", stages="60s", arrivals="regular", call_duration="exponential:0"
    )
    assert rate == "--arrival-rate 'fast': 'fast' is no rate; write 5/s, 300/min or 1000/h"
    assert stages.startswith("--stages '60s': '60s' is no stage; write ")
    assert arrivals.startswith("--arrivals 'regular': ")
    assert duration.startswith("--call-duration 'exponential:0': a call must be talked for more than nothing")


@pytest.mark.parametrize("text", ["lognormal:60s,0.5", "exponential:90s", "uniform:10s,30s"])
def test_a_duration_that_is_drawn_is_public_as_it_was_given(text: str) -> None:
    settings = make_settings({"call_duration": text})
    assert settings.public()["call_duration"] == text
    assert make_settings(settings.public()).call_duration == settings.call_duration
    assert make_settings({"call_duration": "1m"}).public()["call_duration"] == 60.0


@pytest.mark.parametrize(
    "address", ["http://user:s3cret@127.0.0.1:4318", "http://127.0.0.1:4318/?key=s3cret"]
)
def test_an_address_of_a_collector_that_holds_a_secret_is_refused_without_being_shown(address: str) -> None:
    (fault,) = faults_of(otlp_endpoint=address)
    assert "OTEL_EXPORTER_OTLP_HEADERS" in fault
    assert "s3cret" not in fault


@pytest.mark.parametrize(
    "address", ["127.0.0.1:4318", "ftp://127.0.0.1", "http://", "http://h:99999", "soon"]
)
def test_what_is_no_address_of_a_collector_is_refused(address: str) -> None:
    (fault,) = faults_of(otlp_endpoint=address)
    assert fault.startswith(f"--otlp-endpoint '{address}': ")


def test_a_port_for_prometheus_is_a_port() -> None:
    assert len(faults_of(prometheus_port="65536")) == len(faults_of(prometheus_port="-1")) == 1
    assert make_settings({"prometheus_port": "0"}).prometheus_port == 0
