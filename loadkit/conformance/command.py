"""``python -m loadkit conformance URL``."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import secrets
import signal
import ssl
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from loadkit.collector import collector_off
from loadkit.conformance.options import MOST_JOBS
from loadkit.errors import ExitCode, SettingsError
from loadkit.settings import Settings
from loadkit.settings_model import parse_duration
from loadkit.signaling.modes import ECHO, END_TO_END
from loadkit.signaling.tls import client_tls
from loadkit.signaling.urls import signaling_url
from loadkit.terminal import Terminal
from loadkit.transport.addresses import is_loopback

if TYPE_CHECKING:
    from loadkit.conformance.case import Case, Result
    from loadkit.conformance.report import Report
    from loadkit.conformance.target import Plan

#: Setting -> its name in an offer.
_OFFER_FIELDS = {
    "caller": "caller",
    "callee": "callee",
    "account_id": "accountId",
    "project_id": "projectId",
    "variant_id": "variantId",
}
_STDOUT = "-"
_T = TypeVar("_T")


def run(args: argparse.Namespace, *, version: str) -> int:
    """Run the cases and tell; returns the exit code.

    :param version: of loadkit.
    """
    # Here, so that other commands, which only add these options, start without it.
    with collector_off():
        from loadkit.conformance.case import Kind
        from loadkit.conformance.cases import CASES
        from loadkit.conformance.selection import select
        from loadkit.conformance.table import case_list, last_line

    cases = select(
        CASES,
        only=_patterns(args.only),
        skip=_patterns(args.skip),
        kind=Kind(args.kind) if args.kind else None,
    )
    if args.list:
        Terminal().print(case_list(cases))
        return int(ExitCode.PASSED)
    settings = Settings.from_arguments(args)
    plan, time_limit = _plan(args, settings)
    token = settings.token() or _token_for_practice(plan.url)
    fields = {wire: value for name, wire in _OFFER_FIELDS.items() if (value := getattr(settings, name))}
    authorities = client_tls(settings.tls_ca, insecure=settings.tls_insecure)
    # The one thing asked for on standard output is all that is there.
    told = Terminal(sys.stderr if _STDOUT in (args.json, args.junit) else sys.stdout)
    report = asyncio.run(_run(plan, token, fields, authorities, cases, args.jobs, time_limit, told, version))
    told.print(f"\n{last_line(report)}")
    _write(report, args)
    return int(report.exit_code)


def _plan(args: argparse.Namespace, settings: Settings) -> tuple[Plan, float]:
    """What the options say, and the time limit in seconds.

    :raises SettingsError: with every fault.
    """
    from loadkit.conformance.target import Plan

    faults: list[str] = []
    wait = _read("--wait", args.wait, parse_duration, faults)
    time_limit = _read("--time-limit", args.time_limit, parse_duration, faults)
    if args.url is None:
        faults.append("the gateway's URL is missing: python -m loadkit conformance wss://…")
    else:
        _read("URL", args.url, signaling_url, faults)
    if args.local_address is not None:
        _read("--local-address", args.local_address, ipaddress.ip_address, faults)
    if not 1 <= args.jobs <= MOST_JOBS:
        faults.append(f"--jobs {args.jobs}: 1 to {MOST_JOBS} cases at a time")
    if args.json == args.junit == _STDOUT:
        faults.append("--json - and --junit -: only one of them can go to standard output")
    for option, name in (("--json", args.json), ("--junit", args.junit)):
        if name not in (None, _STDOUT) and not Path(name).absolute().parent.is_dir():
            faults.append(f"{option} {name!r}: there is no such folder")
    if args.production and args.mode == ECHO:
        faults.append("--mode echo: a production gateway refuses it")
    if faults:
        raise SettingsError(faults)
    mode = args.mode or (END_TO_END if args.production else ECHO)
    plan = Plan(
        url=args.url,
        mode=mode,
        production=args.production,
        slow=args.slow,
        wait=wait or 0.0,
        local_address=args.local_address,
        tls_insecure=settings.tls_insecure,
    )
    return plan, time_limit or 0.0


def _read(option: str, text: str, read: Callable[[str], _T], faults: list[str]) -> _T | None:
    try:
        return read(text)
    except ValueError as exc:
        faults.append(f"{option} {text!r}: {exc}")
        return None


def _patterns(given: Sequence[str]) -> list[str]:
    return [part.strip() for text in given for part in text.split(",") if part.strip()]


def _token_for_practice(url: str) -> str:
    """A made-up token for a gateway on loopback, which may take any.

    :raises SettingsError: it is not on loopback, and no token was given.
    """
    if not is_loopback(urlsplit(signaling_url(url)).hostname or ""):
        raise SettingsError([f"no token was given: {Settings.env_var('auth_token')} or --auth-token"])
    return f"practice-{secrets.token_hex(16)}"


async def _run(
    plan: Plan,
    token: str,
    fields: dict[str, str],
    authorities: ssl.SSLContext,
    cases: Sequence[Case],
    jobs: int,
    time_limit: float,
    told: Terminal,
    version: str,
) -> Report:
    from loadkit.conformance.report import Report
    from loadkit.conformance.runner import run_cases
    from loadkit.conformance.table import heading, row
    from loadkit.conformance.target import open_target

    width = max(len(case.id) for case in cases)

    def tell(result: Result) -> None:
        told.print(row(result, width))

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    started_at, started = datetime.now(UTC), time.monotonic()
    async with open_target(plan, token, ssl_context=authorities, offer_fields=fields) as target:
        await target.reach()
        told.print(heading(plan, cases, width))
        # A second one ends the command at once.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _once, loop, number, stop)
        results = await run_cases(cases, target, jobs=jobs, time_limit=time_limit, told=tell, stop=stop)
    seconds = time.monotonic() - started
    return Report(plan, started_at, seconds, results, version, interrupted=stop.is_set())


def _once(loop: asyncio.AbstractEventLoop, number: signal.Signals, stop: asyncio.Event) -> None:
    stop.set()
    loop.remove_signal_handler(number)


def _write(report: Report, args: argparse.Namespace) -> None:
    from loadkit.conformance.document import json_text
    from loadkit.conformance.junit import junit_text

    for name, make in ((args.json, json_text), (args.junit, junit_text)):
        if name == _STDOUT:
            Terminal().print(make(report).removesuffix("\n"))
        elif name is not None:
            try:
                Path(name).write_text(make(report), encoding="utf-8")
            except OSError as exc:
                raise SettingsError([f"{name!r} cannot be written: {exc.strerror}"]) from None
