"""The compiled module from Python: the functions of media.c with their types, and nothing else.

Numbers stand for sockets and streams, and pointers stay in this file. What a number no longer stands for is refused
by media.c, so a late call does nothing. The one thing that media.c cannot see is whether an SRTP session is still
alive: :class:`MediaPoll` keeps the owner of each until its stream is closed.
"""

from __future__ import annotations

import ctypes
import enum
import functools
import math
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from loadkit.native.building import built_module, why_not_built

_ABI = 1
#: Room for what one call into the module may tell: several of the largest datagrams.
_EVENTS_SIZE = 1 << 19
_EVENT = struct.Struct("@IIQdIIII16s")
#: Datagrams that are read at a time at most: below a millisecond, so that sending is not held up.
_MOST_DATAGRAMS = 256


_COUNTS = (
    *("ssrc", "packets_received", "packets_expected", "bytes_received", "reordered", "duplicated", "highest"),
    *("refused", "repeated", "malformed", "burst_lost", "bursts"),
    *("packets_sent", "bytes_sent", "sequence", "timestamp", "send_failed", "frames_late", "frames_skipped"),
    *("playing", "speaking", "drift_points"),
)
_SECONDS = (
    *("first_arrival", "last_arrival", "longest_gap", "jitter", "late_max", "speech_since", "speech_last"),
)


class Kind(enum.IntEnum):
    """What media.c tells."""

    DATAGRAM = 1
    RTCP = 2
    PAYLOAD = 3
    FIRST_PACKET = 4
    SPEECH_BEGAN = 5
    SPEECH_SENT = 6
    SAMPLE_OVER = 7
    OUTGOING = 8


class Event(NamedTuple):
    """One thing that media.c tells."""

    kind: int
    number: int
    """Of the socket for a datagram, of the stream otherwise."""
    at: float
    """Monotonic seconds."""
    data: bytes
    source: tuple[int, bytes, int, int]
    """Of a datagram: address family, address, port, scope."""


class Figures(ctypes.Structure):
    """``struct figures``; NaN is unmeasured, and so is an SSRC of -1."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in _COUNTS),
        *((name, ctypes.c_double) for name in _SECONDS),
    ]

    ssrc: int
    packets_received: int
    packets_expected: int
    bytes_received: int
    reordered: int
    duplicated: int
    highest: int
    refused: int
    repeated: int
    malformed: int
    burst_lost: int
    bursts: int
    packets_sent: int
    bytes_sent: int
    sequence: int
    timestamp: int
    send_failed: int
    frames_late: int
    frames_skipped: int
    playing: int
    speaking: int
    drift_points: int
    first_arrival: float
    last_arrival: float
    longest_gap: float
    jitter: float
    late_max: float
    speech_since: float
    speech_last: float


def known(value: float) -> float | None:
    """A figure of media.c; None when it was not measured."""
    return None if math.isnan(value) else value


class MediaLibrary:
    """The module, loaded.

    :raises OSError: it cannot be loaded, or is not of these sources.
    """

    def __init__(self, path: Path) -> None:
        # PyDLL keeps Python's lock during each call: they are short, and nobody else touches what they touch.
        library = ctypes.PyDLL(str(path))
        pointer, number, size = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_size_t
        used, integer = ctypes.POINTER(ctypes.c_size_t), ctypes.c_int
        buffer, real = ctypes.c_char_p, ctypes.c_double
        events = [pointer, size, used]
        functions: dict[str, tuple[Any, list[Any]]] = {
            "lk_abi": (integer, []),
            "lk_slots": (integer, []),
            "lk_figures_size": (size, []),
            "lk_event_size": (size, []),
            "lk_open": (pointer, [pointer, pointer]),
            "lk_descriptor": (integer, [pointer]),
            "lk_close": (None, [pointer]),
            "lk_silence": (integer, [pointer, buffer, size]),
            "lk_sample_add": (integer, [pointer, integer, pointer, buffer, buffer, size, integer, integer]),
            "lk_socket_add": (number, [pointer, integer]),
            "lk_socket_remove": (integer, [pointer, number]),
            "lk_socket_stream": (integer, [pointer, number, number]),
            "lk_stream_open": (
                number,
                [
                    pointer,
                    pointer,
                    pointer,
                    ctypes.c_uint32,
                    ctypes.c_uint8,
                    ctypes.c_uint16,
                    ctypes.c_uint32,
                ],
            ),
            "lk_stream_close": (integer, [pointer, number]),
            "lk_stream_target": (
                integer,
                [pointer, number, number, integer, buffer, ctypes.c_uint16, ctypes.c_uint32],
            ),
            "lk_stream_slot": (integer, [pointer, number, integer]),
            "lk_stream_play": (integer, [pointer, number, integer, integer]),
            "lk_stream_hear": (integer, [pointer, number, integer]),
            "lk_stream_echo": (integer, [pointer, number, integer]),
            "lk_stream_answered": (integer, [pointer, number]),
            "lk_stream_figures": (integer, [pointer, number, pointer]),
            "lk_stream_drift": (integer, [pointer, number, pointer, integer]),
            "lk_send": (integer, [pointer, integer, integer, integer, real, integer, *events]),
            "lk_take": (integer, [pointer, number, buffer, size, real, *events]),
            "lk_receive": (integer, [pointer, integer, integer, *events]),
        }
        try:
            for name, (result, arguments) in functions.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
        except AttributeError as exc:
            raise OSError(f"{path.name} has no function {name}") from exc
        self.functions: Any = library
        #: Addresses of functions that stand for SRTP in tests, and leave packets as they are.
        self.plain = ctypes.cast(library.lk_plain, ctypes.c_void_p).value or 0
        #: How many slots of a clock it knows.
        self.slots: int = library.lk_slots()
        sizes = (library.lk_figures_size(), library.lk_event_size())
        if library.lk_abi() != _ABI or sizes != (ctypes.sizeof(Figures), _EVENT.size):
            raise OSError(f"{path.name} was not built of these sources")


@functools.cache
def _load() -> MediaLibrary | OSError | None:
    path = built_module()
    if path is None:
        return None
    try:
        return MediaLibrary(path)
    except OSError as exc:
        return exc


def why_not_usable() -> str | None:
    """Why the compiled module cannot be used; None when it can."""
    loaded = _load()
    # Once it is loaded, and it is asked for at each call, nobody looks at the file again.
    if isinstance(loaded, MediaLibrary):
        return None
    reason = why_not_built()
    if reason is not None:
        return reason
    if loaded is None:
        # What a process does is decided once: calls of a run that took turns between paths would not compare.
        return "the compiled module was built after this process had begun without it; start it again"
    return f"the compiled module cannot be loaded: {loaded}"


class MediaPoll:
    """One ``struct poll``: the sockets and streams of one event loop.

    :param protect: address of libsrtp's ``srtp_protect``; ``unprotect`` likewise.
    :raises OSError: there is no module, or no descriptor left.
    """

    def __init__(self, protect: int, unprotect: int, library: MediaLibrary | None = None) -> None:
        loaded = library or _load()
        if not isinstance(loaded, MediaLibrary):
            raise OSError(why_not_usable() or "the compiled module is not there")
        self.library = loaded
        self._c = loaded.functions
        self._poll: int | None = self._c.lk_open(protect, unprotect)
        if not self._poll:
            raise OSError("no poll can be opened: no memory or no file descriptor is left")
        self._buffer = ctypes.create_string_buffer(_EVENTS_SIZE)
        self._used = ctypes.c_size_t()
        self._events = (self._buffer, _EVENTS_SIZE, ctypes.byref(self._used))
        #: What has to live as long as each stream: the owners of its SRTP sessions.
        self._kept: dict[int, object] = {}

    @property
    def descriptor(self) -> int:
        """Readable when there is something to :meth:`receive`."""
        return int(self._c.lk_descriptor(self._open()))

    @property
    def streams(self) -> int:
        """How many are open."""
        return len(self._kept)

    def close(self) -> None:
        """Forget all; may be called more than once."""
        poll, self._poll = self._poll, None
        if poll:
            self._c.lk_close(poll)
        self._kept.clear()

    def _open(self) -> int:
        if not self._poll:
            raise OSError("the poll is closed")
        return self._poll

    # Sockets

    def add_socket(self, descriptor: int) -> int:
        """Read from a socket; its number.

        :raises OSError: the system refuses to watch it.
        """
        number = int(self._c.lk_socket_add(self._open(), descriptor))
        if not number:
            raise OSError(f"descriptor {descriptor} cannot be watched")
        return number

    def remove_socket(self, number: int) -> None:
        """Read from it no more. To be called before it is closed."""
        if self._poll:
            self._c.lk_socket_remove(self._poll, number)

    def route(self, socket: int, stream: int) -> None:
        """Media that come to a socket are this stream's; 0: nobody's here."""
        self._c.lk_socket_stream(self._open(), socket, stream)

    # What is said

    def set_silence(self, packet: bytes) -> None:
        """The packet that is sent while nothing is played."""
        if self._c.lk_silence(self._open(), packet, len(packet)):
            raise ValueError(f"a packet of {len(packet)} bytes does not fit")

    def add_sample(
        self, packets: tuple[bytes, ...], sounding: frozenset[int], first: int | None, last: int | None
    ) -> int:
        """Copy a sample into the module; its number.

        :param sounding: indices of the packets with speech in them.
        """
        sizes = array("I", [len(packet) for packet in packets])
        flags = bytes(index in sounding for index in range(len(packets)))
        whole, address = b"".join(packets), sizes.buffer_info()[0]
        speech = (-1, -1) if first is None or last is None else (first, last)
        number = int(
            self._c.lk_sample_add(
                self._open(), len(packets), address, flags, whole, len(whole), speech[0], speech[1]
            )
        )
        if number < 0:
            raise ValueError(f"a sample of {len(packets)} packets, {len(whole)} bytes, does not fit")
        return number

    # Streams

    def open_stream(
        self,
        receiving: int,
        sending: int,
        *,
        owners: object,
        ssrc: int,
        payload_type: int,
        sequence: int,
        timestamp: int,
    ) -> int:
        """A stream over two SRTP sessions, given as pointers that live as long as ``owners``; its number."""
        number = int(
            self._c.lk_stream_open(self._open(), receiving, sending, ssrc, payload_type, sequence, timestamp)
        )
        if not number:
            raise OSError("no memory is left for another stream")
        self._kept[number] = owners
        return number

    def close_stream(self, number: int) -> None:
        """From now on its SRTP sessions are not touched."""
        if self._poll:
            self._c.lk_stream_close(self._poll, number)
        self._kept.pop(number, None)

    def send_to(self, stream: int, socket: int, address: tuple[int, bytes, int, int] | None) -> None:
        """Where a stream's packets go: (family, packed address, port, scope); None: nowhere.

        :param socket: its number; 0 hands packets over as :attr:`Kind.OUTGOING`.
        """
        if address is None:
            self._c.lk_stream_target(self._open(), stream, 0, 0, None, 0, 0)
            return
        family, packed, port, scope = address
        assert len(packed) in (4, 16)
        self._c.lk_stream_target(self._open(), stream, socket, family, packed.ljust(16, b"\0"), port, scope)

    def set_slot(self, stream: int, slot: int | None) -> None:
        """In which slot of the clock it sends; None: no more."""
        self._c.lk_stream_slot(self._open(), stream, -1 if slot is None else slot)

    def play(self, stream: int, sample: int | None, *, loop: bool = False) -> None:
        """Start a sample with the next packet; None: fall silent."""
        self._c.lk_stream_play(self._open(), stream, -1 if sample is None else sample, loop)

    def hear(self, stream: int, *, hears: bool) -> None:
        """Whether payloads are handed over."""
        self._c.lk_stream_hear(self._open(), stream, hears)

    def echo(self, stream: int) -> None:
        """Send back what comes."""
        self._c.lk_stream_echo(self._open(), stream, True)

    def answered(self, stream: int) -> None:
        """Let ``speech_since`` begin anew."""
        self._c.lk_stream_answered(self._open(), stream)

    def figures(self, stream: int) -> Figures:
        """What was measured.

        :raises KeyError: there is no such stream.
        """
        figures = Figures()
        if self._c.lk_stream_figures(self._open(), stream, ctypes.byref(figures)):
            raise KeyError(stream)
        return figures

    def drift_points(self, stream: int) -> list[tuple[float, float]]:
        """(arrival, transit) of each window that is over, in seconds."""
        most = self.figures(stream).drift_points
        points = (ctypes.c_double * (2 * most))()
        count = self._c.lk_stream_drift(self._open(), stream, points, most)
        return [(points[2 * index], points[2 * index + 1]) for index in range(max(0, count))]

    # Packets

    def send(self, slot: int, frames: int, skipped: int, late: float) -> list[Event]:
        """Let all streams of a slot send; ``late`` in seconds."""
        told: list[Event] = []
        place = 0
        while place >= 0:
            place = self._c.lk_send(self._open(), slot, frames, skipped, late, place, *self._events)
            if self._used.value:
                told += self._told()
        return told

    def receive(self, *, quiet: bool = False) -> list[Event]:
        """Read what has come, up to a bound.

        :param quiet: to sockets of streams that send and hear nothing; these do not wake the loop.
        """
        self._c.lk_receive(self._open(), quiet, _MOST_DATAGRAMS, *self._events)
        return list(self._told()) if self._used.value else []

    def take(self, stream: int, packet: bytes, arrival: float) -> list[Event]:
        """A protected packet of a stream that came another way."""
        if self._poll:
            self._c.lk_take(self._poll, stream, packet, len(packet), arrival, *self._events)
            return list(self._told()) if self._used.value else []
        return []

    def _told(self) -> Iterator[Event]:
        data, offset = ctypes.string_at(self._buffer, self._used.value), 0
        while offset < len(data):
            kind, size, number, at, family, port, scope, _, address = _EVENT.unpack_from(data, offset)
            offset += _EVENT.size
            yield Event(kind, number, at, data[offset : offset + size], (family, address, port, scope))
            offset += (size + 7) & ~7
