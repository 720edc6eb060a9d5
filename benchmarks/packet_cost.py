"""What a packet costs on the Python path, without sockets: CPU per packet out and in, and what SRTP has of it.

    python -m benchmarks.packet_cost [--packets 20000] [--rounds 5]

A stream sends a sample to nowhere, and takes what a peer has protected; both do all that a record needs. The least of
several rounds is printed, in microseconds. What a real call has on top is the kernel: one ``sendto`` and one
``recvfrom`` per packet, printed below, over a socket on loopback.
"""

from __future__ import annotations

import argparse
import secrets
import socket
import time
from collections.abc import Callable
from typing import cast

from pylibsrtp import Policy, Session

from loadkit.call.python_stream import PythonStream
from loadkit.media.clock import MediaClock, Tick
from loadkit.media.rtp import RtpSource
from loadkit.media.samples import load_sample
from loadkit.settings import SAMPLES_DIR
from loadkit.transport.peer import Peer
from loadkit.transport.pylibsrtp_buffers import rtp_protector, rtp_unprotector
from loadkit.transport.reception import Reception

_PAYLOAD = secrets.token_bytes(80)


class _Nobody:
    """Who is told of nothing that matters here."""

    def first_packet(self, now: float) -> None: ...
    def payload(self, payload: bytes, now: float) -> None: ...
    def speech_began(self, now: float) -> None: ...
    def speech_ended(self, now: float) -> None: ...
    def sample_over(self, now: float) -> None: ...
    def sending_failed(self, error: Exception) -> None:
        raise error


class _Clock:
    """Keeps the tick, so that it can be called without waiting."""

    def add(self, tick: Tick) -> None:
        self.tick = tick


class _Peer:
    """As :class:`Peer`, but that packets go nowhere."""

    def __init__(self, sending: Session) -> None:
        self.ssrc, self.cname = 77, "benchmark"
        self._protect = rtp_protector(sending)
        self._sendto: Callable[[bytes, tuple[str, int]], None] = lambda data, address: None
        self._address = ("127.0.0.1", 9)

    def send_rtp(self, packet: bytes) -> None:
        self._sendto(self._protect(packet), self._address)


def _sessions() -> tuple[Session, Session]:
    key = secrets.token_bytes(44)
    sending, receiving = (
        Session(Policy(key=key, ssrc_type=kind, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_256_GCM))
        for kind in (Policy.SSRC_ANY_OUTBOUND, Policy.SSRC_ANY_INBOUND)
    )
    return sending, receiving


def _cpu_us(work: Callable[[], None], packets: int) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) / packets * 1e6


def packets_out(packets: int) -> float:
    """One packet from an encoded sample to the socket, the socket left out."""
    stream, clock = PythonStream(_Nobody()), _Clock()
    stream.attach(cast(Peer, _Peer(_sessions()[0])), 111, 0.0)
    stream.start(cast(MediaClock, clock))
    stream.speaker.play(load_sample(SAMPLES_DIR / "opening_hours.wav"), loop=True)
    tick = clock.tick

    def work() -> None:
        for _ in range(packets):
            tick(1, 0, 0.001)

    return _cpu_us(work, packets)


def _protected(sending: Session, packets: int) -> list[bytes]:
    source = RtpSource(5, 111)
    source.sequence_number = 0
    return [sending.protect(source.packet(_PAYLOAD)) for _ in range(packets)]


def packets_in(packets: int) -> float:
    """One packet from the socket to all figures of the record, the socket left out."""
    sending, receiving = _sessions()
    stream = PythonStream(_Nobody())
    stream.attach(cast(Peer, _Peer(sending)), 111, 0.0)
    stream.wants_payloads = False
    reception = Reception(stream.rtp_received, stream.rtcp_received)
    reception.open(receiving)
    arriving = _protected(sending, packets)

    def work() -> None:
        for data in arriving:
            reception.take(data)

    return _cpu_us(work, packets)


def srtp_alone(packets: int) -> float:
    """Protecting and unprotecting a packet, and nothing else; half of it for each."""
    sending, receiving = _sessions()
    source = RtpSource(5, 111)
    source.sequence_number = 0
    plain = [source.packet(_PAYLOAD) for _ in range(packets)]
    protect, unprotect = rtp_protector(sending), rtp_unprotector(receiving)

    def work() -> None:
        for packet in plain:
            unprotect(protect(packet))

    return _cpu_us(work, packets) / 2


def kernel(packets: int) -> float:
    """Sending a datagram on loopback and reading it."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        one.bind(("127.0.0.1", 0))
        address = one.getsockname()

        def work() -> None:
            for _ in range(packets):
                other.sendto(_PAYLOAD, address)
                one.recvfrom(2048)

        return _cpu_us(work, packets)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--packets", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    # SRTP counts to 2^15 from a random start before a number wraps.
    packets = min(given.packets, 30_000)
    for name, measure in (
        ("packet out", packets_out),
        ("packet in", packets_in),
        ("of either: SRTP", srtp_alone),
        ("kernel, out and in", kernel),
    ):
        print(f"{name:20} {min(measure(packets) for _ in range(given.rounds)):6.2f} us")


if __name__ == "__main__":
    main()
