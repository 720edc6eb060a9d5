"""The packets of one call at the gateway: echoed one by one, or an agent's, 20 ms each."""

from __future__ import annotations

import logging
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from loadkit.gateway.agent import Agent
from loadkit.media.clock import Tick
from loadkit.media.meter import ReceptionMeter
from loadkit.media.rtcp import RtcpReporter
from loadkit.media.rtp import RtpPacket, RtpSource, parse_plain, parse_rtp

logger = logging.getLogger(__name__)

_HEADER = struct.Struct("!BBHII")
_PLAIN = 0x80
_SSRC = struct.Struct("!I")


class Sender(Protocol):
    """What media needs of a peer."""

    ssrc: int
    cname: str

    def send_rtp(self, packet: bytes, /) -> None: ...
    def send_rtcp(self, packet: bytes, /) -> None: ...


class FrameClock(Protocol):
    """What media needs of a clock."""

    def add(self, tick: Tick, /) -> None: ...
    def remove(self, tick: Tick, /) -> None: ...


class SessionMedia(ABC):
    """Counts and reports what comes; the two ways of answering it are below.

    :param ntp_offset: seconds to add to the monotonic clock to get Unix time.
    """

    def __init__(self, payload_type: int, ntp_offset: float) -> None:
        self.meter = ReceptionMeter()
        #: Packets that are no RTP of the negotiated payload type, or no RTCP.
        self.packets_discarded = 0
        self._payload_type = payload_type
        self._ntp_offset = ntp_offset

    def attach(self, peer: Sender) -> None:
        """Say which peer to send with; packets may arrive from now on."""
        self._peer = peer
        self._source = RtpSource(peer.ssrc, self._payload_type)
        self._reporter = RtcpReporter(self._source, self.meter, peer.cname, self._ntp_offset)

    def start(self, now: float) -> None:  # noqa: B027 - echo has nothing to start
        """The call is connected."""

    def stop(self, now: float) -> None:
        """End our stream; RTCP BYE is the last word."""
        self._peer.send_rtcp(self._reporter.bye(now))

    def report(self, now: float) -> None:
        """Send a sender or receiver report."""
        self._peer.send_rtcp(self._reporter.report(now))

    @abstractmethod
    def rtp_received(self, packet: bytes, now: float) -> None:
        """One decrypted RTP packet; also before :meth:`start`, when it overtook the handshake's end."""

    def rtcp_received(self, packet: bytes, now: float) -> None:
        """One decrypted compound RTCP packet."""
        try:
            self._reporter.receive(packet, now)
        except ValueError:
            self.packets_discarded += 1

    def _read(self, packet: bytes) -> RtpPacket | None:
        """A packet of the negotiated payload type; None, and counted, when it is none."""
        try:
            rtp = parse_rtp(packet)
        except ValueError:
            rtp = None
        if rtp is None or rtp.payload_type != self._payload_type:
            self.packets_discarded += 1
            return None
        return rtp


class EchoMedia(SessionMedia):
    """Sends each packet back as it arrives, under our own SSRC.

    Sequence number, timestamp and marker stay as they were, so that loss and reordering on the way here
    can be seen by the caller. Nothing is decoded and no clock is needed.
    """

    def attach(self, peer: Sender) -> None:
        """Say which peer to send with."""
        super().attach(peer)
        self._ssrc = _SSRC.pack(peer.ssrc)
        self._send_rtp = peer.send_rtp

    def rtp_received(self, packet: bytes, now: float) -> None:
        """Echo one packet; with several hundred calls this is what the gateway does all day."""
        plain = parse_plain(packet)
        if plain is None:
            self._echo_unusual(packet, now)
            return
        second, sequence_number, timestamp, ssrc = plain
        if second & 0x7F != self._payload_type:
            self.packets_discarded += 1
            return
        size = len(packet) - 12
        self.meter.packet(ssrc, sequence_number, timestamp, size, now)
        source = self._source
        source.timestamp = timestamp
        source.packets_sent += 1
        source.bytes_sent += size
        self._send_rtp(packet[:8] + self._ssrc + packet[12:])

    def _echo_unusual(self, packet: bytes, now: float) -> None:
        """Echo a packet with CSRC, extension or padding: only its payload is sent back."""
        rtp = self._read(packet)
        if rtp is None:
            return
        size = len(rtp.payload)
        self.meter.packet(rtp.ssrc, rtp.sequence_number, rtp.timestamp, size, now)
        second = self._payload_type | (0x80 if rtp.marker else 0)
        header = _HEADER.pack(_PLAIN, second, rtp.sequence_number, rtp.timestamp, self._source.ssrc)
        source = self._source
        source.timestamp = rtp.timestamp
        source.packets_sent += 1
        source.bytes_sent += size
        self._send_rtp(header + rtp.payload)


class AgentMedia(SessionMedia):
    """Plays an agent's packets by the process's clock and hands it the caller's.

    :param hung_up: called once, when the agent has hung up.
    :param failed: called once, when the agent raised.
    """

    def __init__(
        self,
        payload_type: int,
        ntp_offset: float,
        *,
        agent: Agent,
        clock: FrameClock,
        hung_up: Callable[[], None],
        failed: Callable[[], None],
    ) -> None:
        super().__init__(payload_type, ntp_offset)
        self._agent = agent
        self._clock = clock
        self._hung_up = hung_up
        self._failed = failed

    def start(self, now: float) -> None:
        """Let the agent begin."""
        try:
            self._agent.start(now)
        except Exception:
            logger.exception("an agent could not be started")
            self._agent_failed()
            return
        self._clock.add(self._tick)

    def stop(self, now: float) -> None:
        """End our stream."""
        self._clock.remove(self._tick)
        try:
            self._agent.stop(now)
        except Exception:
            logger.exception("an agent failed at the end of its call")
        super().stop(now)

    def rtp_received(self, packet: bytes, now: float) -> None:
        """Count a packet and let the agent hear it."""
        rtp = self._read(packet)
        if rtp is not None and self.meter.packet(
            rtp.ssrc, rtp.sequence_number, rtp.timestamp, len(rtp.payload), now
        ):
            try:
                self._agent.packet_received(rtp.payload, now)
            except Exception:
                logger.exception("an agent failed while listening")
                self._agent_failed()

    def _tick(self, frames: int, skipped: int, late: float) -> None:  # noqa: ARG002 - the clock's own shape
        source = self._source
        if skipped:
            source.skip(skipped)
        now = time.monotonic()
        try:
            for _ in range(frames):
                payload = self._agent.next_packet(now)
                self._peer.send_rtp(source.packet(payload, marker=source.packets_sent == 0))
            hung_up = self._agent.hung_up
        except Exception:
            # Not let through: the other calls of this slot of the clock come after this one.
            logger.exception("an agent failed while speaking")
            self._agent_failed()
            return
        if hung_up:
            self._clock.remove(self._tick)
            self._hung_up()

    def _agent_failed(self) -> None:
        self._clock.remove(self._tick)
        self._failed()
