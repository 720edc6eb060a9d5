"""Events to a file, one JSON object per line, without a call ever waiting for the disk.

Events go to a bounded buffer, and a thread writes it out a few times a second and at the end. What the buffer
or the disk does not take is counted, and told by an ``events_lost`` as soon as the disk takes that.
"""

from __future__ import annotations

import json
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadkit.errors import SettingsError
from loadkit.gateway.events import EVENTS_VERSION

logger = logging.getLogger(__name__)

_CAPACITY = 20_000
_FLUSH_S = 0.2
#: How long the end of the gateway waits for a disk that does not answer.
_CLOSE_S = 2.0
_OF_THE_GATEWAY: Mapping[str, Any] = {"session_id": None, "call_sid": None, "mode": None}


class EventLog:
    """One file, appended to; several gateways may write to the same.

    :param unix_offset: seconds to add to the monotonic clock to get Unix time.
    :param capacity: events that are kept while the disk does not take them.
    :raises SettingsError: the file cannot be opened.
    """

    def __init__(self, path: Path, unix_offset: float, *, capacity: int = _CAPACITY) -> None:
        self._path = path
        self._unix_offset = unix_offset
        self._capacity = capacity
        self._buffer: deque[tuple[Mapping[str, Any], float]] = deque()
        # Each of these is counted in one thread only.
        self._refused = self._unwritten = self._told = 0
        self._warned = False
        self._torn = False
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as exc:
            raise SettingsError([f"--events {path}: it cannot be written: {exc.strerror}"]) from exc
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write_out, name="events", daemon=True)

    def write(self, event: Mapping[str, Any], now: float) -> None:
        """Take an event that happened at ``now``, on the monotonic clock; never blocks, never raises."""
        if len(self._buffer) < self._capacity:
            self._buffer.append((event, now))
        else:
            self._refused += 1

    def start(self, **fields: object) -> None:
        """Begin to write, with the event that the gateway has started."""
        self._thread.start()
        own = {**_OF_THE_GATEWAY, "event": "gateway_started", "version": EVENTS_VERSION, "pid": os.getpid()}
        self.write(own | fields, time.monotonic())

    def close(self) -> None:
        """Write what is left; a disk that does not take it in time is not waited for."""
        self._closing.set()
        self._thread.join(_CLOSE_S)

    # In the thread

    def _write_out(self) -> None:
        while not self._closing.wait(_FLUSH_S):
            self._flush()
        self._flush()
        os.close(self._file)

    def _flush(self) -> None:
        lines = [self._line(*self._buffer.popleft()) for _ in range(len(self._buffer))]
        events = len(lines)
        lost = self._refused + self._unwritten - self._told
        if lost:
            own = {**_OF_THE_GATEWAY, "event": "events_lost", "count": lost}
            lines.append(self._line(own, time.monotonic()))
        if lines:
            written = self._put(b"".join(lines))
            self._unwritten += max(0, events - written)
            if lost and written == len(lines):
                self._told += lost

    def _put(self, data: bytes) -> int:
        """Write; returns how many whole lines the disk took."""
        if self._torn:
            # A line that the disk took half of is ended first, so that the next one can be read.
            data = b"\n" + data
        done = 0
        try:
            while done < len(data):
                done += os.write(self._file, data[done:])
        except OSError as exc:
            if not self._warned:
                self._warned = True
                logger.error("events cannot be written to %s: %s; calls go on", self._path, exc.strerror)
        lines = data[:done].count(b"\n") - (self._torn and done > 0)
        if done:
            self._torn = data[done - 1 : done] != b"\n"
        return lines

    def _line(self, event: Mapping[str, Any], now: float) -> bytes:
        offset = self._unix_offset
        told: dict[str, Any] = {"at": round(now + offset, 6), "monotonic": round(now, 6)}
        for name, value in event.items():
            unix = name.endswith("_at") and isinstance(value, float)
            told[name] = round(value + offset, 6) if unix else value
        try:
            text = json.dumps(told, default=str, allow_nan=False)
        except Exception:  # noqa: BLE001 - what an agent of the user's notes may be anything, and may raise anything
            # No JSON, such as NaN or a list that holds itself: as text, so that the line can be read.
            text = json.dumps({name: _plain(value) for name, value in told.items()})
        return text.encode() + b"\n"


def _plain(value: object) -> str | int | float | None:
    """A value as JSON has it, others as text."""
    if value is None or isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    try:
        return repr(value)
    except Exception as exc:  # noqa: BLE001 - it is the user's
        return f"(it cannot be written: {type(exc).__name__})"
