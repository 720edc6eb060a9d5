"""Which call has which faults.

Shares are kept exactly and not left to chance: a fault with a share of 10 % is had by 2 of any 20 calls in a
row, because each call adds a tenth, and the call at which the sum passes a whole number has the fault (error
diffusion). The seed says where the sum begins, so two faults with the same share do not always meet in the
same calls. Calls are counted as their offers are accepted; of a fault that sets in above a number of calls in
progress, only those are counted that make more than that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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


class InProgress:
    """Counts the calls that a gateway has in progress."""

    def __init__(self) -> None:
        self.calls = 0

    def enter(self) -> Callable[[], None]:
        """Count one more, until what is returned is called; a second time it does nothing."""
        self.calls += 1
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self.calls -= 1

        return leave


class _Dealt:
    """One fault and how many calls there were that it might have had."""

    def __init__(self, fault: Fault, beginning: Fraction) -> None:
        self.fault = fault
        self._beginning = beginning
        # By way of its text: 0.1 is a tenth, and not the binary fraction next to it.
        self._share = Fraction(str(fault.share))
        self._calls = 0

    def has_next(self, in_progress: int) -> bool:
        """Whether the next call has it."""
        if self.fault.above is not None and in_progress <= self.fault.above:
            return False
        before, self._calls = self._calls, self._calls + 1
        return math.floor(self._beginning + self._share * self._calls) > math.floor(
            self._beginning + self._share * before
        )


class FaultPlan:
    """Deals the faults out, call by call.

    :param seed: the same seed deals the same faults to the same calls.
    """

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        self._seed = seed
        self._calls = 0
        self._dealt = [
            _Dealt(fault, Fraction(Random(f"{seed}/{number}").randrange(_BEGINNINGS), _BEGINNINGS))
            for number, fault in enumerate(faults, 1)
        ]

    @property
    def counts(self) -> bool:
        """Whether a fault depends on how many calls are in progress."""
        return any(dealt.fault.above is not None for dealt in self._dealt)

    def next_call(self, in_progress: int = 1) -> list[ChosenFault]:
        """The faults of the next call, in the order in which they were given.

        :param in_progress: calls in progress at the gateway, with this one.
        """
        before, self._calls = self._calls, self._calls + 1
        return [
            ChosenFault(dealt.fault, f"{self._seed}/{number}/{before}")
            for number, dealt in enumerate(self._dealt, 1)
            if dealt.has_next(in_progress)
        ]
