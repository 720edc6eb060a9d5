"""A real coturn: takes the gateway's credentials, relays, and ends with whoever started it."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
from aioice.stun import TransactionFailed
from aioice.turn import create_turn_endpoint
from pydantic import SecretStr

from loadkit.errors import GatewayStartError
from loadkit.gateway.coturn import Coturn
from loadkit.gateway.self_signed import write_self_signed
from loadkit.gateway.settings import GatewaySettings
from loadkit.gateway.turn import ice_servers
from tests.conftest import TURN_SECRET, TurnServer
from tests.waiting import PATIENCE_S, has_ended

from .conftest import StartGateway

ROOT = Path(__file__).parents[2]
PATHS = ("udp", "tcp", "tls")


class Heard(asyncio.DatagramProtocol):
    """Keeps what comes; sends it back when it is the other side."""

    def __init__(self, echo: bool = False) -> None:
        self._echo = echo
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.put_nowait(data)
        if self._echo:
            self.transport.sendto(data, addr)


@asynccontextmanager
async def relayed(url: str, username: str, credential: str, authority: Path) -> AsyncIterator[Heard]:
    """An allocation at this TURN URL, made by aioice."""
    scheme, _, rest = url.partition(":")
    parts = urlsplit("//" + rest)
    assert parts.hostname is not None
    assert parts.port is not None
    transport, protocol = await create_turn_endpoint(
        Heard,
        (parts.hostname, parts.port),
        username,
        credential,
        ssl=ssl.create_default_context(cafile=authority) if scheme == "turns" else False,
        transport=parts.query.removeprefix("transport="),
    )
    try:
        yield protocol
    finally:
        transport.close()


async def goes_there_and_back(url: str, username: str, credential: str, authority: Path) -> bool:
    """Whether a packet through this TURN URL reaches a socket beside it, and its echo comes back."""
    loop = asyncio.get_running_loop()
    peer, _ = await loop.create_datagram_endpoint(lambda: Heard(echo=True), ("127.0.0.1", 0))
    try:
        async with relayed(url, username, credential, authority) as caller, asyncio.timeout(PATIENCE_S):
            caller.transport.sendto(b"north", peer.get_extra_info("sockname"))
            return await caller.heard.get() == b"north"
    finally:
        peer.close()


def credentials(secret: str, unix_now: float, *urls: str) -> tuple[str, str]:
    """User name and credential as the gateway makes them."""
    settings = GatewaySettings(turn_urls=urls, turn_secret=SecretStr(secret))
    (entry,) = ice_servers(settings, unix_now)
    return str(entry["username"]), str(entry["credential"])


@pytest.mark.parametrize("path", range(3), ids=PATHS)
async def test_coturn_takes_what_the_gateway_issues(
    turn_server: TurnServer, start_gateway: StartGateway, path: int
) -> None:
    gateway = await start_gateway(turn_urls=turn_server.urls, turn_secret=turn_server.secret, turn_ttl="24h")
    url = gateway.url.replace("ws:", "http:") + "/api/v1/ice-servers?token=t"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        (entry,) = (await response.json())["iceServers"]
    assert len(entry["urls"]) == 3
    assert await goes_there_and_back(
        entry["urls"][path], entry["username"], entry["credential"], turn_server.authority
    )


@pytest.mark.parametrize("path", range(3), ids=PATHS)
async def test_coturn_refuses_an_expired_credential(turn_server: TurnServer, path: int) -> None:
    url = turn_server.urls[path]
    username, credential = credentials(turn_server.secret, time.time() - 86_400 - 60, url)
    with pytest.raises(TransactionFailed, match="401"):
        async with relayed(url, username, credential, turn_server.authority):
            pass


@pytest.mark.parametrize("path", range(3), ids=PATHS)
async def test_coturn_refuses_a_credential_under_another_secret(turn_server: TurnServer, path: int) -> None:
    url = turn_server.urls[path]
    username, credential = credentials("south", time.time(), url)
    with pytest.raises(TransactionFailed, match="401"):
        async with relayed(url, username, credential, turn_server.authority):
            pass


async def test_turns_works_on_port_443(tmp_path: Path) -> None:
    # An address of its own: on another the same test of somebody else may hold this port just now.
    address = f"127.0.{random.randrange(2, 255)}.44"
    _needs_coturn()
    try:
        socket.create_server((address, 443)).close()
    except OSError as exc:
        if "CI" in os.environ:
            raise
        pytest.skip(f"left out: turns: on port 443, which may not be bound here ({exc.strerror})")
    certificate, key = write_self_signed(tmp_path, [address])
    coturn = Coturn(TURN_SECRET, address=address, tls_port=443, certificate=(certificate, key))
    coturn.start()
    try:
        url = coturn.urls[2]
        assert url == f"turns:{address}:443?transport=tcp"
        assert await goes_there_and_back(url, *credentials(TURN_SECRET, time.time(), url), certificate)
    finally:
        coturn.stop()


async def test_its_tls_is_1_2_at_least(turn_server: TurnServer) -> None:
    context = ssl.create_default_context(cafile=turn_server.authority)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    # It says nothing at all: the handshake is given up here.
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection(
            "127.0.0.1", turn_server.coturn.ports.tls, ssl=context, ssl_handshake_timeout=3
        )


def test_the_secret_is_in_no_command_line_and_no_environment(turn_server: TurnServer) -> None:
    process = psutil.Process(turn_server.coturn.pid)
    for one in (process, process.parent()):
        assert one is not None
        assert not any("static-auth" in part or part == TURN_SECRET for part in one.cmdline())
        assert set(one.environ()) <= {"PATH", "LANG", "TZ", "LC_CTYPE"}
    configuration = Path(process.cmdline()[-1])
    assert f"static-auth-secret={TURN_SECRET}\n" in configuration.read_text()
    assert stat.S_IMODE(configuration.stat().st_mode) == 0o600


def test_it_ends_and_leaves_nothing() -> None:
    _needs_coturn()
    coturn = Coturn(TURN_SECRET)
    coturn.start()
    process = psutil.Process(coturn.pid)
    family = [process, *process.parents()[:1]]
    folder = Path(process.cmdline()[-1]).parent
    coturn.stop()
    coturn.stop()
    assert coturn.pid is None
    assert all(has_ended(one) for one in family)
    assert not folder.exists()


_PARENT = (
    "import sys, time; from loadkit.gateway.coturn import Coturn; c = Coturn('north'); c.start();"
    "print(c.pid, flush=True); time.sleep(600)"
)


@pytest.mark.parametrize("who", ["parent", "lifeline"])
def test_it_ends_when_whoever_holds_it_is_killed(who: str) -> None:
    _needs_coturn()
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        process = psutil.Process(int(parent.stdout.readline()))
        lifeline = process.parent()
        assert lifeline is not None
        folder = Path(process.cmdline()[-1]).parent
        assert folder.exists()
        (parent if who == "parent" else lifeline).send_signal(signal.SIGKILL)
        ended = has_ended(process)
        parent.kill()
    assert ended
    if who == "parent":
        assert has_ended(lifeline)
        assert not folder.exists()
    # Whoever would have removed it has been killed: both, one after the other.
    shutil.rmtree(folder, ignore_errors=True)


def test_ctrl_c_at_the_terminal_is_not_for_it() -> None:
    _needs_coturn()
    coturn = Coturn(TURN_SECRET)
    coturn.start()
    try:
        assert coturn.pid is not None
        assert os.getsid(coturn.pid) not in (os.getsid(0), 0)
        assert coturn.ended is None
        os.kill(coturn.pid, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_S
        while coturn.ended is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert str(coturn.ended).startswith("exit code 137; ")
    finally:
        coturn.stop()


def test_a_port_in_use_is_told_in_a_sentence() -> None:
    _needs_coturn()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(GatewayStartError) as caught:
            Coturn(TURN_SECRET, port=port).start()
    assert str(caught.value) == f"coturn cannot listen on 127.0.0.1 port {port}: Address already in use"


def test_free_ports_are_drawn_where_the_system_gives_none_to_others() -> None:
    given = range(*map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()))
    for _ in range(20):
        ports = Coturn(TURN_SECRET, certificate=(Path("certificate"), Path("key"))).ports
        assert ports.tls not in (None, ports.plain)
        assert ports.plain not in given
        assert ports.tls not in given


async def test_certificates_are_found_from_where_the_gateway_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _needs_coturn()
    monkeypatch.chdir(tmp_path)
    certificate, key = write_self_signed(Path(), ["127.0.0.1"])
    coturn = Coturn(TURN_SECRET, certificate=(certificate, key))
    coturn.start()
    try:
        url = coturn.urls[2]
        assert await goes_there_and_back(url, *credentials(TURN_SECRET, time.time(), url), certificate)
    finally:
        coturn.stop()


def test_what_keeps_it_from_coming_up_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not end by itself: it is given up when its time is over, here as soon as it has complained."""
    _needs_coturn()
    coturn = Coturn(TURN_SECRET, certificate=(tmp_path / "none.pem", tmp_path / "none.key"))
    answers, deadline = coturn._answers, time.monotonic() + PATIENCE_S

    def answers_when_it_has_complained() -> bool:
        while not any("cannot find certificate" in line for line in coturn._last_lines()):
            assert time.monotonic() < deadline, coturn._last_lines()
            time.sleep(0.05)
        return answers()

    monkeypatch.setattr("loadkit.gateway.coturn._START_S", 0.0)
    monkeypatch.setattr(coturn, "_answers", answers_when_it_has_complained)
    with pytest.raises(
        GatewayStartError, match=r"did not come up within 0 s: .*cannot find certificate file"
    ):
        coturn.start()
    assert coturn.pid is None


def test_without_coturn_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not Coturn.installed()
    with pytest.raises(
        GatewayStartError, match=r"coturn is not installed; on Debian: apt-get install coturn"
    ):
        Coturn(TURN_SECRET).start()


def test_beyond_loopback_it_relays_to_its_own_address_alone() -> None:
    lines = Coturn(TURN_SECRET, address="192.0.2.7", port=3478)._configuration(Path("x")).splitlines()
    assert "allowed-peer-ip=192.0.2.7" in lines
    assert "denied-peer-ip=0.0.0.0-255.255.255.255" in lines
    assert "allow-loopback-peers" not in lines


def _needs_coturn() -> None:
    if not Coturn.installed() and not os.environ.get("CI"):
        pytest.skip("coturn is not installed: apt-get install coturn")
