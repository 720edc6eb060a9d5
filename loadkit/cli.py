"""The ``python -m loadkit`` command: what is not done by the ``locust`` command."""

from __future__ import annotations

import argparse
import functools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from loadkit import __version__
from loadkit.collector import collector_off
from loadkit.errors import ExitCode, LoadkitError, RunFolderError
from loadkit.settings import OF_FITNESS, OF_THRESHOLDS, Settings
from loadkit.thresholds.resolved import objectives_of

logger = logging.getLogger(__name__)

#: Settings by which an old run can be judged anew.
_OF_CHECK = {*OF_THRESHOLDS, *OF_FITNESS}


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand; returns its exit code (:class:`~loadkit.errors.ExitCode`)."""
    parser = argparse.ArgumentParser(
        prog="python -m loadkit",
        description="Load and soak tests for WebRTC voice gateways. A load test is: locust -f locustfile.py",
    )
    parser.add_argument("--version", action="version", version=f"loadkit {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="<command>", dest="command")
    _add_call(commands)
    _add_report(commands)
    _add_compare(commands)
    _add_check(commands)
    _add_gateway(commands)
    _add_conformance(commands)
    _add_capacity(commands)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        # Of the command, not of the whole program, whose usage would not have the options in it.
        commands.choices[options.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except LoadkitError as exc:
        print(f"loadkit: {exc}", file=sys.stderr)
        return int(exc.exit_code)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)


def _usage(command: str, *arguments: str) -> str:
    """In one line: a list of forty options would stand before the sentence that says what is wrong."""
    return " ".join(["python -m loadkit", command, *arguments[:1], "[options: see --help]", *arguments[1:]])


def _add_call(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from loadkit.probe import command

    parser = commands.add_parser(
        "call", usage=_usage("call", "<URL>"), help="place one call and tell what happens, as it happens"
    )
    command.add_arguments(parser)
    parser.set_defaults(run=functools.partial(command.run, version=__version__))


def _add_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("report", help="make a run's report anew from its raw records")
    parser.add_argument(
        "folder", type=Path, metavar="<run folder>", help="for instance reports/20260101-120000"
    )
    parser.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    # Here, so that the gateway starts without pandas.
    with collector_off():
        from loadkit.reporters.run_check import exit_code_of_run
        from loadkit.reporters.run_report import write_reports
        from loadkit.reporters.text_summary import text_summary
        from loadkit.runs.folder import RunFolder

    folder = RunFolder.open(options.folder)
    try:
        summary = write_reports(folder)
    except OSError as exc:
        raise RunFolderError(f"the report of {folder.path} cannot be written: {exc.strerror or exc}") from exc
    print(text_summary(summary, folder.report))
    return int(exit_code_of_run(summary))


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from loadkit.compare import options

    parser = commands.add_parser("compare", help="say whether a run is better or worse than another")
    options.add_arguments(parser)
    parser.set_defaults(run=_compare)


def _compare(options: argparse.Namespace) -> int:
    """Never ends with what *worse* is, because of an error that nobody foresaw: Python would end with it."""
    try:
        # Here, so that the other commands start without pandas and scipy.
        with collector_off():
            from loadkit.compare import command

        return command.run(options)
    except LoadkitError:
        raise
    except Exception:
        logger.exception(
            "%s could not be compared with %s: nobody knows whether it is worse. Both are as they were; please report "
            "this",
            options.folder,
            options.baseline,
        )
        return int(ExitCode.NO_DATA)


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "check",
        help="judge a run anew by its raw records, also by other thresholds",
        description="Judge a run anew by its raw records. Without thresholds given here, by its own.",
    )
    parser.add_argument(
        "folder", type=Path, metavar="<run folder>", help="for instance reports/20260101-120000"
    )
    Settings.add_arguments(parser, set(Settings.model_fields) - _OF_CHECK)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument(
        "--write",
        action="store_true",
        help="make summary, report and tables of the run anew, by these thresholds",
    )
    parser.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    environment = {Settings.env_var(name): os.environ.get(Settings.env_var(name), "") for name in _OF_CHECK}
    settings = Settings.from_arguments(options, environment)
    # Here, so that the gateway starts without pandas.
    with collector_off():
        from loadkit.reporters.run_check import run_check
        from loadkit.reporters.run_report import Otherwise
        from loadkit.runs.folder import RunFolder

    given = settings.model_fields_set
    otherwise = Otherwise(
        objectives_of(settings) or None,
        {name: getattr(settings, name) for name in OF_FITNESS if name in given},
    )
    return int(
        run_check(RunFolder.open(options.folder), otherwise, as_json=options.json, write=options.write)
    )


def _add_gateway(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from loadkit.gateway import command

    parser = commands.add_parser(
        "gateway", usage=_usage("gateway"), help="run the reference gateway to practise against"
    )
    command.add_arguments(parser)
    parser.set_defaults(run=command.run)


def _add_conformance(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from loadkit.conformance import command, options

    parser = commands.add_parser("conformance", help="check a gateway against the protocol, case by case")
    options.add_arguments(parser)
    parser.set_defaults(run=functools.partial(command.run, version=__version__))


def _add_capacity(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from loadkit.capacity import options

    parser = commands.add_parser(
        "capacity",
        usage=_usage("capacity", "--slo <threshold>", "[-- <options of locust>]"),
        help="search for the load up to which a gateway holds what is asked",
    )
    options.add_arguments(parser)
    parser.set_defaults(run=_capacity)


def _capacity(options: argparse.Namespace) -> int:
    # Here, so that the other commands start without pandas.
    with collector_off():
        from loadkit.capacity import command

    return command.run(options)
