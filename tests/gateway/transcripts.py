"""Plays the conversations of ``tests/data/gateway`` against a real gateway; the grammar is in its README."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from loadkit.gateway.agent import Agent, AgentCall, AgentFactory, AgentUnavailable
from loadkit.gateway.app import Gateway
from loadkit.gateway.settings import GatewaySettings
from loadkit.media.samples import silence
from tests.waiting import PATIENCE_S, until

from .callers import Caller
from .transcript_client import Client

WITNESS_TOKEN = "witness"
_CLIENT = re.compile(r"^([A-Z])([><*]|>long|>deep|>binary|>half) (.*)$")


@dataclass(frozen=True)
class Line:
    """One line that says something."""

    place: str
    """File and number."""
    client: str
    """The letter of a client; empty for a line about the gateway."""
    sign: str
    rest: str


def lines_of(path: Path) -> Iterator[Line]:
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not text or text.startswith("#"):
            continue
        place = f"{path.name}:{number}"
        if match := _CLIENT.match(text):
            yield Line(place, match[1], match[2], match[3])
        else:
            sign, _, rest = text.partition(" ")
            yield Line(place, "", sign, rest)


class Quiet(Agent):
    """An agent that says nothing, for ever."""

    def start(self, now: float) -> None: ...
    def packet_received(self, payload: bytes, now: float) -> None: ...
    def next_packet(self, now: float) -> bytes:
        return silence()


class Leaving(Quiet):
    """An agent that hangs up as soon as the caller says something."""

    def packet_received(self, payload: bytes, now: float) -> None:
        self.hung_up = True


class Breaking(Quiet):
    """An agent that fails as soon as the caller says something."""

    def packet_received(self, payload: bytes, now: float) -> None:
        raise RuntimeError("the agent broke")


def _unavailable(call: AgentCall) -> Agent:
    raise AgentUnavailable(f"no agent for {call.mode} can be had")


AGENTS: dict[str, AgentFactory] = {
    "quiet": lambda call: Quiet(),
    "leaves": lambda call: Leaving(),
    "breaks": lambda call: Breaking(),
    "unavailable": _unavailable,
}


def settings_of(options: str, *, witnessed: bool) -> GatewaySettings:
    """The gateway's settings out of options as they are written on a command line."""
    parser = argparse.ArgumentParser()
    GatewaySettings.add_arguments(parser)
    words = shlex.split(options)
    if witnessed and "--token" in words:
        words += ["--token", WITNESS_TOKEN]
    return GatewaySettings.from_arguments(parser.parse_args(words), environment={})


class Witness:
    """Another call on the same gateway, which must not notice anything."""

    def __init__(self, caller: Caller, mode: str) -> None:
        self._caller = caller
        self._mode = mode
        self._number = 0

    async def assert_unharmed(self) -> None:
        """What it says now comes back; or, where echo is not permitted, the agent goes on."""
        caller = self._caller
        if self._mode != "echo":
            await caller.hears(len(caller.heard) + 1)
            return
        self._number += 1
        payload = f"witness {self._number}".encode()
        caller.say(payload)
        await caller.hears(self._number)
        assert caller.heard[-1][0].payload == payload


class Stage:
    """A gateway, its clients, and the witness."""

    def __init__(self, gateway: Gateway, witness: Witness | None) -> None:
        self.clients: dict[str, Client] = {}
        self._gateway = gateway
        self._witness = witness
        self._names: dict[str, str] = {}

    async def play(self, line: Line) -> None:
        if line.client:
            await self._play_client(self._client(line.client), line)
        elif line.sign == "sessions":
            others = 0 if self._witness is None else 1
            await until(lambda: self._gateway.active_sessions == int(line.rest) + others)
        elif line.sign == "gateway-ends":
            await self._gateway.close()
        else:
            raise AssertionError(f"{line.place}: no such line: {line.sign}")
        if self._witness is not None:
            await self._witness.assert_unharmed()

    def _client(self, letter: str) -> Client:
        if letter not in self.clients:
            self.clients[letter] = Client(self._gateway, self._names)
        return self.clients[letter]

    @staticmethod
    async def _play_client(client: Client, line: Line) -> None:
        match line.sign:
            case ">":
                await client.send(line.rest)
            case ">long":
                await (await client.connection()).send("x" * int(line.rest))
            case ">deep":
                depth = int(line.rest)
                await client.send('{"type":' * depth + '"ping"' + "}" * depth)
            case ">binary":
                await (await client.connection()).send(bytes.fromhex(line.rest))
            case ">half":
                await _send_half(await client.connection(), line.rest)
            case "<":
                await client.expect(line.rest)
            case "*":
                verb, _, argument = line.rest.partition(" ")
                await client.act(verb, argument)

    async def assert_unharmed(self) -> None:
        for client in self.clients.values():
            await client.assert_unharmed()


async def _send_half(connection: ClientConnection, text: str) -> None:
    """The first fragment of a message that never ends."""
    async with connection.send_context():
        connection.protocol.send_text(text.encode(), fin=False)


@asynccontextmanager
async def _witnessing(gateway: Gateway) -> AsyncIterator[Witness]:
    mode = "traditional" if gateway.settings.production else "echo"
    async with Caller(gateway, token=WITNESS_TOKEN) as caller:
        with _patient(gateway):
            await caller.place(mode)
        yield Witness(caller, mode)


@contextmanager
def _patient(gateway: Gateway) -> Iterator[None]:
    """Give sessions that are opened now all the time that they need to connect."""
    context = gateway._context
    assert context is not None
    patient = context.settings.model_copy(update={"connect_timeout": PATIENCE_S})
    gateway._context = replace(context, settings=patient)
    yield
    gateway._context = context


async def play(path: Path) -> None:
    """Play one transcript.

    :raises AssertionError: with file and line.
    """
    lines = list(lines_of(path))
    options = next((line.rest for line in lines if line.sign == "gateway"), "")
    agent = next((line.rest for line in lines if line.sign == "agent"), "quiet")
    alone = any(line.sign == "alone" for line in lines)
    gateway = Gateway(settings_of(options, witnessed=not alone), AGENTS[agent])
    await gateway.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(gateway.close)
        witness = None if alone else await stack.enter_async_context(_witnessing(gateway))
        stage = Stage(gateway, witness)
        for line in lines:
            if line.sign in ("gateway", "agent", "alone"):
                continue
            try:
                await stage.play(line)
            except (AssertionError, TimeoutError, KeyError, ConnectionClosed) as exc:
                raise AssertionError(f"{line.place}: {line.sign} {line.rest}: {exc!r}") from exc
        try:
            await stage.assert_unharmed()
        finally:
            for client in stage.clients.values():
                await client.close()
