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


def check_baseline(settings: Settings, host: str | None = None, users: int | None = None) -> None:
    """See that there is a run to compare with, that it can be compared at all, and that this one is the same test.

    :param host: of the gateway; empty for the embedded one, None while a page may still say another.
    :param users: that Locust is asked for; None when nobody has said, or a page may still say another number.
    :raises SettingsError: every comparison would be refused, for each of these reasons.
    """
    if settings.baseline is None:
        return
    name = f"{flag('baseline')} {settings.baseline}"
    if settings.no_report:
        raise SettingsError(
            [f"{name}: a run without a report is not compared; leave out {flag('no_report')}"]
        )
    # Here, so that a run without a baseline starts without pandas.
    from loadkit.compare.before import reasons_before

    # Arrivals have callers of their own, as many as there are arrivals.
    most = None if settings.schedule else users
    try:
        reasons = reasons_before(RunFolder.open(settings.baseline), settings.public(), host, most)
    except RunFolderError as exc:
        raise SettingsError([f"{name}: {exc}"]) from exc
    if reasons:
        raise SettingsError([f"{name} is not comparable: {reason}" for reason in reasons])


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
