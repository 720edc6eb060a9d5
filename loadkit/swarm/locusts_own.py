"""Locust's own options where they would end in a run without a call, or in a traceback."""

from __future__ import annotations

import os
from collections.abc import Iterator

from gevent.server import StreamServer
from locust.env import Environment

from loadkit.errors import SettingsError
from loadkit.settings import Settings


def check_locusts_own(environment: Environment, settings: Settings) -> None:
    """See that callers are asked for, and that Locust's page can be had.

    :raises SettingsError: not so.
    """
    faults = [*_no_callers(environment, settings), *_no_page(environment)]
    if faults:
        raise SettingsError(faults)


def _no_callers(environment: Environment, settings: Settings) -> Iterator[str]:
    """Locust would wait for the end of ``-t`` with nobody there."""
    options = environment.parsed_options
    users = getattr(options, "num_users", None)
    if users is None or users > 0 or not getattr(options, "headless", False):
        return
    if settings.schedule is None and environment.shape_class is None:
        yield f"-u {users}: nobody would place a call; it takes 1 or more"


def _no_page(environment: Environment) -> Iterator[str]:
    """Locust starts its page after this, in a greenlet that would die with a traceback."""
    page = environment.web_ui
    if page is None or getattr(page, "greenlet", None) is not None:
        return
    try:
        server = StreamServer((page.host, page.port), lambda *_: None)
        server.init_socket()
        server.close()
    except OSError as exc:
        # gevent puts the address into the system's words; a name that cannot be resolved has no number of the system's.
        reason = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else str(exc)
        yield (
            f"--web-port {page.port}: Locust's page cannot listen there: {reason}; "
            "take another port, or --headless for a run without the page"
        )
