"""Whether the machine lets a run have as many sockets open as its calls need; asked before the first call.

Measured on loopback, where a call has one address: 14 descriptors in an idle engine and in an idle gateway, and 2
more for each call in either: its WebSocket and its UDP socket (``open_files`` in the figures of a run).
"""

from __future__ import annotations

import functools
import logging
import math
from typing import Any
from urllib.parse import urlsplit

from locust.env import Environment

from loadkit import descriptors
from loadkit.errors import SettingsError
from loadkit.setting_values import IcePath
from loadkit.settings import Settings
from loadkit.signaling.urls import signaling_url
from loadkit.transport.addresses import candidate_addresses, is_loopback

logger = logging.getLogger(__name__)

#: What an engine and a gateway have open without a call, and room for samples, requests and calls that overlap.
_IDLE, _ROOM = 14, 50
#: The embedded gateway answers on one address.
_OF_GATEWAY = 2
#: Share of the limit from which a run is warned.
_TIGHT = 0.9


def check(settings: Settings, host: str, environment: Environment, engines: int, *, gateway: bool) -> None:
    """Raise the soft limit, and see that the hard one is enough for the calls that are asked for.

    :param engines: engines of this Locust process.
    :param gateway: whether the embedded gateway is beside them.
    :raises SettingsError: it is not, whatever way the calls take; with the limit and how to raise it.
    """
    limit, asked = descriptors.raise_limit(), calls_at_once(settings, environment)
    calls = asked or offered_at_once(settings, environment)
    if limit is None or calls is None:
        return
    least, most = per_call(settings, host)
    of_engine = math.ceil(calls / engines)
    who, need, needed = "each engine", _IDLE + of_engine * least, _IDLE + _ROOM + of_engine * most
    of_gateway = _IDLE + calls * _OF_GATEWAY
    if gateway and of_gateway > need:
        who, need, needed = "the embedded gateway", of_gateway, of_gateway + _ROOM
    if need > limit and asked is not None:
        raise SettingsError([f"{_told(who, need, calls, engines, limit)}, or ask for fewer calls"])
    if needed > _TIGHT * limit:
        _warn(_told(who, needed, calls, engines, limit))


@functools.cache
def _warn(sentence: str) -> None:
    """Once: engines are told what they run with when they start, and with each run again."""
    logger.warning("%s", sentence)


def calls_at_once(settings: Settings, environment: Environment) -> int | None:
    """Most calls at once on this Locust process; None when nobody has said, as on the page."""
    options = environment.parsed_options
    calls = settings.max_concurrent
    if settings.schedule is None:
        # Callers, each with one call at a time; arrivals are bounded by --max-concurrent alone.
        calls = getattr(options, "num_users", None)
    return _of_one_worker(calls, options) if calls else None


def offered_at_once(settings: Settings, environment: Environment) -> int | None:
    """Calls at once that arrivals offer at most in the mean, on this Locust process: what is warned of when nothing
    bounds them, but not refused, as scripts may hang up earlier; None in a run by users."""
    schedule = settings.schedule
    if schedule is None:
        return None
    options = environment.parsed_options
    run_time = getattr(options, "run_time", None)
    ends = min(schedule.end_s, run_time if isinstance(run_time, int | float) else math.inf)
    most = schedule.peak * settings.call_duration.mean
    return _of_one_worker(min(most, schedule.expected(ends)), options)


def _of_one_worker(calls: float, options: Any) -> int:
    workers = getattr(options, "processes", None) or getattr(options, "expect_workers", None) or 1
    return math.ceil(calls / max(1, workers))


def per_call(settings: Settings, host: str) -> tuple[int, int]:
    """Descriptors that a call takes at least and at most: its WebSocket, a UDP socket for each address, one to a
    TURN server."""
    paths = set(settings.ice_path)
    name = urlsplit(signaling_url(host)).hostname or ""
    addresses = 1 if settings.local_address else max(1, len(candidate_addresses(name)))
    hosts = bool(paths & {IcePath.ANY.value, IcePath.DIRECT.value})
    relays = paths - {IcePath.DIRECT.value}
    # Who practises against loopback has a relay only when one is asked for.
    maybe = bool(relays) and not (is_loopback(name) and paths == {IcePath.ANY.value})
    return 1 + (addresses if hosts and not relays - {IcePath.ANY.value} else 1), 1 + addresses + maybe


def _told(who: str, need: int, calls: int, engines: int, limit: int) -> str:
    """What is missing, and how to raise it."""
    room, on = 2 * need, "1 engine" if engines == 1 else f"{engines:,} engines"
    return (
        f"{calls:,} calls on {on} take {need:,} open files in {who}, and the hard limit of this machine is {limit:,}: "
        f"raise it (as root, ulimit -n {room} in the shell before the start; LimitNOFILE={room} in a systemd unit; "
        f"docker run --ulimit nofile={room}), use more engines or more machines"
    )
