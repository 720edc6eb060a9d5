"""Every setting is a Locust option with an environment variable."""

from __future__ import annotations

from loadkit.settings import Settings
from tests.swarm.inside_locust import inside_locust

#: As in loadkit.swarm.options, which this process must not import.
NOT_ON_THE_PAGE = (
    "auth_token",
    "baseline",
    "engines",
    "live",
    "mark",
    "otlp_endpoint",
    "prometheus_host",
    "prometheus_port",
    "reports_dir",
    "samples_dir",
    "slo_file",
    "tls_ca",
    "tls_insecure",
)

_READ = """
from loadkit.swarm.options import read_options
options = get_parser().parse_args({arguments!r})
settings = read_options(options)
result = settings.public()
result["token"] = settings.token()
"""


def test_defaults_are_those_of_the_settings() -> None:
    read = inside_locust(_READ.format(arguments=[]))
    assert read.pop("token") == ""
    assert read == Settings().public()


def test_an_option_wins_over_its_environment_variable() -> None:
    arguments = ["--call-mode", "traditional", "--call-duration", "1m30s"]
    read = inside_locust(
        _READ.format(arguments=arguments),
        LOADKIT_CALL_MODE="echo",
        LOADKIT_ENGINES="3",
        LOADKIT_AUTH_TOKEN="t0ken",
    )
    assert read["call_mode"] == "traditional"
    assert read["call_duration"] == 90.0
    assert read["engines"] == 3
    assert read["token"] == "t0ken"
    assert "t0ken" not in str(read["auth_token"])


def test_the_page_gets_no_secret_and_no_folder_of_the_machine() -> None:
    shown = inside_locust(
        """
        from locust.argument_parser import ui_extra_args_dict
        result = ui_extra_args_dict([])
        """,
        LOADKIT_AUTH_TOKEN="t0ken",
    )
    assert set(Settings.model_fields) - set(shown) == set(NOT_ON_THE_PAGE)
    assert "t0ken" not in str(shown)


def test_an_option_without_a_value_is_set_by_its_name_or_by_environment() -> None:
    code = _READ.format(arguments=[])
    assert inside_locust(code)["tls_insecure"] is False
    assert inside_locust(code, LOADKIT_TLS_INSECURE="true")["tls_insecure"] is True
    assert inside_locust(_READ.format(arguments=["--tls-insecure"]))["tls_insecure"] is True


def test_every_fault_is_told_at_once() -> None:
    told = inside_locust(
        """
        from loadkit.errors import SettingsError
        from loadkit.swarm.options import read_options
        options = get_parser().parse_args(["--engines", "-1", "--ice-timeout", "never", "--run-id", "a/b"])
        try:
            read_options(options)
        except SettingsError as exc:
            result = exc.faults
        """
    )
    assert [fault.split()[0] for fault in told] == ["--ice-timeout", "--engines", "--run-id"]


def test_a_list_may_be_given_comma_separated_or_again_and_replaces_its_default() -> None:
    arguments = [
        "--ice-path",
        "any",
        "--ice-path",
        "direct,relay-udp",
        "--local-address",
        "127.0.0.2,127.0.0.3",
    ]
    read = inside_locust(_READ.format(arguments=arguments))
    assert read["ice_path"] == "any,direct,relay-udp"
    assert read["local_address"] == "127.0.0.2,127.0.0.3"
    read = inside_locust(_READ.format(arguments=[]), LOADKIT_ICE_PATH="relay-tcp,relay-tls")
    assert read["ice_path"] == "relay-tcp,relay-tls"


def test_a_worker_that_is_told_to_start_users_works_locust_s_own_options_out_once() -> None:
    """For each option of the master's anew it took so long that the master missed heartbeats, and gave it up."""
    built, kept, taken = inside_locust(
        """
        from types import SimpleNamespace
        from locust import argument_parser, runners

        built, build = [], argument_parser.get_empty_argument_parser
        argument_parser.get_empty_argument_parser = lambda **options: built.append(1) or build(**options)
        options = SimpleNamespace(call_mode="", web_port=1)
        worker = runners.WorkerRunner.__new__(runners.WorkerRunner)
        worker.client_id, worker.client = "", SimpleNamespace(send=lambda message: None)
        worker.greenlet = SimpleNamespace(spawn=lambda work: SimpleNamespace(link_exception=id))
        worker.worker_state, worker.spawning_greenlet = runners.STATE_RUNNING, None
        worker.last_received_spawn_timestamp = 0
        worker.environment = SimpleNamespace(parsed_options=options)
        sent = {f"option_{number}": number for number in range(50)} | {"call_mode": "echo", "web_port": 2}
        job = {"timestamp": 1, "host": "", "stop_timeout": 0, "parsed_options": sent, "user_classes_count": {}}
        worker.handle_message(SimpleNamespace(type="spawn", data=job))
        result = [len(built), options.web_port, [options.call_mode, options.option_49]]
        """
    )
    assert built <= 1
    # As before: what is Locust's own is the worker's, what is ours comes from the master.
    assert kept == 1
    assert taken == ["echo", 49]
