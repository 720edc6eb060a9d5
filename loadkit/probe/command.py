"""``python -m loadkit call URL``: options, what is printed when, exit code."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from loadkit.collector import collector_off
from loadkit.errors import ExitCode, SettingsError
from loadkit.settings import OF_FITNESS, OF_THRESHOLDS, Settings

if TYPE_CHECKING:
    from loadkit.call.destination import Destination
    from loadkit.probe.diary import Diary
    from loadkit.probe.one_call import CallResult
    from loadkit.probe.recording import Recording

#: Settings of a run that mean nothing for one call.
NOT_FOR_ONE_CALL = (
    "abort_on",
    "arrival_rate",
    "arrivals",
    "back_to_back",
    "baseline",
    "engines",
    "fail_on_drift",
    "health_poll",
    "live",
    "mark",
    "master_timeout",
    "max_call_minutes",
    "max_concurrent",
    "no_preflight",
    "no_report",
    "otlp_endpoint",
    "prometheus_host",
    "prometheus_port",
    "reports_dir",
    "run_id",
    "stages",
    "stall_timeout",
    *OF_FITNESS,
    *OF_THRESHOLDS,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options: its own, and those of a run that one call has, too."""
    parser.add_argument("url", metavar="<URL>", help="the gateway: ws://, wss://, http:// or https://")
    own = parser.add_argument_group("what is told")
    own.add_argument("-v", "--verbose", action="store_true", help="every signaling message, the token masked")
    own.add_argument("-q", "--quiet", action="store_true", help="the last lines only")
    own.add_argument("--json", action="store_true", help="one JSON document at the end and nothing else")
    own.add_argument(
        "--save-audio", type=Path, metavar="<path>", help="write what is heard to a WAV, as it is heard"
    )
    Settings.add_arguments(parser.add_argument_group("the call"), NOT_FOR_ONE_CALL)


def run(args: argparse.Namespace, *, version: str) -> int:
    """Place the call; returns the exit code.

    :param version: of loadkit.
    :raises LoadkitError: settings, sample or the file for the sound cannot be used; no call was placed.
    """
    # Here, so that other commands, which only add these options, start without all of this. And not in the middle
    # of the call, whose times it would be counted in.
    with collector_off():
        from loadkit.call.destination import Destination
        from loadkit.probe.recording import Recording
        from loadkit.probe.report import Report, Told
        from loadkit.terminal import Terminal

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="loadkit: %(message)s")
    settings = _settings(args)
    try:
        destination = Destination.of(args.url, settings)
    except ValueError as exc:
        raise SettingsError([str(exc)]) from None
    recording = Recording(args.save_audio) if args.save_audio else None
    told = (
        Told.JSON if args.json else Told.END if args.quiet else Told.MESSAGES if args.verbose else Told.EVENTS
    )
    report = Report(Terminal(), settings, destination, told)
    try:
        result = _in_loop(settings, destination, report.diary, recording)
    finally:
        if recording is not None:
            recording.close()
    if result is None:
        return int(ExitCode.INTERRUPTED)
    return int(report.finish(result, recording, version))


def _settings(args: argparse.Namespace) -> Settings:
    """Options and environment; what is not for one call is not looked at."""
    ignored = {Settings.env_var(name) for name in NOT_FOR_ONE_CALL}
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    return Settings.from_arguments(args, environment)


def _in_loop(
    settings: Settings, destination: Destination, diary: Diary, recording: Recording | None
) -> CallResult | None:
    from loadkit.probe.one_call import place_one_call

    def leave_now() -> NoReturn:
        if recording is not None:
            recording.close()
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(int(ExitCode.INTERRUPTED))

    main = place_one_call(settings, destination, diary, recording, leave_now)
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.run(main)
    return asyncio.run(main)
