"""The faults of a gateway, dealt out to its calls."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence

from loadkit.gateway.faults import kinds
from loadkit.gateway.faults.hooks import CountedCall, SessionFaults
from loadkit.gateway.faults.plan import FaultPlan, InProgress
from loadkit.gateway.faults.planned_faults import PlannedFaults
from loadkit.gateway.faults.stall import Stalls

logger = logging.getLogger(__name__)

_NO_FAULTS = SessionFaults()


class GatewayFaults:
    """The faults of a gateway, dealt out to its calls.

    :param seed: the same seed deals the same faults to the same calls.
    """

    def __init__(self, faults: Sequence[kinds.Fault] = (), seed: int = 1) -> None:
        self._faults = faults
        self._stalls = Stalls([fault for fault in faults if isinstance(fault, kinds.Stall)])
        self._has_stalls = any(isinstance(fault, kinds.Stall) for fault in faults)
        self._plan = FaultPlan([fault for fault in faults if not isinstance(fault, kinds.Stall)], seed)
        self._in_progress = InProgress()
        self._started_at = time.monotonic()
        #: What leaked sessions hold.
        self._leaked: list[bytes] = []

    @property
    def leaked_sessions(self) -> int:
        """Sessions that have ended and are counted all the same."""
        return len(self._leaked)

    def warn(self) -> None:
        """Say in the log that there are faults: whoever finds them later should know that they were asked for."""
        if self._faults:
            counted = Counter(fault.kind for fault in self._faults)
            logger.warning("faults on demand: %s", ", ".join(f"{kind} ({n})" for kind, n in counted.items()))

    def of_next_call(self) -> SessionFaults:
        """The faults of the next call."""
        if not self._plan.counts:
            chosen = self._plan.next_call()
            if not chosen and not self._has_stalls:
                return _NO_FAULTS
            return PlannedFaults(chosen, self._stalls, leaked=self._leaked, age_s=self._age_s)
        leave = self._in_progress.enter()
        chosen = self._plan.next_call(self._in_progress.calls)
        if not chosen and not self._has_stalls:
            return CountedCall(leave)
        return PlannedFaults(chosen, self._stalls, leave, leaked=self._leaked, age_s=self._age_s)

    def _age_s(self) -> float:
        return time.monotonic() - self._started_at

    def close(self) -> None:
        """No more stalls."""
        self._stalls.close()
