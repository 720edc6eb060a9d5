"""A master of Locust's protocol that starts a worker in the same breath in which it greets it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgpack
import zmq


class HastyMaster:
    """Acknowledges a worker and has it spawn, with nothing between the two; then listens.

    :param index: the worker's place, as a master tells it.
    """

    def __init__(self, socket: zmq.Socket[bytes], index: int, host: str, users: dict[str, int]) -> None:
        self._socket = socket
        self._index = index
        self._job = {
            "timestamp": 1.0,
            "user_classes_count": users,
            "host": host,
            "stop_timeout": 0.0,
            "parsed_options": {},
        }

    def message(self, kind: str, within: float = 60.0) -> Any:
        """What comes next from a worker in a message of this kind.

        :param within: seconds to wait.
        :raises AssertionError: none came.
        """
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0:
            if not self._socket.poll(int(left * 1000) + 1):
                break
            worker, packed = self._socket.recv_multipart()
            name, data, _ = msgpack.loads(packed, strict_map_key=False)
            if name == "client_ready":
                self._send(worker, "ack", {"index": self._index})
                self._send(worker, "spawn", self._job)
            if name == kind:
                return data
        raise AssertionError(f"no {kind} came within {within:g} s")

    def _send(self, worker: bytes, kind: str, data: Any) -> None:
        self._socket.send_multipart([worker, msgpack.dumps((kind, data, worker.decode()))])


@contextmanager
def hasty_master(port: int, index: int, host: str, users: dict[str, int]) -> Iterator[HastyMaster]:
    """One that listens at this port of 127.0.0.1."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.linger = 0
        socket.bind(f"tcp://127.0.0.1:{port}")
        yield HastyMaster(socket, index, host, users)
