"""The caller talks into the agent's speech: whether the agent stops, and how soon.

Pure: times in, a verdict out.
"""

from __future__ import annotations

from dataclasses import dataclass

#: So much silence after a frame of the agent's speech says that it has stopped.
STOPPED_S = 0.4
#: An agent that talks on for so long has not noticed.
MISSED_S = 2.0


@dataclass
class Interruption:
    """One interruption; times are monotonic seconds.

    :param began_at: when the caller's first interrupting frame of speech was sent.
    """

    began_at: float
    decided: bool = False
    stop_ms: float | None = None
    """First interrupting frame → last frame of agent speech before 400 ms of silence; None until that is
    decided, and when the agent talked on."""
    missed: bool | None = None
    """Whether the agent talked on for 2 s; None until that is decided, and when we stood still meanwhile."""
    _stood_still_at: float | None = None
    _deaf_s: float = 0.0

    @staticmethod
    def possible(now: float, last_speech_at: float | None) -> bool:
        """Whether there is speech to interrupt, when its newest frame was heard at ``last_speech_at``."""
        return last_speech_at is not None and now - last_speech_at < STOPPED_S

    @property
    def unmeasured(self) -> bool:
        """Whether it is decided that nobody knows: we stood still, and the agent was heard to speak afterwards."""
        return self.decided and self.missed is None

    def stood_still(self, at: float) -> None:
        """Who listens has stood still from this time on: what is heard afterwards has no known time, and the words
        that were to interrupt were broken off. An agent that had stopped before, has stopped."""
        if self._stood_still_at is None:
            self._stood_still_at = at

    def did_not_listen(self, seconds: float) -> None:
        """For so long nothing could be heard: that was no silence."""
        self._deaf_s += seconds

    def heard(self, now: float, last_speech_at: float) -> bool:
        """Take how things stand at ``now``; True when that decides."""
        if self.decided:
            return False
        talked_on = max(0.0, last_speech_at - self.began_at)
        if self._stood_still_at is not None and last_speech_at > self._stood_still_at:
            self.decided = True
        elif talked_on >= MISSED_S:
            self.missed = self.decided = True
        elif now - max(last_speech_at, self.began_at) - self._deaf_s >= STOPPED_S:
            self.missed = False
            self.stop_ms = round(talked_on * 1000, 3)
            self.decided = True
        return self.decided
