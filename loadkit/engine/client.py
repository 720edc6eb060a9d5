"""The Locust process's end of the pipe to an engine, in plain blocking Python.

It uses ``socket``, ``threading`` and ``subprocess`` only: in a Locust process these are gevent's, and the
threads are greenlets. An engine that dies takes its calls with it, and each of them leaves a record with
the code ``ENGINE_LOST``.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loadkit.call.spec import CallSpec
from loadkit.engine.link import Message, MessageReader, pack
from loadkit.engine.lost_calls import HeldCall, record_of_lost_call
from loadkit.errors import EngineError, Stage
from loadkit.records import Outcome, to_row

_READY_S = 60.0
_STOP_S = 12.0
#: The folder that holds the package, for a child that was started from anywhere.
_PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])


class EngineLost(EngineError):
    """The engine process is gone."""


class _Reply:
    """What a command waits for."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.message: Message = {}


class EngineClient:
    """One engine process.

    :param name: unique in the run, for the records.
    :param on_record: called with each record's row, also for calls that were lost with the engine.
    :param on_figures: called once a second with the engine's figures.
    :param on_lost: called when the engine has died without having been told to.
    """

    def __init__(
        self,
        name: str,
        *,
        on_record: Callable[[dict[str, Any]], None],
        on_figures: Callable[[dict[str, Any]], None],
        on_lost: Callable[[EngineClient], None],
    ) -> None:
        self.name = name
        #: Calls in progress, by call_id.
        self.calls: dict[str, HeldCall] = {}
        self.alive = False
        #: Pieces of messages that have come from it, and whether it has begun to tell of itself once a second.
        self.messages = 0
        self.telling = False
        self._on_record = on_record
        self._on_figures = on_figures
        self._on_lost = on_lost
        self._ids = itertools.count(1)
        self._replies: dict[int, tuple[str, _Reply]] = {}
        self._waiting: dict[str, threading.Event] = {}
        self._outbox: queue.Queue[bytes | None] = queue.Queue()
        self._configured = threading.Event()
        self._refused: str | None = None
        self._stopping = False
        self._stopped = threading.Event()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process; None before :meth:`start`."""
        return self._process.pid if self._process else None

    def start(self, configuration: Message) -> None:
        """Start the process and wait until it has loaded its samples.

        :raises EngineError: it refused the settings or a sample, or did not come up.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            os.set_inheritable(theirs.fileno(), True)
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "loadkit.engine", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=_child_environment(),
                )
            except OSError as exc:
                ours.close()
                raise EngineError(f"engine {self.name} could not be started: {exc.strerror}") from exc
        self._socket = ours
        self.alive = True
        threading.Thread(target=self._read, daemon=True, name=f"engine {self.name}").start()
        threading.Thread(target=self._write, daemon=True, name=f"to engine {self.name}").start()
        self.configure(configuration)

    def configure(self, configuration: Message) -> None:
        """Give new settings, also to a running engine between two runs.

        :raises EngineError: refused, or no answer.
        """
        self._configured.clear()
        self._refused = None
        self._send({"op": "configure", **configuration})
        if not self._configured.wait(_READY_S):
            raise EngineError(f"engine {self.name} did not come up within {_READY_S:g} s")
        if self._refused is not None:
            raise EngineError(self._refused)
        if not self.alive:
            raise EngineLost(f"engine {self.name} ended while it started; see its message above")

    def place(self, spec: CallSpec) -> None:
        """Place a call; its record comes to ``on_record``.

        :raises EngineLost: the engine is gone; no record follows.
        :raises TypeError: the spec holds a value that cannot be sent.
        """
        if not self.alive:
            raise EngineLost(f"engine {self.name} is gone")
        data = pack({"op": "place", "call": spec.to_message()})
        self.calls[spec.call_id] = HeldCall(spec)
        self._outbox.put(data)

    def command(self, call_id: str, name: str, within: float, /, **args: Any) -> Message:
        """Run a command of the script; returns the reply's message.

        A reply holds ``value``, or ``ended`` when the call ended meanwhile, or ``error``.
        """
        number, reply = next(self._ids), _Reply()
        self._replies[number] = (call_id, reply)
        try:
            if not self.alive:
                return {"ended": _lost_end(self.name)}
            self._send({"op": "command", "id": number, "call_id": call_id, "name": name, "args": args})
            if not reply.done.wait(within):
                return {"stalled": True}
            return reply.message
        finally:
            self._replies.pop(number, None)

    def end(self, call_id: str, outcome: Outcome, error: dict[str, str] | None = None) -> None:
        """End a call from our side; its record follows."""
        if self.alive:
            self._send({"op": "end", "call_id": call_id, "outcome": str(outcome), "error": error})

    def wait_until_over(self, call_id: str, timeout: float) -> bool:
        """Wait until a call has left its record; False after the time-out."""
        over = threading.Event()
        self._waiting[call_id] = over
        try:
            return call_id not in self.calls or over.wait(timeout)
        finally:
            self._waiting.pop(call_id, None)

    def stop(self) -> None:
        """Cancel all calls, wait for their records, end the process; nothing is left behind."""
        self._stopping = True
        if self.alive:
            self._send({"op": "stop"})
            self._stopped.wait(_STOP_S)
        if self._process is not None:
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def give_up(self, call_id: str, why: str = "left no record although the call was ended") -> None:
        """Record a call that has left no record although it was ended; a late record is dropped."""
        held = self.calls.pop(call_id, None)
        if held is not None:
            self._record_lost(held, "ENGINE_STALLED", why)

    def abandon(self) -> None:
        """End a process that stands still, at once; its calls are recorded as ENGINE_STALLED."""
        self._stopping = True
        for call_id in list(self.calls):
            self.give_up(call_id, "stood still while it held this call, and was ended")
        if self._process is not None:
            self._process.kill()

    def _send(self, message: Message) -> None:
        self._outbox.put(pack(message))

    def _write(self) -> None:
        """One writer: a user that is killed while the pipe is full must not leave half a message on it."""
        assert self._socket is not None
        while True:
            data = self._outbox.get()
            if data is None:
                return
            with contextlib.suppress(OSError):
                # A broken pipe is seen, and told, by the reader.
                self._socket.sendall(data)

    def _read(self) -> None:
        assert self._socket is not None
        reader = MessageReader()
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                break
            self.messages += 1
            for message in reader.feed(data):
                self._receive(message)
        self._gone()

    def _receive(self, message: Message) -> None:
        match message["ev"]:
            case "ready":
                self._configured.set()
            case "refused":
                self._refused = message["reason"]
                self._configured.set()
            case "reply":
                call_id, reply = self._replies.get(message["id"], ("", None))
                if reply is not None:
                    if "value" in message and call_id in self.calls:
                        self._answered(self.calls[call_id], message["value"])
                    reply.message = message
                    reply.done.set()
            case "record":
                row = message["row"]
                call_id = row["call"]["call_id"]
                if call_id in self.calls:
                    self._on_record(self._signed(row))
                    self.calls.pop(call_id, None)
                if call_id in self._waiting:
                    self._waiting[call_id].set()
            case "figures":
                self.telling = True
                self._on_figures({"engine": self.name, **message["row"]})
            case "stopped":
                self._stopped.set()

    def _signed(self, row: dict[str, Any]) -> dict[str, Any]:
        row["call"]["engine"] = self.name
        return row

    def _gone(self) -> None:
        """The pipe is at its end: every call that was in progress is lost."""
        self.alive = False
        self._configured.set()
        self._stopped.set()
        lost, self.calls = list(self.calls.values()), {}
        for held in lost:
            self._record_lost(held, "ENGINE_LOST", "died while it held this call")
        for over in list(self._waiting.values()):
            over.set()
        for _, reply in list(self._replies.values()):
            reply.message = {"ended": _lost_end(self.name)}
            reply.done.set()
        self._outbox.put(None)
        if not self._stopping:
            self._on_lost(self)

    @staticmethod
    def _answered(held: HeldCall, value: Any) -> None:
        """A script's first command waits for the connection, and is told how late the call started."""
        held.connected = True
        if isinstance(value, dict) and "setup_ms" in value:
            held.start_delay_ms = value.get("start_delay_ms")

    def _record_lost(self, held: HeldCall, code: str, what: str) -> None:
        record = record_of_lost_call(held, code, f"engine {self.name} (process {self.pid}) {what}")
        self._on_record(self._signed({"call": to_row(record), "turns": []}))


def _lost_end(name: str) -> dict[str, str]:
    return {
        "outcome": Outcome.FAILED,
        "stage": Stage.PLACE,
        "code": "ENGINE_LOST",
        "message": f"engine {name} died",
    }


def _child_environment() -> dict[str, str]:
    """Our environment without secrets, with the package on the path.

    The token goes through the pipe: an environment can be read in the process list.
    """
    environment = {key: value for key, value in os.environ.items() if key != "LOADKIT_AUTH_TOKEN"}
    path = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = _PACKAGE_PARENT + (os.pathsep + path if path else "")
    return environment
