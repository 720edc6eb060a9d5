"""What is checked on a machine before its first call."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from loadkit.errors import RunFolderError, SettingsError
from loadkit.media.samples import find_sample
from loadkit.settings import Settings, flag
from loadkit.signaling.urls import shown_host, signaling_url
from loadkit.thresholds.resolved import objectives_of
from loadkit.transport.addresses import can_bind, can_reach

logger = logging.getLogger(__name__)


def check_settings(settings: Settings) -> None:
    """See that this machine and the files on it go with them.

    :raises SettingsError: thresholds cannot be read, or no socket can be bound to a local address.
    :raises RunFolderError: no run folder can be made.
    """
    check_objectives(settings)
    check_reports_dir(settings.reports_dir)
    check_local_addresses(settings)


def tell_missing_token(settings: Settings) -> None:
    """A warning, no fault: a gateway of one's own may want none."""
    if not settings.token():
        logger.warning("there is no token: give it by LOADKIT_AUTH_TOKEN, gateways refuse calls without one")


def check_host(host: str) -> None:
    """See that calls can be addressed to it.

    :raises SettingsError: it is no address of a gateway.
    """
    try:
        signaling_url(host)
    except ValueError as exc:
        raise SettingsError([f"--host {shown_host(host)!r}: {exc}"]) from exc


def check_local_addresses(settings: Settings) -> None:
    """See that calls can come from them; each machine that places calls has its own.

    :raises SettingsError: no socket can be bound to one or more.
    """
    faults = [
        f"{flag('local_address')} {address!r}: no socket can be bound to it here"
        for address in settings.local_address
        if not can_bind(address)
    ]
    if faults:
        raise SettingsError(faults)


def check_reach(settings: Settings, host: str) -> None:
    """See that the gateway can be reached from them: else each call from such an address would fail.

    :raises SettingsError: one or more are of the other IP version.
    """
    name = urlsplit(signaling_url(host)).hostname or ""
    faults = [
        f"{flag('local_address')} {address!r}: it cannot reach {name}, an address of the other IP version"
        for address in settings.local_address
        if not can_reach(address, name)
    ]
    if faults:
        raise SettingsError(faults)


def check_objectives(settings: Settings) -> None:
    """See that the run can be judged by its thresholds.

    :raises SettingsError: their file has faults.
    """
    objectives_of(settings)


def check_reports_dir(path: Path) -> None:
    """Make the folder for reports when it is not there.

    :raises RunFolderError: it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise RunFolderError(f"the reports folder {path} cannot be made: {exc.strerror}") from exc
    if not os.access(path, os.W_OK | os.X_OK):
        raise RunFolderError(f"the reports folder {path} cannot be written to: permission denied")


def samples(settings: Settings, named: Iterable[str]) -> list[Path]:
    """The files of all samples, whether they are there or not, each once: that of the settings first."""
    names = dict.fromkeys([settings.sample, *named])
    return [find_sample(name, settings.samples_dir).resolve() for name in names]
