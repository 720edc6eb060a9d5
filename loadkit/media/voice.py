"""Sound levels out of Opus packets, and speech and silence out of levels.

Speech is told by energy against an adaptive floor: it needs no model, costs 0.1 ms CPU per second of
sound, and both ends of a load test are silent between sentences.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import av
import numpy as np
import numpy.typing as npt

from loadkit.media import CLOCK_RATE, FRAME_S

#: Below this a frame is silence, whatever the floor (dBFS).
SILENCE_DBFS = -60.0
_MINUS_INFINITY = -127.0
#: Speech is this much louder than the floor (dB) ...
_ABOVE_FLOOR_DB = 12.0
#: ... and at least this loud (dBFS).
_FAINTEST_SPEECH_DBFS = -50.0
#: The floor is the minimum over six windows of half a second (minimum statistics, in its simplest form).
_FLOOR_WINDOWS, _FLOOR_WINDOW_FRAMES = 6, 25


def level_of(sound: npt.NDArray[np.int16]) -> float:
    """RMS level in dBFS of any shape of 16-bit samples; −127 for digital silence (as RFC 6464)."""
    samples = sound.astype(np.float32).ravel()
    mean_square = float(np.dot(samples, samples)) / samples.size
    return _MINUS_INFINITY if mean_square < 1e-3 else 10 * math.log10(mean_square / 32768.0**2)


def is_digital_silence(payload: bytes) -> bool:
    """Whether an Opus packet is too small to hold sound: a DTX frame of one or two bytes (RFC 6716, 3.2)."""
    return len(payload) <= 2


class LevelDecoder:
    """Opus packets of one stream to levels; decodes, so it is used only while somebody listens."""

    def __init__(self) -> None:
        self._decoder = av.CodecContext.create("libopus", "r")
        self._decoder.sample_rate = CLOCK_RATE

    def level(self, payload: bytes) -> float:
        """Level of one packet in dBFS; −127 for silence and for what cannot be decoded."""
        if is_digital_silence(payload):
            return _MINUS_INFINITY
        try:
            frames = self._decoder.decode(av.Packet(payload))
        except av.FFmpegError:
            return _MINUS_INFINITY
        levels = [level_of(_samples(frame)) for frame in frames]
        return max(levels, default=_MINUS_INFINITY)


def _samples(frame: av.AudioFrame) -> npt.NDArray[np.int16]:
    # libopus decodes to packed 16-bit samples: one plane, padded at its end. ``to_ndarray()`` costs as much as
    # the decoding itself.
    return np.frombuffer(
        bytes(frame.planes[0]), dtype=np.int16, count=frame.samples * frame.layout.nb_channels
    )


class SpeechDetector:
    """Speech or not, frame by frame, against the quietest sound of the last three seconds.

    Speech pauses within that time; what does not, such as a fan or a tone, is taken for the floor.
    """

    def __init__(self) -> None:
        self._lowest = math.inf
        self._frames = 0
        self._minima: deque[float] = deque(maxlen=_FLOOR_WINDOWS)

    def feed(self, level: float) -> bool:
        """Whether a frame of this level (dBFS) is speech."""
        self._lowest = min(self._lowest, level)
        self._frames += 1
        if self._frames == _FLOOR_WINDOW_FRAMES:
            self._minima.append(self._lowest)
            self._lowest, self._frames = math.inf, 0
        if len(self._minima) < _FLOOR_WINDOWS:
            return level > _FAINTEST_SPEECH_DBFS
        floor = min(self._lowest, *self._minima)
        return level > max(_FAINTEST_SPEECH_DBFS, floor + _ABOVE_FLOOR_DB)


@dataclass
class Utterance:
    """One stretch of speech; times on the monotonic clock in seconds."""

    started_at: float
    last_speech_at: float
    ended: bool = False
    loudest: float = _MINUS_INFINITY
    """Level of its loudest frame in dBFS, those of its onset left out."""

    @property
    def duration(self) -> float:
        """First to last speech frame, in seconds."""
        return self.last_speech_at - self.started_at + FRAME_S


@dataclass
class UtteranceTracker:
    """Utterances out of frames: starts at the first of several speech frames, ends after silence.

    :param silence_s: this much silence ends an utterance.
    :param onset_frames: so many speech frames within twice as many frames make a start; a click is none.
    """

    silence_s: float = 0.8
    onset_frames: int = 3
    detector: SpeechDetector = field(default_factory=SpeechDetector)
    current: Utterance | None = None
    _onset: list[float] = field(default_factory=list)
    #: Seconds since the last speech in which nobody listened.
    _deaf_s: float = 0.0

    def feed(self, level: float, now: float) -> Utterance | None:
        """Feed one frame that arrived at ``now``; returns an utterance that started or ended with it."""
        speech = self.detector.feed(level)
        if self.current is not None:
            if speech:
                self._deaf_s = 0.0
                self.current.last_speech_at = now
                self.current.loudest = max(self.current.loudest, level)
                return None
            return self.poll(now)
        if not speech:
            return None
        window = 2 * self.onset_frames * FRAME_S
        self._onset = [at for at in self._onset if now - at <= window] + [now]
        if len(self._onset) < self.onset_frames:
            return None
        self.current = Utterance(started_at=self._onset[0], last_speech_at=now, loudest=level)
        self._onset = []
        self._deaf_s = 0.0
        return self.current

    def did_not_listen(self, seconds: float) -> None:
        """For so long nothing could be heard, since who listens stood still: that was no silence."""
        self._deaf_s += seconds

    def poll(self, now: float) -> Utterance | None:
        """The utterance that has ended by ``now``, also when no frames come any more."""
        current = self.current
        if current is not None and now - current.last_speech_at - self._deaf_s >= self.silence_s:
            current.ended = True
            self.current = None
            return current
        return None
