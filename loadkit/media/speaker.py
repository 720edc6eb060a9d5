"""What one side says next: a sample once or looped, silence otherwise, and when its speech ended."""

from __future__ import annotations

from loadkit.media.samples import SOUNDS, EncodedSample, long_silence


class Speaker:
    """Hands out one Opus packet per 20 ms.

    While a sample is played once, packets from its first to its last speech frame count as speech;
    while it is looped, all of them do.

    Nearly all packets are neither the first nor the last of anything: who plays for hundreds of calls asks for these
    with :meth:`ordinary_packet`, which only counts.
    """

    __slots__ = (
        "_index",
        "_loop",
        "_marks",
        "_packets",
        "_sample",
        "_silence",
        "sounding",
        "speaking",
        "speech_ended",
    )

    def __init__(self) -> None:
        self._silence = long_silence()
        self._sample: EncodedSample | None = None
        self._packets = self._silence.packets
        self._marks = self._silence.marks
        self._index = 0
        self._loop = False
        #: Whether the packet handed out last belongs to the speech of a sample.
        self.speaking = False
        #: Whether the packet handed out last holds speech; never true between two words.
        self.sounding = False
        #: Whether the packet handed out last was the last speech packet of a sample.
        self.speech_ended = False

    @property
    def playing(self) -> bool:
        """Whether a sample has packets left."""
        return self._sample is not None

    def play(self, sample: EncodedSample, *, loop: bool = False) -> None:
        """Start a sample with the next packet, in place of what was being played."""
        self._sample, self._index, self._loop = sample, 0, loop
        self._packets, self._marks = sample.packets, sample.marks

    def stop(self) -> None:
        """Fall silent with the next packet."""
        self._sample = None
        self._packets, self._marks, self._index = self._silence.packets, self._silence.marks, 0
        self.speaking = False

    def ordinary_packet(self) -> bytes | None:
        """The packet of the next 20 ms when nothing begins or ends with it; None, and nothing is done, when
        something may, and :meth:`next_packet` has to be asked."""
        index = self._index
        mark = self._marks[index]
        if mark > SOUNDS:
            return None
        self._index = index + 1
        self.sounding = mark == SOUNDS
        return self._packets[index]

    def next_packet(self) -> bytes:
        """The packet of the next 20 ms."""
        self.speech_ended = False
        index, packets, sample = self._index, self._packets, self._sample
        self._index = index + 1 if index + 1 < len(packets) else 0
        self.sounding = bool(self._marks[index] & SOUNDS)
        if sample is None:
            self.speaking = False
        elif sample.first_speech is None or sample.last_speech is None:
            # Nothing in it passes for speech: whoever says it has said it when it is over.
            self.speaking = False
            self.speech_ended = index == len(packets) - 1 and not self._loop
        else:
            self.speaking = self._loop or sample.first_speech <= index <= sample.last_speech
            self.speech_ended = index == sample.last_speech and not self._loop
        if sample is not None and self._index == 0 and not self._loop:
            self._sample = None
            self._packets, self._marks = self._silence.packets, self._silence.marks
        return packets[index]
