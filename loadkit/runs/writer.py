"""What a run appends to its folder while it goes.

Lines are kept in memory until :meth:`RunWriter.flush`, which hands them to the operating system: a process
that is killed afterwards loses none of them. Once a second they are forced to the disk, too, so that a
machine that loses power loses about a second. A full disk does not end a run: what could not be written
is kept, tried again at the next flush, told in the log at once, and in :attr:`RunWriter.faults`. A folder that
was removed or moved is made again, with all that it held: the open files still have it.
"""

from __future__ import annotations

import json
import logging
import math
import os
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from loadkit.runs.folder import RunFolder
from loadkit.runs.replace import replaced, write_text

logger = logging.getLogger(__name__)

#: Bytes that wait in memory for a disk that takes none; lines beyond that are dropped, and counted.
PENDING_LIMIT = 256 * 1024 * 1024

FSYNC_EVERY_S = 1.0

#: Bytes that are copied at once.
_PIECE = 1 << 20

#: A call that is told a second time, by a worker whose message was lost on its way, is told within seconds: so many ids
#: are remembered, three minutes of 1,000 calls a second, and none for longer than so many seconds, so that memory does
#: not grow with the run: an id takes 230 bytes, which at 5 calls a second was 4 MB an hour.
CALLS_REMEMBERED = 200_000
REMEMBERED_S = 300.0


class RunWriter:
    """Appends to the raw files of one run. Not for use from several threads at once.

    :param clock: monotonic seconds; a test hands its own in.
    """

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self.faults: list[str] = []
        """What went wrong with the disk, one sentence for each kind of fault."""
        self.dropped_lines = 0
        """Lines that were given up because the disk took none for too long."""
        self.rescued: list[Path] = []
        """Files in the folder for temporary files that hold what the disk did not take until the end."""
        #: Files that could not be written the last time.
        self._failing: set[Path] = set()
        #: What run.json is to hold.
        self._run: str | None = None
        self._run_written = True
        self._records = _Appender(folder.records, clock)
        self._figures = _Appender(folder.figures, clock)
        #: In the order in which they came.
        self._call_ids: OrderedDict[str, float] = OrderedDict()
        self._clock = clock
        self._calls_written = 0
        self._arrivals = _Appender(folder.arrivals, clock)
        self._health = _Appender(folder.health, clock)
        self._appenders = [self._records, self._figures]
        self.flush()

    @property
    def calls_written(self) -> int:
        """Different calls handed in so far."""
        return self._calls_written

    @property
    def lines_missing(self) -> int:
        """Lines that are not in the run folder although they were handed in and flushed."""
        return self.dropped_lines + sum(a.pending.count(b"\n") for a in self._appenders)

    def write_call(self, call: Mapping[str, Any], turns: Iterable[Mapping[str, Any]] = ()) -> bool:
        """Append one call and its turns; ``False`` when a call of this ``call_id`` was here before."""
        call_id = str(call["call_id"])
        if call_id in self._call_ids:
            return False
        now = self._call_ids[call_id] = self._clock()
        self._calls_written += 1
        while len(self._call_ids) > CALLS_REMEMBERED or now - self._oldest() > REMEMBERED_S:
            self._call_ids.popitem(last=False)
        self._append(self._records, {"call": dict(call), "turns": [dict(turn) for turn in turns]})
        return True

    def write_figures(self, row: Mapping[str, Any]) -> None:
        """Append the figures of one engine for one second."""
        self._append(self._figures, dict(row))

    def write_arrivals(self, row: Mapping[str, Any]) -> None:
        """Append the arrivals of one second; a run without any has no such file."""
        if self._arrivals not in self._appenders:
            self._appenders.append(self._arrivals)
        self._append(self._arrivals, dict(row))

    def write_health(self, row: Mapping[str, Any]) -> None:
        """Append one look at the gateway's health; a run that never looked has no such file."""
        if self._health not in self._appenders:
            self._appenders.append(self._health)
        self._append(self._health, dict(row))

    def write_run(self, run: Mapping[str, Any]) -> None:
        """Put ``run`` in the place of ``run.json``, whole or not at all; in vain, and :meth:`flush` tries again."""
        self._run = json.dumps(_strict(dict(run)), ensure_ascii=False, indent=2, allow_nan=False, default=str)
        self._run_written = False
        self._flush_run()

    def flush(self) -> None:
        """Hand all lines so far to the operating system; at most once a second, to the disk as well."""
        for appender in self._appenders:
            try:
                appender.flush()
            except OSError as error:
                self._remember(appender.path, error)
            else:
                self._written(appender.path)
        if self._run is not None and (not self._run_written or not self.folder.run.exists()):
            self._flush_run()

    def close(self) -> None:
        """Flush for the last time and close the files; what no disk has taken is left in the temporary folder."""
        self.flush()
        for appender in self._appenders:
            try:
                if lines := appender.pending:
                    self._rescue(appender.path, lines)
                appender.close()
            except OSError as error:
                self._remember(appender.path, error)

    def _flush_run(self) -> None:
        assert self._run is not None
        try:
            self.folder.path.mkdir(parents=True, exist_ok=True)
            write_text(self.folder.run, self._run + "\n")
        except OSError as error:
            self._remember(self.folder.run, error)
        else:
            self._run_written = True
            self._written(self.folder.run)

    def _rescue(self, path: Path, lines: bytes) -> None:
        """Leave the lines that the run folder has no room for where there is room."""
        count = lines.count(b"\n")
        try:
            fd, name = tempfile.mkstemp(prefix=f"loadkit-{self.folder.run_id}-", suffix=f"-{path.name}")
            with os.fdopen(fd, "wb") as file:
                file.write(lines)
        except OSError as error:
            logger.error("%d lines of %s are lost: %s", count, path.name, error.strerror or error)
            return
        self.rescued.append(Path(name))
        logger.error(
            "%d lines of %s found no room and are in %s: make room, then: cat %s >> %s",
            *(count, path.name, name, name, path),
        )

    def _oldest(self) -> float:
        return next(iter(self._call_ids.values()))

    def _append(self, appender: _Appender, row: Mapping[str, Any]) -> None:
        if not appender.append(_line(row)):
            self.dropped_lines += 1

    def _remember(self, path: Path, error: OSError) -> None:
        fault = f"{path.name} could not be written: {error.strerror or error}"
        if fault not in self.faults:
            self.faults.append(fault)
        if path not in self._failing:
            self._failing.add(path)
            logger.error("%s; what it is to hold is kept in memory, and tried again", fault)

    def _written(self, path: Path) -> None:
        if path in self._failing:
            self._failing.remove(path)
            logger.warning("%s is written again", path.name)


class _Appender:
    """One file that only grows; holds back what the disk did not take."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self._clock = clock
        self._pending = bytearray()
        self._fd: int | None = None
        #: Whether what the file ends with is ours.
        self._opened = False
        self._synced_at = -math.inf
        self._unsynced = False

    @property
    def pending(self) -> bytes:
        """What the disk has not taken."""
        return bytes(self._pending)

    def append(self, line: bytes) -> bool:
        if len(self._pending) + len(line) > PENDING_LIMIT:
            return False
        self._pending += line
        return True

    def flush(self) -> None:
        fd = self._open()
        while self._pending:
            # A disk that fills up takes part of a line: the rest stays pending and goes on where it stopped.
            taken = os.write(fd, self._pending)
            del self._pending[:taken]
            self._unsynced = True
        if self._unsynced and self._clock() - self._synced_at >= FSYNC_EVERY_S:
            self._sync(fd)

    def close(self) -> None:
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        try:
            if self._unsynced:
                self._sync(fd)
        finally:
            os.close(fd)

    def _sync(self, fd: int) -> None:
        os.fsync(fd)
        self._synced_at = self._clock()
        self._unsynced = False

    def _open(self) -> int:
        if self._fd is not None and self._displaced(self._fd):
            self._restore(self._fd)
        if self._fd is None:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            size = 0 if self._opened else os.fstat(fd).st_size
            if size and os.pread(fd, 1, size - 1) != b"\n":
                self._pending[:0] = b"\n"  # an earlier writer was killed within a line
            self._fd, self._opened = fd, True
        return self._fd

    def _displaced(self, fd: int) -> bool:
        """Whether another file, or none, has the name of the one that is written."""
        try:
            return not os.path.samestat(self.path.stat(), os.fstat(fd))
        except FileNotFoundError:
            return True

    def _restore(self, fd: int) -> None:
        """Put the file back that was removed or moved away; its content lives as long as it is open."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            with replaced(self.path) as beside, beside.open("wb") as copy:
                at = 0
                while piece := os.pread(fd, _PIECE, at):
                    copy.write(piece)
                    at += len(piece)
            logger.error("%s was removed while the run went on: it is there again, with all lines", self.path)
        else:
            logger.error("%s was replaced by another file: the next lines go there", self.path)
        self._fd = None
        os.close(fd)


def _line(row: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str)
    except ValueError:
        text = json.dumps(_strict(row), ensure_ascii=False, separators=(",", ":"), default=str)
    # A lone surrogate, which a gateway can send as "\ud800", has no UTF-8.
    return text.encode(errors="replace") + b"\n"


def _strict(value: Any) -> Any:
    """The value with ``None`` for every number that JSON has no way to write."""
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
