"""What the caller heard, as it is heard: first audio, greeting, utterances, turns.

Time in which this process stood still is no silence of the other side, and what it may have delayed or broken off is
not measured.

Nothing is decoded when nobody listens: with ``listen`` off, only until the first sound.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from loadkit.call.interruption import Interruption
from loadkit.call.timeline import Timeline
from loadkit.media.stand_stills import BACKLOG_S, StandStill, StandStills
from loadkit.media.voice import SILENCE_DBFS, LevelDecoder, Utterance, UtteranceTracker
from loadkit.records import TurnRecord

_KEPT = 64


class Hearing:
    """Listens to one call.

    :param changed: called when an utterance starts or ends.
    :param heard: called with that utterance.
    :param stand_stills: when this process stood still; never, when not given.
    """

    def __init__(
        self,
        timeline: Timeline,
        *,
        listen: bool,
        changed: Callable[[], None],
        heard: Callable[[Utterance], None] | None = None,
        stand_stills: StandStills | None = None,
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
        #: When this process stood still.
        self.stand_stills = stand_stills or StandStills()
        #: The end of the last of them that was seen.
        self._seen_until = -math.inf
        #: Those after which nothing was heard yet.
        self._unheard: deque[StandStill] = deque(maxlen=_KEPT)
        #: Long ones of the call, the newest.
        self._long: deque[StandStill] = deque(maxlen=_KEPT)
        #: The longest of the call in seconds; 0 when there was none.
        self._longest_s = 0.0
        #: Finished turns, oldest first.
        self.turns: list[TurnRecord] = []
        #: When the caller's last speech frame was sent (monotonic seconds).
        self.said_at: float | None = None
        self._speech_began_at: float | None = None
        self._judged = False
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
        self.look_back()
        if self._unheard:
            self._wake(now)
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
        """Let an utterance end when packets have stopped coming, unless they may wait to be read."""
        self.look_back()
        if self.stand_stills.catching_up(now):
            return
        self._note(self._tracker.poll(now))
        self._watch_interruption(now)

    def _note(self, utterance: Utterance | None) -> None:
        if utterance is None:
            return
        if not utterance.ended:
            self.utterances.append(utterance)
            if len(self.utterances) == 1 and not self._greeting_hidden(utterance.started_at):
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
        self.said_at = self._speech_began_at = None
        self._judged = False
        self._before_turn = len(self.utterances)
        turn = TurnRecord(turn=len(self.turns) + 1, sample=sample)
        self.turns.append(turn)
        return turn

    def speech_began(self, now: float) -> None:
        """The caller's first speech frame was sent at ``now``."""
        self._speech_began_at = now
        self.stand_stills.awake(now)
        self.look_back()
        for still in self._long:
            if still.touches(now, now):
                self._tell(still)
        if not self._interrupting:
            return
        self._interrupting = False
        last = self.utterances[-1].last_speech_at if self.utterances else None
        if self.talking and self._stood_still_between(now, now):
            # What the agent was saying when we interrupted it waits to be read.
            self.interruption = Interruption(now, decided=True)
        elif Interruption.possible(now, last):
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
        """The other side started to speak while the caller was speaking; told as it is heard."""
        if self.turns and not self._words_broken():
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

        An agent that talked on when it was interrupted, or may have, may be heard to reply without a pause: its
        speech counts.
        """
        said_at = self.said_at
        if said_at is None:
            return None
        cut_in = self.interruption
        talked_on = cut_in is not None and (cut_in.missed or cut_in.unmeasured)
        first = self._before_turn - 1 if talked_on else self._before_turn
        return next((u for u in self.utterances[first:] if u.last_speech_at > said_at), None)

    def note_reply(self, reply: Utterance | None) -> float | None:
        """Write what came of the newest turn; returns its latency in ms.

        None when no reply came, when it had begun before the caller was done, which is no latency, or when this
        process stood still in the caller's words or when the reply came.
        """
        if not self.turns:
            return None
        turn = self.turns[-1]
        self._judged = True
        if reply is None or self.said_at is None:
            turn.no_response = True
            return None
        if not self._hidden(reply.started_at) and not self._hidden(reply.last_speech_at):
            turn.reply_ms = round(reply.duration * 1000, 3)
        if self._words_broken() or self._hidden(reply.started_at):
            return None
        if reply.started_at <= self.said_at:
            turn.false_interrupt = not turn.barge_in_missed
            return None
        turn.turn_latency_ms = round((reply.started_at - self.said_at) * 1000, 3)
        return turn.turn_latency_ms

    def reply_cut_off(self) -> None:
        """Write what was heard of a reply that was cut off: its latency counts all the same."""
        reply = self.reply()
        if reply is not None and self.turns and not self._judged:
            self.note_reply(reply)

    # When this process stood still

    @property
    def stood_still_ms(self) -> float | None:
        """The longest stand-still of the call; None without one that counts."""
        return round(self._longest_s * 1000, 3) if self._longest_s else None

    def stood_still_since(self, began: float, now: float) -> float:
        """Seconds for which this process stood still, in long stand-stills, from a time on until now."""
        self.stand_stills.awake(now)
        self.look_back()
        return sum(still.seconds for still in self._long if still.until > began)

    def look_back(self) -> None:
        """See whether this process has stood still since it was looked at last."""
        connected, newest = self._timeline.at("dtls_done"), self.stand_stills.newest
        if connected is None or newest <= self._seen_until:
            return
        seen_until, self._seen_until = self._seen_until, newest
        for still in self.stand_stills.after(max(seen_until, connected - BACKLOG_S)):
            self._unheard.append(still)
            if still.long:
                self._note_long(still)

    def _wake(self, arrival: float) -> None:
        """The first packet since; when it is not known to have come meanwhile, that time was no silence."""
        for still in self._unheard:
            if still.hides(arrival):
                self._tracker.did_not_listen(still.seconds)
                if self.interruption is not None:
                    self.interruption.did_not_listen(still.seconds)
        self._unheard.clear()

    def _note_long(self, still: StandStill) -> None:
        self._long.append(still)
        self._longest_s = max(self._longest_s, still.seconds)
        if self.interruption is not None:
            self.interruption.stood_still(still.since)
        self._tell(still)

    def _tell(self, still: StandStill) -> None:
        if self.turns and not self._judged:
            turn = self.turns[-1]
            turn.stood_still_ms = max(turn.stood_still_ms or 0.0, round(still.seconds * 1000, 3))

    def _stood_still_between(self, begin: float, end: float) -> bool:
        return any(still.touches(begin, end) for still in self._long)

    def _words_broken(self) -> bool:
        """Whether the caller's words in this turn had a hole that the other side may have taken for their end."""
        began = self._speech_began_at or self.said_at
        return began is not None and self._stood_still_between(began, self.said_at or math.inf)

    def _hidden(self, arrival: float) -> bool:
        """Whether what was heard at this time may have waited to be read."""
        return any(still.hides(arrival) for still in self._long)

    def _greeting_hidden(self, began: float) -> bool:
        connected = self._timeline.at("dtls_done")
        late = connected is not None and self._stood_still_between(connected, connected)
        return late or self._hidden(began)
