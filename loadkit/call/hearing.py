"""What the caller heard, as it is heard: first audio, greeting, utterances, turns.

Nothing is decoded when nobody listens: with ``listen`` off, only until the first sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from loadkit.call.interruption import Interruption
from loadkit.call.timeline import Timeline
from loadkit.media.voice import SILENCE_DBFS, LevelDecoder, Utterance, UtteranceTracker
from loadkit.records import TurnRecord


class Hearing:
    """Listens to one call.

    :param changed: called when an utterance starts or ends.
    :param heard: called with that utterance.
    """

    def __init__(
        self,
        timeline: Timeline,
        *,
        listen: bool,
        changed: Callable[[], None],
        heard: Callable[[Utterance], None] | None = None,
    ) -> None:
        self._timeline = timeline
        self._listen = listen
        self._changed = changed
        self._heard = heard
        self._decoder: LevelDecoder | None = None
        self._tracker = UtteranceTracker()
        self._loudest = -math.inf
        self._decoded = False
        #: All utterances of the other side, oldest first.
        self.utterances: list[Utterance] = []
        self._before_turn = 0
        #: Finished turns, oldest first.
        self.turns: list[TurnRecord] = []
        #: When the caller's last speech frame was sent (monotonic seconds).
        self.said_at: float | None = None
        self._interrupting = False
        #: What the newest turn interrupted; None when it did not.
        self.interruption: Interruption | None = None

    @property
    def audio_level(self) -> float | None:
        """Loudest 20 ms, linear 0..1; None unless the call was listened to throughout."""
        return round(10 ** (self._loudest / 20), 5) if self._decoded and self._listen else None

    @property
    def silent(self) -> bool | None:
        """Nothing above −60 dBFS was heard; None when nothing was decoded."""
        return self._loudest <= SILENCE_DBFS if self._decoded else None

    @property
    def talking(self) -> bool:
        """Whether the other side is speaking."""
        return self._tracker.current is not None

    @property
    def listens(self) -> bool:
        """Whether every packet is listened to, and not only those up to the first sound."""
        return self._listen

    @property
    def wants_packets(self) -> bool:
        """Whether there is more to hear: always, or until the first sound."""
        return self._listen or self._timeline.at("first_audio") is None

    def packet(self, payload: bytes, now: float) -> bool:
        """Hear one packet; True when it was found to hold sound."""
        if not self.wants_packets:
            return False
        if self._decoder is None:
            self._decoder = LevelDecoder()
        level = self._decoder.level(payload)
        self._decoded = True
        self._loudest = max(self._loudest, level)
        if level > SILENCE_DBFS:
            self._timeline.mark("first_audio", now)
        if self._listen:
            self._note(self._tracker.feed(level, now))
            self._watch_interruption(now)
        if not self.wants_packets:
            self._decoder = None
        return level > SILENCE_DBFS

    def poll(self, now: float) -> None:
        """Let an utterance end when packets have stopped coming."""
        self._note(self._tracker.poll(now))
        self._watch_interruption(now)

    def _note(self, utterance: Utterance | None) -> None:
        if utterance is None:
            return
        if not utterance.ended:
            self.utterances.append(utterance)
            self._timeline.mark("greeting", utterance.started_at)
        if self._heard is not None:
            self._heard(utterance)
        self._changed()

    def begin_turn(self, sample: str, *, interrupting: bool = False) -> TurnRecord:
        """The caller starts to say something, or to interrupt."""
        if interrupting:
            # The reply to the turn before is what is interrupted: its latency counts all the same.
            self.reply_cut_off()
        self._interrupting = interrupting
        self.interruption = None
        self.said_at = None
        self._before_turn = len(self.utterances)
        turn = TurnRecord(turn=len(self.turns) + 1, sample=sample)
        self.turns.append(turn)
        return turn

    def speech_began(self, now: float) -> None:
        """The caller's first speech frame was sent at ``now``."""
        interrupting, self._interrupting = self._interrupting, False
        last = self.utterances[-1].last_speech_at if self.utterances else None
        if interrupting and Interruption.possible(now, last):
            self.interruption = Interruption(now)

    def _watch_interruption(self, now: float) -> None:
        interruption = self.interruption
        if interruption is not None and interruption.heard(now, self.utterances[-1].last_speech_at):
            self.turns[-1].barge_in_stop_ms = interruption.stop_ms
            self.turns[-1].barge_in_missed = interruption.missed
            self._changed()

    def speech_sent(self, now: float, connected_at: float) -> None:
        """The caller's last speech frame was sent at ``now``."""
        self.said_at = now
        if self.turns:
            self.turns[-1].said_at = round(now - connected_at, 6)

    def interrupted(self) -> None:
        """The other side started to speak while the caller was speaking."""
        if self.turns:
            self.turns[-1].false_interrupt = True

    @property
    def greeting_ms(self) -> float | None:
        """From the end of the handshake to the first frame of speech; None when none was heard."""
        return self._timeline.milliseconds("dtls_done", "greeting")

    def first_utterance(self) -> Utterance | None:
        """The greeting; None while nothing was said."""
        return self.utterances[0] if self.utterances else None

    def reply(self) -> Utterance | None:
        """The first utterance of this turn that went on after the caller's last speech frame.

        An agent that talked on when it was interrupted may be heard to reply without a pause: its speech counts.
        """
        said_at = self.said_at
        if said_at is None:
            return None
        talked_on = self.interruption is not None and self.interruption.missed
        first = self._before_turn - 1 if talked_on else self._before_turn
        return next((u for u in self.utterances[first:] if u.last_speech_at > said_at), None)

    def note_reply(self, reply: Utterance | None) -> float | None:
        """Write what came of the newest turn; returns its latency in ms.

        None when no reply came, or when it had begun before the caller was done: that is no latency.
        """
        if not self.turns:
            return None
        turn = self.turns[-1]
        if reply is None or self.said_at is None:
            turn.no_response = True
            return None
        turn.reply_ms = round(reply.duration * 1000, 3)
        if reply.started_at <= self.said_at:
            turn.false_interrupt = not turn.barge_in_missed
            return None
        turn.turn_latency_ms = round((reply.started_at - self.said_at) * 1000, 3)
        return turn.turn_latency_ms

    def reply_cut_off(self) -> None:
        """Write what was heard of a reply that was cut off: its latency counts all the same."""
        reply = self.reply()
        if reply is not None and self.turns and self.turns[-1].reply_ms is None:
            self.note_reply(reply)
