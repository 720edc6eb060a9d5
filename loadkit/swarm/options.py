"""The settings as Locust options, each with its environment variable."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from locust.argument_parser import LocustArgumentParser

from loadkit.errors import SettingsError
from loadkit.settings import Settings, env_var, flag, is_secret, make_settings
from loadkit.settings_model import unit_in_name
from loadkit.thresholds.resolved import faults_of_slo_file

#: Options that the page neither shows nor changes: secrets, folders, what makes no sense between two runs.
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

#: Options that a worker takes from its own command line or environment, not from the master.
OF_THE_MACHINE = ("engines", "local_address", "samples_dir", "tls_ca")


def add_options(parser: LocustArgumentParser) -> None:
    """Add every setting to Locust's command line and, where it makes sense, to its start page.

    A secret is never shown on the page, not even masked: the page has no password by default.
    """
    group = parser.add_argument_group(
        "loadkit", "Calls: what they ask for, how long they take, where they go"
    )
    for name, field in Settings.model_fields.items():
        if field.annotation is bool:
            kind: dict[str, Any] = {"action": "store_true", "default": field.default}
        else:
            kind = {
                "default": _shown_default(name, field.default),
                "metavar": "<secret>" if is_secret(name) else f"<{_kind(name, field.annotation)}>",
            }
        if Settings.repeatable(name):
            kind["action"] = _joining(Settings.separator(name))
        group.add_argument(flag(name), env_var=env_var(name), dest=name, help=field.description, **kind)
    for action in parser._actions:
        if action.dest in Settings.model_fields:
            action.include_in_web_ui = action.dest not in NOT_ON_THE_PAGE
            action.is_secret = is_secret(action.dest)
            action.is_required = False
            action.is_multiple = False


def read_options(options: argparse.Namespace) -> Settings:
    """The settings out of Locust's parsed options.

    :raises SettingsError: with every fault.
    """
    try:
        return make_settings({name: getattr(options, name, None) for name in Settings.model_fields})
    except SettingsError as exc:
        # The file is read where the run is judged; its faults are told with the others.
        path = None if getattr(options, "worker", False) else getattr(options, "slo_file", None)
        raise SettingsError([*exc.faults, *(faults_of_slo_file(Path(path)) if path else ())]) from None


class _Joined(argparse.Action):
    """A list, comma separated; an option that is given again adds to it."""

    separator = ","

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse's names
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        given = getattr(namespace, self.dest, None)
        setattr(namespace, self.dest, values if given is None else f"{given}{self.separator}{values}")


def _joining(separator: str) -> type[argparse.Action]:
    """The same with another separator."""
    return type("_Joined", (_Joined,), {"separator": separator})


def _shown_default(name: str, default: Any) -> str | None:
    # Text throughout: the start page turns what is typed into the type of the default.
    if default is None or is_secret(name) or isinstance(default, tuple):
        # A list begins empty, so that what is given replaces its default.
        return None
    return f"{default:g}" if isinstance(default, float) else str(default)


def _kind(name: str, annotation: Any) -> str:
    text = str(annotation)
    if "float" in text:
        return unit_in_name(name) or "seconds"
    if "int" in text:
        return "number"
    return "path" if "Path" in text else "text"
