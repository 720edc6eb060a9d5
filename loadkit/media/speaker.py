"""What one side says next: a sample once or looped, silence otherwise, and when its speech ended."""

from __future__ import annotations

from loadkit.media.samples import EncodedSample, silence


class Speaker:
    """Hands out one Opus packet per 20 ms.

    While a sample is played once, packets from its first to its last speech frame count as speech;
    while it is looped, all of them do.
    """

    def __init__(self) -> None:
        self._silence = silence()
        self._sample: EncodedSample | None = None
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

    def stop(self) -> None:
        """Fall silent with the next packet."""
        self._sample = None
        self.speaking = False

    def next_packet(self) -> bytes:
        """The packet of the next 20 ms."""
        self.speech_ended = False
        sample = self._sample
        if sample is None:
            self.speaking = self.sounding = False
            return self._silence
        index = self._index
        self._index = index + 1
        self.sounding = index in sample.speech
        if sample.first_speech is None or sample.last_speech is None:
            # Nothing in it passes for speech: whoever says it has said it when it is over.
            self.speaking = False
            self.speech_ended = index == len(sample.packets) - 1 and not self._loop
        else:
            self.speaking = self._loop or sample.first_speech <= index <= sample.last_speech
            self.speech_ended = index == sample.last_speech and not self._loop
        if self._index >= len(sample.packets):
            if self._loop:
                self._index = 0
            else:
                self._sample = None
        return sample.packets[index]
