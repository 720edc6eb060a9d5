"""Which call has which faults.

Shares are kept exactly and not left to chance: a fault with a share of 10 % is had by 2 of any 20 calls in a
row, because each call adds a tenth, and the call at which the sum passes a whole number has the fault (error
diffusion). The seed says where the sum begins, so two faults with the same share do not always meet in the
same calls. Calls are counted as their offers are accepted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from loadkit.gateway.faults.kinds import Fault

#: The sum begins at a multiple of this, so that it stays a short fraction.
_BEGINNINGS = 1000


@dataclass(frozen=True)
class ChosenFault:
    """A fault of one call."""

    fault: Fault
    seed: str
    """For what is left to chance in it; another one in each call."""


class FaultPlan:
    """Deals the faults out, call by call.

    :param seed: the same seed deals the same faults to the same calls.
    """

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        self._seed = seed
        self._calls = 0
        self._dealt = []
        for number, fault in enumerate(faults, 1):
            beginning = Fraction(Random(f"{seed}/{number}").randrange(_BEGINNINGS), _BEGINNINGS)
            # By way of its text: 0.1 is a tenth, and not the binary fraction next to it.
            self._dealt.append((fault, Fraction(str(fault.share)), beginning))

    def next_call(self) -> list[ChosenFault]:
        """The faults of the next call, in the order in which they were given."""
        before, self._calls = self._calls, self._calls + 1
        return [
            ChosenFault(fault, f"{self._seed}/{number}/{before}")
            for number, (fault, share, beginning) in enumerate(self._dealt, 1)
            if math.floor(beginning + share * self._calls) > math.floor(beginning + share * before)
        ]
