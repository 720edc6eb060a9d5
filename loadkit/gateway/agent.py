"""Who answers a call: the interface of an agent.

To write one, begin with :class:`~loadkit.gateway.turn_taking.TurnTakingAgent`, which listens, takes turns and
can be interrupted; an agent that wants each packet to itself begins here. ``docs/agents.md`` shows both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from loadkit.errors import LoadkitError
from loadkit.gateway.events import Note
from loadkit.gateway.settings import GatewaySettings


class AgentUnavailable(LoadkitError):
    """No agent can be had for a call; the text goes to the caller with ``AGENT_FAILURE``."""


@dataclass(frozen=True)
class AgentCall:
    """What an agent is told of its call."""

    mode: str
    """Canonical mode: ``end-to-end`` or ``traditional``."""
    session_id: str
    call_sid: str | None
    """``callSid`` of the offer."""
    seed: tuple[int, int]
    """For ``numpy.random.default_rng``: the gateway's seed, and which of its agents this is, from 0."""
    settings: GatewaySettings
    note: Note
    """Writes an event to the gateway's ``--events``; does nothing when nobody wants them."""


class Agent(ABC):
    """One call's agent; ``now`` is monotonic seconds, a packet is an Opus payload of 20 ms.

    Everything is called in the event loop, between the packets of all other calls: it must not block.
    An agent that raises ends its own call with ``AGENT_FAILURE``.
    """

    #: Set by the agent when it has said its last word; the gateway then ends the call with ``close``.
    hung_up: bool = False

    @abstractmethod
    def start(self, now: float) -> None:
        """The call is connected."""

    @abstractmethod
    def packet_received(self, payload: bytes, now: float) -> None:
        """A packet of the caller arrived; some may come before :meth:`start`, or never."""

    @abstractmethod
    def next_packet(self, now: float) -> bytes:
        """The packet to send now; called every 20 ms from :meth:`start` on."""

    def stop(self, now: float) -> None:  # noqa: B027 - most agents have nothing to end
        """The call has ended, however it did; called once, also when :meth:`start` never was."""


#: Makes the agent of one call: a class that takes an :class:`AgentCall`, or a function.
#: Raises :class:`AgentUnavailable` when it cannot.
AgentFactory = Callable[[AgentCall], Agent]
