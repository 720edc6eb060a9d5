"""The options of ``python -m loadkit conformance``."""

from __future__ import annotations

import argparse

from loadkit.settings import Settings

MOST_JOBS = 8

#: Settings of a run that mean the same here, with the same options and environment variables.
_SHARED = (
    "auth_token",
    "caller",
    "callee",
    "account_id",
    "project_id",
    "variant_id",
    "tls_ca",
    "tls_insecure",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("url", nargs="?", metavar="URL", help="the gateway: ws, wss, http or https")
    _add_gateway(parser)
    _add_cases(parser)
    _add_pace(parser)
    _add_output(parser)


def _add_gateway(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the gateway and the calls")
    for name in _SHARED:
        field = Settings.model_fields[name]
        words = f"{field.description} [{Settings.env_var(name)}]"
        if field.annotation is bool:
            group.add_argument(Settings.flag(name), dest=name, action="store_true", default=None, help=words)
        else:
            group.add_argument(Settings.flag(name), dest=name, metavar=Settings.metavar(name), help=words)
    group.add_argument("--local-address", metavar="<address>", help="address to call from")
    group.add_argument(
        "--mode", metavar="<mode>", help="mode of the calls (default: echo; with --production end-to-end)"
    )
    group.add_argument(
        "--production", action="store_true", help="it is a production gateway: echo must be refused"
    )


def _add_cases(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which cases")
    group.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="<pattern>",
        help="cases or areas to run, such as hostile or 'offer.mode-*'; may be repeated",
    )
    group.add_argument(
        "--skip",
        action="append",
        default=[],
        metavar="<pattern>",
        help="cases or areas to leave out; may be repeated",
    )
    group.add_argument("--kind", choices=["must", "should"], help="cases of this kind alone")
    group.add_argument("--slow", action="store_true", help="also those that wait for the gateway's time-outs")
    group.add_argument("--list", action="store_true", help="show the cases that would be run, and end")


def _add_pace(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("pace")
    group.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="<number>",
        help=f"cases at a time, 1 to {MOST_JOBS} (default: 1)",
    )
    group.add_argument(
        "--wait",
        default="10s",
        metavar="<duration>",
        help="for each thing that the gateway has to do (default: 10s)",
    )
    group.add_argument(
        "--time-limit",
        default="15m",
        metavar="<duration>",
        help="after this time no case is begun (default: 15m)",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--json", metavar="<file>", help="the results as JSON; - for standard output")
    group.add_argument("--junit", metavar="<file>", help="the results as JUnit XML; - for standard output")
