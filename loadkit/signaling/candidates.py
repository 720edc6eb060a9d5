"""When a remote ICE candidate, and when the end of them, may be handed to ICE."""

from __future__ import annotations

from .messages import IceCandidate

#: Seconds without a new candidate before an early end of candidates is believed.
QUIET_S = 1.0

#: Remote candidates taken in one call. A gateway with every kind of candidate sends about twenty; each
#: one is paired with each local candidate, so an endless stream would cost memory and time.
MAX_CANDIDATES = 100


class RemoteCandidates:
    """The remote candidates of one call, between their arrival and ICE.

    Three rules:

    * Nothing passes before the answer is applied: until then ICE knows no ufrag to check with.
    * The end passes only when at least one candidate is known and none has come for ``quiet_s`` since
      the end was seen. RFC 8838, section 13 has the end come last, and some gateways send it first.
      aioice believes it at once: with no candidate to check the connection fails, and a candidate
      after the end is refused.
    * No more than ``limit`` candidates are taken.

    :param quiet_s: seconds.
    :param limit: candidates, those in the SDP not counted.
    """

    def __init__(self, quiet_s: float = QUIET_S, limit: int = MAX_CANDIDATES) -> None:
        self.quiet_s = quiet_s
        self.limit = limit
        #: Whether a candidate came after the end of them; None until the end is seen.
        self.end_came_early: bool | None = None
        self._taken = 0
        self._held: list[IceCandidate] = []
        self._applied = False
        self._in_sdp = False
        self._quiet_since: float | None = None  # None until the end is seen
        self._end_passed = False

    @property
    def full(self) -> bool:
        """Whether one more candidate would be one too many."""
        return self._taken >= self.limit

    def candidate_received(self, candidate: IceCandidate, now: float) -> bool:
        """Take a trickled candidate; False when it must be dropped: one too many, or after the end passed."""
        if self._quiet_since is not None:
            self.end_came_early = True
        if self._end_passed or self.full:
            return False
        self._taken += 1
        self._held.append(candidate)
        if self._quiet_since is not None:
            self._quiet_since = now
        return True

    def end_received(self, now: float) -> None:
        """The gateway says that no more candidates will come; a second time changes nothing."""
        if self._quiet_since is None:
            self._quiet_since = now
            self.end_came_early = False

    def answer_applied(self, *, candidates_in_sdp: bool) -> None:
        """ICE has the gateway's description, and whatever candidates were in it."""
        self._applied = True
        self._in_sdp = candidates_in_sdp

    def poll(self, now: float) -> tuple[list[IceCandidate], bool]:
        """Candidates that may pass now, in their order, and whether the end passes after them.

        Each candidate passes once, and so does the end.
        """
        if not self._applied:
            return [], False
        passing, self._held = self._held, []
        deadline = self.next_deadline()
        if deadline is None or now < deadline:
            return passing, False
        self._end_passed = True
        return passing, True

    def next_deadline(self) -> float | None:
        """When the end may pass if nothing else comes, on the clock of ``now``; None while it may not."""
        if self._end_passed or not self._applied or self._quiet_since is None:
            return None
        if not (self._taken or self._in_sdp):
            return None
        return self._quiet_since + self.quiet_s
