"""``python -m loadkit gateway``: the reference gateway in this process, until it is told to end.

Ready is one line on standard output: a sentence for people or, with ``--until-stdin-closes``, JSON for the
process that started it: ``{"url": "ws://127.0.0.1:40123", "port": 40123, "pid": 4711}``, with ``tls_ca``, the
file that verifies a certificate made here, and ``turn_urls``, when there are such.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import gc
import json
import logging
import os
import shlex
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadkit import descriptors
from loadkit.collector import collector_off
from loadkit.errors import ExitCode, GatewayStartError, LoadkitError
from loadkit.gateway.settings import GatewaySettings
from loadkit.transport.addresses import is_loopback

if TYPE_CHECKING:
    from loadkit.gateway.app import Gateway

logger = logging.getLogger(__name__)

#: Objects that are made, less those that are freed, between two runs of the garbage collector; Python has 700.
_GC_OBJECTS = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    GatewaySettings.add_arguments(parser)
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="for a parent process: print the ready line as JSON, end when standard input does",
    )


def run(args: argparse.Namespace) -> int:
    """Run the gateway until SIGINT, SIGTERM or the end of standard input; returns the exit code."""
    # Does nothing when the program has set logging up already.
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s gateway %(process)d %(levelname)s %(message)s",
    )
    try:
        settings = _settings(args)
        # A call holds two sockets or more.
        descriptors.raise_limit()
        _run_loop(settings, args.until_stdin_closes)
    except LoadkitError as exc:
        print(exc, file=sys.stderr)
        return int(exc.exit_code)
    return int(ExitCode.PASSED)


def _settings(args: argparse.Namespace) -> GatewaySettings:
    settings = GatewaySettings.from_arguments(args)
    if args.turn_secret is not None and not args.turn_secret.startswith("@"):
        logger.warning(
            "--turn-secret is in the process list for every user of this machine; use --turn-secret @FILE or %s",
            GatewaySettings.env_var("turn_secret"),
        )
    if args.tokens is not None:
        logger.warning(
            "--token is in the process list for every user of this machine; use %s",
            GatewaySettings.env_var("tokens"),
        )
    if not settings.tokens and not is_loopback(settings.host):
        logger.warning("listening on %s, and every token that is not empty is accepted", settings.host)
    return settings


def _run_loop(settings: GatewaySettings, until_stdin_closes: bool) -> None:
    main = _serve(settings, until_stdin_closes)
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.run(main)
        return
    asyncio.run(main)


async def _serve(settings: GatewaySettings, until_stdin_closes: bool) -> None:
    # Here, so that other commands, which only add these options, start without it.
    with collector_off():
        from loadkit.gateway.app import Gateway
        from loadkit.gateway.tls import ServerTls
        from loadkit.gateway.turn_beside import TurnBeside

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # Ended in reverse: the calls first, then what they need.
    with contextlib.ExitStack() as stack:
        tls = ServerTls.of(settings)
        if tls is not None:
            stack.callback(tls.close)
        turn = None
        if settings.with_turn:
            turn = TurnBeside(settings, tls)
            stack.callback(turn.stop)
            turn.start()
            settings = turn.settings
        gateway = Gateway(settings, tls=tls)
        await _start(gateway)
        watching = asyncio.create_task(turn.watch()) if turn is not None else None
        # Long-lived objects of the imports are not worth looking at again in the middle of a call.
        gc.freeze()
        # A session's set-up makes many objects and leaves few. The collector comes less often, but it comes: what
        # sessions leave behind is bounded by this number of objects, and by a quarter of those that live.
        gc.set_threshold(_GC_OBJECTS, 20, 20)
        certified = turn or tls
        authority = certified.authority if certified is not None else None
        print(_ready_line(gateway, authority, as_json=until_stdin_closes), flush=True)
        if until_stdin_closes:
            _watch_stdin(loop, stop)
        await stop.wait()
        await gateway.close()
        if watching is not None:
            watching.cancel()


async def _start(gateway: Gateway) -> None:
    try:
        await gateway.start()
    except OSError as exc:
        host, port = gateway.settings.host, gateway.settings.port
        reason = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else str(exc)
        # Another port is no help where the address is not one of this machine's.
        remedy = "; --port 0 takes a free port" if exc.errno in (errno.EADDRINUSE, errno.EACCES) else ""
        raise GatewayStartError(f"the gateway cannot listen on {host} port {port}: {reason}{remedy}") from exc


def _ready_line(gateway: Gateway, authority: Path | None, *, as_json: bool) -> str:
    """:param authority: PEM file that callers need to verify the gateway, its TURN server or both."""
    urls = gateway.settings.turn_urls
    if as_json:
        ready: dict[str, Any] = {"url": gateway.url, "port": gateway.port, "pid": os.getpid()}
        if authority is not None:
            ready["tls_ca"] = str(authority)
        if urls:
            ready["turn_urls"] = list(urls)
        return json.dumps(ready)
    # A call without one is refused, here as elsewhere: what is proposed has to work as it stands.
    tokens, token = ("one of its tokens", "…") if gateway.settings.tokens else ("any token", "any")
    trust = f" --tls-ca {shlex.quote(str(authority))}" if authority is not None else ""
    told = f" Callers are told of {', '.join(urls)}." if urls else ""
    return (
        f"The gateway listens at {gateway.url} and takes {tokens}; try"
        f" LOADKIT_AUTH_TOKEN={token} locust -f locustfile.py --host {gateway.url}{trust},"
        f" or {gateway.url.replace('ws', 'http', 1)}/health."
        f"{told} Ctrl-C ends it."
    )


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Set ``stop`` at the end of standard input, whatever it is: a parent that is killed closes it too."""

    def read() -> None:
        # Not through sys.stdin, whose lock a daemon thread must not hold when the interpreter ends.
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop has ended before
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=read, name="stdin", daemon=True).start()
