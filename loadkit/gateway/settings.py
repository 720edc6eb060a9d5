"""What can be set at the gateway, with every fault reported at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from loadkit.errors import SettingsError

#: The reference agent's recordings.
SPEECH_FOLDER = Path(__file__).parent / "speech"

#: Environment variables for what other users of the machine must not see in a command line.
TOKENS_VARIABLE = "LOADKIT_GATEWAY_TOKENS"
TURN_SECRET_VARIABLE = "LOADKIT_TURN_SECRET"  # noqa: S105

_ICE_SCHEMES = ("stun:", "stuns:", "turn:", "turns:")
_TURN_SCHEMES = ("turn:", "turns:")


@dataclass(frozen=True)
class GatewaySettings:
    """Settings of one gateway; times in seconds.

    :raises SettingsError: one or more values cannot be used.
    """

    host: str = "127.0.0.1"
    """Address to listen on. Loopback unless the user names another: the gateway is made for practice."""
    port: int = 0
    """0 lets the system choose."""
    tokens: tuple[str, ...] = field(default=(), repr=False)
    """Accepted tokens; with none, any token that is not empty is accepted."""
    production: bool = False
    """Refuse echo, as production gateways do."""
    agent_delay: float = 0.6
    """From the caller's last speech frame to the agent's reply; at least :attr:`end_of_turn`."""
    agent_turns: int | None = None
    """After so many answers the agent says goodbye and hangs up; None for never."""
    end_of_turn: float = 0.5
    """So much silence ends the caller's turn."""
    greeting_delay: float = 0.2
    """From the connection to the greeting."""
    speech_folder: Path = SPEECH_FOLDER
    """Where the agent's recordings are: greeting.wav, answer_*.wav, goodbye.wav."""
    ice_servers: tuple[str, ...] = ()
    """STUN and TURN URLs that callers are told of."""
    turn_secret: str | None = field(default=None, repr=False)
    """Shared with the TURN servers (coturn's ``static-auth-secret``); None when there is no TURN URL."""
    turn_ttl: int = 24 * 3600
    """Life of a TURN credential."""
    max_sessions: int = 1000
    """More offers than this are refused with HANDLER_ERROR."""
    max_message_bytes: int = 256 * 1024
    """A longer message is refused with INVALID_MESSAGE; one eight times as long closes its socket (1009)."""
    reconnect_grace: float = 10.0
    """A session without a socket ends after this time."""
    connect_timeout: float = 30.0
    """For ICE and DTLS together."""
    media_timeout: float = 30.0
    """A session without a packet from the caller ends after this time."""
    max_duration: float = 3600.0
    """A session ends after this time, whatever happens in it."""

    def __post_init__(self) -> None:
        faults = self._faults()
        if faults:
            raise SettingsError(faults)

    def _faults(self) -> list[str]:
        faults = []
        if not 0 <= self.port <= 65535:
            faults.append(f"--port {self.port}: a port lies between 0 and 65535")
        if any(not token.strip() for token in self.tokens):
            faults.append("--token: a token must not be empty")
        if self.end_of_turn <= 0:
            faults.append(f"end_of_turn {self.end_of_turn:g}: must be more than 0 s")
        if self.agent_delay < self.end_of_turn:
            faults.append(
                f"--agent-delay {self.agent_delay:g}: must be at least {self.end_of_turn:g} s, the silence"
                " that ends the caller's turn"
            )
        if self.agent_turns is not None and self.agent_turns < 1:
            faults.append(f"--agent-turns {self.agent_turns}: must be at least 1")
        if self.max_sessions < 1:
            faults.append(f"--max-sessions {self.max_sessions}: must be at least 1")
        faults += [
            f"--ice-server {url}: must begin with one of {', '.join(_ICE_SCHEMES)}"
            for url in self.ice_servers
            if not url.startswith(_ICE_SCHEMES)
        ]
        if self.turn_urls and not self.turn_secret:
            faults.append(
                f"--ice-server {self.turn_urls[0]}: TURN needs its secret in {TURN_SECRET_VARIABLE}"
            )
        return faults

    @property
    def turn_urls(self) -> tuple[str, ...]:
        """Those of :attr:`ice_servers` that need credentials."""
        return tuple(url for url in self.ice_servers if url.startswith(_TURN_SCHEMES))
