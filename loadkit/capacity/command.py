"""``python -m loadkit capacity``."""

from __future__ import annotations

import argparse
import signal
import sys
import time

from loadkit.capacity.document import document
from loadkit.capacity.driver import Driver
from loadkit.capacity.locust_run import LoadTest
from loadkit.capacity.narration import Narration, today
from loadkit.capacity.options import CapacityOptions, handed_on, settings_of_steps
from loadkit.errors import SettingsError
from loadkit.reporters.capacity_report import PAGE, write_capacity
from loadkit.runs import RunFolder
from loadkit.settings import Settings
from loadkit.signaling.urls import shown_host, signaling_url
from loadkit.terminal import Terminal


def run(arguments: argparse.Namespace) -> int:
    """Search for the limit; returns the exit code.

    :raises LoadkitError: options, thresholds or the folder cannot be used; nothing was started.
    """
    options, given, settings = _checked(arguments)
    started_at = time.time()
    folder = RunFolder.create(settings.reports_dir, settings.run_id or today(options.by)).path.resolve()
    test = LoadTest(
        folder=folder,
        locustfile=arguments.locustfile.resolve(),
        host=arguments.host,
        options=given,
        unit=options.unit,
        most_calls=options.max_calls,
        token=settings.token(),
    )
    narration = Narration(Terminal(), options)
    narration.head(arguments.host, folder)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    minutes = settings.max_call_minutes
    outcome = Driver(options, test, narration, settings.call_duration.mean, minutes).run()
    # The report is wanted now, however often somebody asks for the end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    told = document(
        outcome,
        options,
        capacity_id=folder.name,
        host=arguments.host,
        command=_command(settings.token()),
        started_at=started_at,
        ended_at=time.time(),
    )
    write_capacity(folder, told)
    narration.end(told["result"]["sentence"], folder / PAGE)
    return int(told["result"]["exit_code"])


def _checked(arguments: argparse.Namespace) -> tuple[CapacityOptions, list[str], Settings]:
    """Options of the search, options that are handed on, and the settings that these make.

    :raises SettingsError: with every fault of all of them.
    """
    faults: list[str] = []
    options = given = settings = None
    try:
        options = CapacityOptions.from_arguments(arguments)
        options.plan()
    except SettingsError as exc:
        faults += exc.faults
    try:
        given = handed_on(arguments)
        settings = settings_of_steps(arguments)
    except SettingsError as exc:
        faults += exc.faults
    if not arguments.locustfile.is_file():
        faults.append(f"--locustfile {str(arguments.locustfile)!r}: there is no such file")
    try:
        if arguments.host:
            signaling_url(arguments.host)
    except ValueError as exc:
        faults.append(f"--host {shown_host(arguments.host)!r}: {exc}")
    if faults or options is None or given is None or settings is None:
        raise SettingsError(faults)
    return options, given, settings


def _command(token: str) -> list[str]:
    """The command line, the token masked wherever it stands."""
    shown = [argument.replace(token, "***") if token else argument for argument in sys.argv[1:]]
    return ["python", "-m", "loadkit", *shown]
