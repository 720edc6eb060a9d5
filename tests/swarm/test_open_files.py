"""Whether a run may have as many sockets open as it needs, with limits lowered in a process of its own."""

from __future__ import annotations

from typing import Any

from tests.swarm.inside_locust import inside_locust

_LIMITED = """
import logging, resource
from types import SimpleNamespace
from loadkit.errors import SettingsError
from loadkit.settings import make_settings
from loadkit.swarm import open_files

warned = []
open_files.logger.warning = lambda form, *args: warned.append(form % args)
resource.setrlimit(resource.RLIMIT_NOFILE, (128, {limit}))

def asked(users, engines=1, gateway=False, host="ws://127.0.0.1:1", settings={{}}, **options):
    environment = SimpleNamespace(parsed_options=SimpleNamespace(num_users=users, **options))
    try:
        open_files.check(make_settings(settings), host, environment, engines, gateway=gateway)
    except SettingsError as exc:
        return exc.faults[0]
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
"""


def _told(code: str, limit: int = 1_000) -> Any:
    return inside_locust(_LIMITED.format(limit=limit) + code)


def test_more_calls_than_the_hard_limit_can_carry_are_refused_with_what_to_do() -> None:
    refused, spread, gateway = _told(
        "result = [asked(1_000), asked(1_000, engines=4), asked(1_000, engines=4, gateway=True)]"
    )
    assert refused.startswith(
        "1,000 calls on 1 engine take 2,014 open files in each engine, and the hard limit of this machine is 1,000"
    )
    assert "ulimit -n 4028" in refused
    assert "LimitNOFILE=4028" in refused
    # Enough, and the soft limit is raised to the hard one.
    assert spread == 1_000
    assert "2,014 open files in the embedded gateway" in gateway


def test_a_limit_that_is_nearly_reached_is_warned_of() -> None:
    value, warned = _told("result = [asked(460), warned]")
    assert value == 1_000
    (sentence,) = warned
    assert "460 calls on 1 engine take" in sentence


def test_calls_are_shared_out_over_workers_and_unknown_on_the_page() -> None:
    assert _told("result = [asked(3_000, processes=8), asked(None), warned]") == [1_000, 1_000, []]


def test_arrivals_are_bounded_by_max_concurrent_alone() -> None:
    unbounded, bounded = _told(
        "result = [asked(5_000, settings={'arrival_rate': '5/s'}),"
        " asked(1, settings={'arrival_rate': '5/s', 'max_concurrent': '5000'})]"
    )
    assert unbounded == 1_000
    assert bounded.startswith("5,000 calls on 1 engine")


def test_arrivals_that_offer_more_calls_than_the_limit_carries_are_warned_of() -> None:
    value, few, (sentence,) = _told(
        "load = {'arrival_rate': '50/s', 'call_duration': 'exponential:90s'}\n"
        "result = [asked(1, settings=load), asked(1, settings=load, run_time=2), warned]"
    )
    assert value == few == 1_000
    assert sentence.startswith("4,500 calls on 1 engine take")


def test_a_call_through_a_relay_may_take_a_socket_more() -> None:
    least_and_most = _told(
        "result = [open_files.per_call(make_settings({'ice_path': path, 'local_address': '127.0.0.1'}), 'ws://127.0.0.1:1')"
        " for path in ('any', 'direct', 'relay-udp', 'any,relay-tls')]"
    )
    assert least_and_most == [[2, 2], [2, 2], [2, 3], [2, 3]]
