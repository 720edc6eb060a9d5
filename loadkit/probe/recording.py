"""What was heard, as a WAV: 48 kHz, 16 bit, one channel, in real time from the moment media can flow.

It is what a listener hears whose jitter buffer holds half a second: a packet is put where its RTP time stamp
says, silence stays where packets were lost or had not yet come, and a stream that is further off than that is
put where it arrived. So the file is as long as the call, whatever time stamps the gateway sends.
"""

from __future__ import annotations

import heapq
import os
import struct
from pathlib import Path

import av
import numpy as np

from loadkit.errors import SettingsError
from loadkit.media import CLOCK_RATE, FRAME_SAMPLES
from loadkit.media.rtp import RtpPacket
from loadkit.media.voice import is_digital_silence

#: Samples that a packet may be off its time before it is put where it arrived: half a second.
_TOLERANCE = CLOCK_RATE // 2
#: Packets that wait for those that were overtaken: 100 ms.
_REORDERED = 5
#: Six hours: 2 GB, which every program that reads WAVs takes.
LONGEST_S = 6 * 3600
_BYTES = 2
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


class Recording:
    """Writes as it goes; :meth:`close` ends it.

    A file that can no longer be written does not end the call: see :attr:`failure`.

    :raises SettingsError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        #: Why writing ended before the call did; None when it did not.
        self.failure: str | None = None
        #: Samples in the file.
        self.length = 0
        self._decoder = av.CodecContext.create("libopus", "r")
        self._decoder.sample_rate = CLOCK_RATE
        self._zero: float | None = None
        self._ended: float | None = None
        self._ssrc: int | None = None
        self._anchor = (0, 0)
        self._waiting: list[tuple[int, int, bytes]] = []
        self._count = 0
        self._newest = -1
        self._header_at = 0
        try:
            if path.exists() and not path.is_file():
                raise SettingsError([f"--save-audio {str(path)!r}: it is there and not a file"])
            self._file = path.open("wb")
            self._write_header()
        except OSError as exc:
            reason = os.strerror(exc.errno) if exc.errno else str(exc)
            raise SettingsError([f"--save-audio {str(path)!r}: it cannot be written: {reason}"]) from None

    @property
    def seconds(self) -> float:
        """Length of what was written."""
        return self.length / CLOCK_RATE

    def begin(self, now: float) -> None:
        """Time 0 of the file; at the latest the first packet."""
        if self._zero is None:
            self._zero = now

    def packet(self, rtp: RtpPacket, now: float) -> None:
        """Take a packet that arrived at ``now`` (monotonic seconds)."""
        self.begin(now)
        position = self._position(rtp, now)
        self._count += 1
        heapq.heappush(self._waiting, (position, self._count, rtp.payload))
        while len(self._waiting) > _REORDERED:
            self._write_next()

    def end(self, now: float) -> None:
        """The call ended at ``now``: the file goes on to there."""
        self._ended = now

    def close(self) -> None:
        """Write what waits, fill up with silence to the end of the call, and close; harmless the second time."""
        if self._file.closed:
            return
        while self._waiting:
            self._write_next()
        if self._zero is not None and self._ended is not None:
            self._go_to(round((self._ended - self._zero) * CLOCK_RATE))
        try:
            self._write_header()
        except OSError as exc:
            self._failed(exc)
        finally:
            self._close_file()

    def _position(self, rtp: RtpPacket, now: float) -> int:
        """Where the packet's sound begins in the file, in samples."""
        assert self._zero is not None
        arrived = max(0, round((now - self._zero) * CLOCK_RATE))
        if rtp.ssrc == self._ssrc:
            timestamp, place = self._anchor
            # Signed distance modulo 2^32.
            position = place + ((rtp.timestamp - timestamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            if abs(position - arrived) <= _TOLERANCE:
                return position
        self._ssrc = rtp.ssrc
        self._anchor = (rtp.timestamp, arrived)
        return arrived

    def _write_next(self) -> None:
        position, _, payload = heapq.heappop(self._waiting)
        if position <= self._newest:
            # A duplicate, or too late: what follows it has been heard. The decoder must not see it either.
            return
        self._newest = position
        sound = self._decoded(payload)
        # A stream that was put where it arrived may overlap with what is written.
        sound = sound[max(0, self.length - position) :]
        if not sound.size or self.failure is not None:
            return
        self._go_to(position)
        if self.length + sound.size > LONGEST_S * CLOCK_RATE:
            self.failure = f"it holds {LONGEST_S // 3600} hours, and no more is written"
            return
        try:
            self._file.write(sound.astype("<i2").tobytes())
            self.length += sound.size
            if self.length - self._header_at >= CLOCK_RATE:
                # Once a second, so that a process that is killed leaves a file that can be played.
                self._write_header()
        except OSError as exc:
            self._failed(exc)

    def _go_to(self, position: int) -> None:
        """Leave silence up to a position: a hole in the file reads as zeros."""
        position = min(position, LONGEST_S * CLOCK_RATE)
        if position > self.length and self.failure is None:
            try:
                self._file.seek(_HEADER.size + position * _BYTES)
                self._file.truncate()
                self.length = position
            except OSError as exc:
                self._failed(exc)

    def _decoded(self, payload: bytes) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        """The packet's sound, its channels mixed; silence when it cannot be decoded."""
        silence = np.zeros(FRAME_SAMPLES, dtype=np.int16)
        if is_digital_silence(payload):
            return silence
        try:
            frames = self._decoder.decode(av.Packet(payload))
        except av.FFmpegError:
            return silence
        pieces = []
        for frame in frames:
            channels = frame.layout.nb_channels
            sound = np.frombuffer(bytes(frame.planes[0]), dtype=np.int16, count=frame.samples * channels)
            pieces.append(sound.reshape(-1, channels).mean(axis=1).astype(np.int16))
        return np.concatenate(pieces) if pieces else silence

    def _write_header(self) -> None:
        size = self.length * _BYTES
        header = _HEADER.pack(
            b"RIFF",
            _HEADER.size - 8 + size,
            b"WAVE",
            b"fmt ",
            16,
            1,
            1,
            CLOCK_RATE,
            CLOCK_RATE * _BYTES,
            _BYTES,
            8 * _BYTES,
            b"data",
            size,
        )
        self._file.seek(0)
        self._file.write(header)
        self._file.seek(_HEADER.size + size)
        self._file.flush()
        self._header_at = self.length

    def _failed(self, error: OSError) -> None:
        if self.failure is None:
            self.failure = os.strerror(error.errno) if error.errno else str(error)

    def _close_file(self) -> None:
        try:
            self._file.close()
        except OSError as exc:
            self._failed(exc)
