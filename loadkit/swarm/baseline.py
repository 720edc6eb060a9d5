"""``--baseline``: an earlier run that this one is held against, before its first call and after its report."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

from loadkit.errors import ExitCode, RunFolderError, SettingsError
from loadkit.runs.folder import RunFolder
from loadkit.settings import Settings, flag
from loadkit.swarm.subcommand import run_subcommand

logger = logging.getLogger(__name__)

_COMPARE_S = 600.0


def check_baseline(settings: Settings) -> None:
    """See that there is a run to compare with, and that its settings make it the same test.

    :raises SettingsError: there is none, or they do not: every comparison would be refused.
    """
    if settings.baseline is None:
        return
    name = f"{flag('baseline')} {settings.baseline}"
    try:
        folder = RunFolder.open(settings.baseline)
    except RunFolderError as exc:
        raise SettingsError([f"{name}: {exc}"]) from exc
    if settings.no_report:
        raise SettingsError(
            [f"{name}: a run without a report is not compared; leave out {flag('no_report')}"]
        )
    # Here, so that a run without a baseline starts without pandas.
    from loadkit.compare.comparable import differing_settings
    from loadkit.runs.reader import read_run

    before = read_run(folder).get("settings")
    if isinstance(before, dict) and (different := differing_settings(before, settings.public())):
        raise SettingsError([f"{name} is not comparable: {reason}" for reason in different])


def held_against(baseline: Path, folder: Path, exit_code: ExitCode) -> ExitCode:
    """Compare the run, tell, and write compare.json, compare.md and compare.html into its folder.

    :param exit_code: what the run is worth by itself; only a passed one can become worse.
    """
    return worth(_compare(baseline, folder), exit_code)


def worth(compared: ExitCode, exit_code: ExitCode) -> ExitCode:
    """What a run is worth: its own code, unless it passed and the comparison did not."""
    return compared if exit_code is ExitCode.PASSED else exit_code


def _compare(baseline: Path, folder: Path) -> ExitCode:
    """In a process of its own, as the report is made."""
    again = f"python -m loadkit compare {baseline} {folder}"
    try:
        ended = run_subcommand(["compare", str(baseline), str(folder), "--write"], _COMPARE_S)
    except (OSError, subprocess.TimeoutExpired) as exc:
        logger.error("the run could not be compared (%s); try: %s", exc, again)
        return ExitCode.NO_DATA
    try:
        code = ExitCode(ended)
    except ValueError:
        logger.error("the run could not be compared: it ended with code %d; try: %s", ended, again)
        return ExitCode.NO_DATA
    if code is ExitCode.FAILED:
        logger.error("the run is worse than its baseline: see %s", folder / "compare.html")
    elif code is not ExitCode.PASSED:
        logger.error("the run was not compared with its baseline, so nobody knows whether it is worse")
    return code
