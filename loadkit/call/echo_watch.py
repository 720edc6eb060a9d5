"""Whether what the caller says in echo mode comes back."""

from __future__ import annotations

#: Sound that goes out for this long without any coming back goes one way only. An echo takes well under a
#: second, and a sample that is looped pauses for one.
ONE_WAY_S = 2.0


class EchoWatch:
    """Follows speech that is sent and sound that is heard; times are monotonic seconds."""

    __slots__ = ("_last_sound", "_last_speech", "_one_way", "_unanswered_since")

    def __init__(self) -> None:
        #: When the speech began of which nothing has come back; None when all has.
        self._unanswered_since: float | None = None
        self._last_speech: float | None = None
        self._last_sound: float | None = None
        self._one_way = False

    def speech_sent(self, now: float) -> None:
        """A packet of speech was sent."""
        if self._unanswered_since is None:
            self._unanswered_since = now
        self._last_speech = now

    def sound_heard(self, now: float) -> None:
        """A packet that holds sound arrived."""
        self._decide()
        self._unanswered_since = None
        self._last_sound = now

    def one_way(self, *, listened: bool) -> bool | None:
        """Whether, at any time of the call, sound went out for 2 s and none came back.

        :param listened: whether every packet was listened to; without, only the first sound was noticed.
        :returns: None when it cannot be told: too little was said, or too shortly before the end.
        """
        if self._last_sound is None or listened:
            self._decide()
        if self._one_way:
            return True
        return False if self._last_sound is not None else None

    def _decide(self) -> None:
        since, last = self._unanswered_since, self._last_speech
        if since is not None and last is not None and last - since >= ONE_WAY_S:
            self._one_way = True
