"""Whether one sound is in another."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]

RATE = 48_000

#: A sound that went through Opus and a jitter buffer is at least so much like itself. Seen: 0.95 to 0.999 on a
#: machine with time, 0.85 on one so busy that the jitter buffer had to stretch time; 0.24 to 0.33 for other
#: speech. (Sentences of one synthetic voice that share words come to 0.57.)
ALIKE = 0.7
UNLIKE = 0.5

_PIECE_S = 0.5
_PIECES = 6
_SPAN_DB = 12.0
_SILENT_DBFS = -60.0


def read_wav(path: Path) -> Samples:
    """A mono WAV of 16 bits, at 48 kHz."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2), path
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
        rate = file.getframerate()
    count = round(len(samples) * RATE / rate)
    return np.interp(np.linspace(0, len(samples) - 1, count), np.arange(len(samples)), samples)


def level(samples: Samples) -> float:
    """RMS in dBFS; −120 for digital silence."""
    return float(max(-120.0, 10 * np.log10(np.mean(samples**2) + 1e-12)))


def likeness(heard: Samples, sent: Samples) -> float:
    """How much of ``heard`` is in ``sent``, from 0 to 1, at whatever delay.

    The loudest half seconds of ``heard`` are each looked for in all of ``sent`` by normalised cross-correlation;
    the result is the median of their peaks. Short pieces, because a jitter buffer stretches time.
    """
    # A fake microphone plays its file again and again: pieces may span its end and beginning.
    twice = np.concatenate([sent, sent])
    size = int(_PIECE_S * RATE)
    pieces = [heard[at : at + size] for at in range(0, len(heard) - size + 1, size)]
    loudest = max(map(level, pieces))
    assert loudest > _SILENT_DBFS, "nothing was heard"
    loud = sorted((piece for piece in pieces if level(piece) > loudest - _SPAN_DB), key=level)[-_PIECES:]
    return float(np.median(_peaks(loud, twice)))


def _peaks(pieces: list[Samples], sound: Samples) -> list[float]:
    """For each piece the highest absolute correlation coefficient with any equally long part of the sound."""
    size = len(pieces[0])
    length = 1 << (len(sound) + size - 1).bit_length()
    spectrum = np.fft.rfft(sound, length)
    energy = np.cumsum(np.concatenate([[0.0], sound**2]))
    # Parts that are all but silent would be divided by next to nothing.
    of_part = np.maximum(energy[size:] - energy[:-size], 1e-6 * energy[-1])
    peaks = []
    for piece in pieces:
        correlation = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, length)), length)[: len(of_part)]
        peaks.append(float(np.max(np.abs(correlation) / np.sqrt(of_part * np.sum(piece**2)))))
    return peaks
