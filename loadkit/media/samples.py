"""Prerecorded speech: any WAV that FFmpeg reads, encoded to 20 ms Opus packets once per process.

Encoding is done once and not per call: it costs about thirty times what sending costs.
"""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler

from loadkit.errors import SampleError
from loadkit.media import CLOCK_RATE, FRAME_S, FRAME_SAMPLES
from loadkit.media.voice import SpeechDetector, level_of

#: Bits per second per channel: what browsers send for speech.
_BIT_RATE = 32_000


#: What :attr:`EncodedSample.marks` says of a packet: it holds speech; something begins or ends with it.
SOUNDS, EDGE = 1, 2


@dataclass(frozen=True)
class EncodedSample:
    """A sample as Opus packets of 20 ms, with its speech labelled.

    ``first_speech`` and ``last_speech`` are packet indices; None when the sample holds no speech.
    ``speech`` holds the index of every speech packet between them.
    """

    name: str
    packets: tuple[bytes, ...]
    first_speech: int | None
    last_speech: int | None
    speech: frozenset[int] = frozenset()

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.packets) * FRAME_S

    @functools.cached_property
    def marks(self) -> bytes:
        """For each packet :data:`SOUNDS` or nothing, with :data:`EDGE` where who plays it has to look closer: where
        speech, or the sample, begins or ends."""
        edges = {0, len(self.packets) - 1}
        if self.first_speech is not None and self.last_speech is not None:
            edges |= {self.first_speech, self.last_speech, self.last_speech + 1}
        return bytes(
            (SOUNDS if index in self.speech else 0) | (EDGE if index in edges else 0)
            for index in range(len(self.packets))
        )


@functools.cache
def load_sample(path: Path) -> EncodedSample:
    """Read, resample and encode a sample; the result is kept for the life of the process.

    :raises SampleError: missing, empty, or no audio; the sentence names the file.
    """
    sound = read_sound(path)
    packets = encode(sound)
    # Packets follow frames one to one but for the encoder's delay of 6.5 ms, below one frame.
    detector = SpeechDetector()
    speech = []
    for index in range(len(packets)):
        frame = sound[:, index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES]
        if frame.size and detector.feed(level_of(frame)):
            speech.append(index)
    first, last = (speech[0], speech[-1]) if speech else (None, None)
    return EncodedSample(path.name, packets, first, last, frozenset(speech))


def read_sound(path: Path) -> npt.NDArray[np.int16]:
    """All samples of a file at 48 kHz, shape (channels, n) with one or two channels.

    :raises SampleError: missing, empty, or no audio.
    """
    try:
        if not path.exists():
            raise SampleError(str(path), "there is no such file")
        if path.is_dir():
            raise SampleError(str(path), "it is a folder, not a file")
        if path.stat().st_size == 0:
            raise SampleError(str(path), "the file is empty")
        with av.open(str(path), "r") as container:
            if not container.streams.audio:
                raise SampleError(str(path), "the file holds no audio")
            stream = container.streams.audio[0]
            layout = "mono" if stream.codec_context.channels == 1 else "stereo"
            resampler = AudioResampler(format="s16p", layout=layout, rate=CLOCK_RATE)
            pieces = []
            for frame in container.decode(stream):
                frame.pts = None
                pieces += [piece.to_ndarray() for piece in resampler.resample(frame)]
            pieces += [piece.to_ndarray() for piece in resampler.resample(None)]
    except (av.FFmpegError, OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise SampleError(str(path), f"it cannot be read as audio ({reason})") from exc
    if not pieces or not sum(piece.shape[1] for piece in pieces):
        raise SampleError(str(path), "the file holds no sound: its audio has a length of 0")
    return np.concatenate(pieces, axis=1).astype(np.int16)


def encode(sound: npt.NDArray[np.int16]) -> tuple[bytes, ...]:
    """Encode sound of shape (channels, n) at 48 kHz to Opus packets of 20 ms; the end is padded."""
    channels, length = sound.shape
    frames = -(-length // FRAME_SAMPLES)
    padded = np.zeros((channels, frames * FRAME_SAMPLES), dtype=np.int16)
    padded[:, :length] = sound
    layout = "mono" if channels == 1 else "stereo"
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate = CLOCK_RATE
    encoder.layout = layout
    encoder.format = "s16"
    encoder.bit_rate = _BIT_RATE * channels
    encoder.options = {"application": "voip", "frame_duration": "20", "packet_loss": "5", "fec": "1"}
    packets: list[bytes] = []
    for index in range(frames):
        piece = padded[:, index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES]
        interleaved = np.ascontiguousarray(piece.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
        frame.sample_rate = CLOCK_RATE
        frame.pts = index * FRAME_SAMPLES
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    packets += [bytes(packet) for packet in encoder.encode(None)]
    return tuple(packets[:frames])


@functools.cache
def silence() -> bytes:
    """One packet of digital silence, sent while the caller says nothing."""
    return encode(np.zeros((1, 10 * FRAME_SAMPLES), dtype=np.int16))[-1]


@functools.cache
def long_silence() -> EncodedSample:
    """A minute of it, to be looped: the same packet all the time."""
    return EncodedSample("silence", (silence(),) * 3000, None, None)


def find_sample(name: str, folder: Path) -> Path:
    """The file of a sample: as given when that exists, otherwise by its name in the samples folder."""
    given = Path(name)
    # A home that is not known, or a name that is too long, is no file; reading it says so.
    with contextlib.suppress(RuntimeError, OSError):
        given = given.expanduser()
        if given.is_absolute() or given.exists():
            return given
    return folder / name
