"""Everything that the compiled module can be asked, in any order, with garbage, real sockets and real SRTP.

    python -m tests.native.stress module.so [rounds]

What is looked for is what a sanitizer finds: tests/native/test_memory.py runs it under one.
"""

from __future__ import annotations

import math
import random
import socket
import sys
from pathlib import Path

import pylibsrtp

from loadkit.native.library import MediaLibrary
from loadkit.native.poll import MediaPoll
from loadkit.transport.pylibsrtp_internals import srtp_functions, srtp_pointer
from tests.native.parts import rtp

_KEY = bytes(range(44))
_PROFILE = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM


class _Stress:
    def __init__(self, library: MediaLibrary, seed: int, *, plain: bool) -> None:
        self.random = random.Random(seed)
        functions = (library.plain, library.plain) if plain else srtp_functions()
        self.poll = MediaPoll(*functions, library)
        self.sockets: dict[int, socket.socket] = {}
        self.streams: list[int] = []
        self.gone = [0, 1, 1 << 24, 2**64 - 1]
        self.samples = [-1, 0, 5, 10_000]
        self.outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.outside.bind(("127.0.0.1", 0))
        self.srtp = self._session(pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self.number = 0
        self.poll.set_silence(b"\xf8\xff\xfe")

    def _session(self, kind: int) -> pylibsrtp.Session:
        return pylibsrtp.Session(pylibsrtp.Policy(key=_KEY, ssrc_type=kind, srtp_profile=_PROFILE))

    def stream(self) -> int:
        return self.random.choice(self.streams + self.gone)

    def socket(self) -> int:
        return self.random.choice([*self.sockets, *self.gone])

    def open_socket(self) -> None:
        if len(self.sockets) < 8:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setblocking(False)
            sock.bind(("127.0.0.1", 0))
            self.sockets[self.poll.add_socket(sock.fileno())] = sock

    def close_socket(self) -> None:
        if self.sockets:
            number = self.random.choice(list(self.sockets))
            self.poll.remove_socket(number)
            self.poll.remove_socket(number)
            self.sockets.pop(number).close()
            self.gone.append(number)

    def open_stream(self) -> None:
        if len(self.streams) < 200:
            sessions = (
                self._session(pylibsrtp.Policy.SSRC_ANY_INBOUND),
                self._session(pylibsrtp.Policy.SSRC_ANY_OUTBOUND),
            )
            number = self.poll.open_stream(
                srtp_pointer(sessions[0]),
                srtp_pointer(sessions[1]),
                owners=sessions,
                ssrc=self.random.getrandbits(32),
                payload_type=self.random.getrandbits(8),
                sequence=self.random.getrandbits(16),
                timestamp=self.random.getrandbits(32),
            )
            self.streams.append(number)

    def close_stream(self) -> None:
        if self.streams:
            number = self.streams.pop(self.random.randrange(len(self.streams)))
            self.poll.close_stream(number)
            self.gone.append(number)

    def add_sample(self) -> None:
        if len(self.samples) < 40:
            count = self.random.randint(1, 6)
            packets = tuple(self.random.randbytes(self.random.randint(0, 400)) for _ in range(count))
            first = self.random.choice([None, 0, count - 1])
            self.samples.append(self.poll.add_sample(packets, frozenset({0}), first, first))

    def datagram(self) -> bytes:
        number = self.random.getrandbits(16)
        packet = rtp(
            number,
            number * 960,
            ssrc=self.random.randint(0, 2),
            payload=self.random.randbytes(self.random.randint(0, 300)),
            csrcs=self.random.randint(0, 15),
            extension=self.random.choice([None, 0, 7]),
            padding=self.random.randint(0, 60),
        )
        kind = self.random.randrange(6)
        if kind == 0:
            return self.random.randbytes(
                self.random.choice([0, 1, 2, 11, 12, 13, 60, 1499, 1501, 9000, 65_507])
            )
        if kind == 1:
            return bytes([self.random.randint(128, 191)]) + self.random.randbytes(
                self.random.choice([self.random.randint(0, 1600), 65_506])
            )
        if kind == 2:
            return packet[: self.random.randint(0, len(packet))]
        if kind == 3:
            return self.protected()
        if kind == 4:
            return self.changed(self.protected())
        return packet

    def protected(self) -> bytes:
        """What a stream takes for real."""
        self.number += 1
        return bytes(self.srtp.protect(rtp(self.number, self.number * 960, payload=b"heard")))

    def changed(self, packet: bytes) -> bytes:
        """In a few places, mostly of its header, and perhaps not whole."""
        data = bytearray(packet)
        for _ in range(self.random.randint(1, 4)):
            data[self.random.randrange(self.random.choice([2, 16, len(data)]))] = self.random.getrandbits(8)
        return bytes(data[: self.random.choice([len(data), self.random.randint(0, len(data))])])

    def times(self) -> list[float]:
        """Seconds, mostly such as there are."""
        return [*(self.random.random() * 100 for _ in range(8)), math.nan, math.inf, -1e300]

    def step(self) -> None:
        poll, choose = self.poll, self.random
        match choose.randrange(15):
            case 0:
                self.open_socket()
            case 1:
                choose.choice([self.close_socket, self.close_stream, self.add_sample])()
            case 2:
                self.open_stream()
            case 3:
                poll.route(self.socket(), self.stream())
            case 4:
                there = (socket.AF_INET, b"\x7f\0\0\1", self.outside.getsockname()[1], 0)
                six = (socket.AF_INET6, bytes(15) + b"\1", 9, 3)
                poll.send_to(self.stream(), self.socket(), choose.choice([there, there, six, None]))
            case 5:
                poll.set_slot(self.stream(), choose.choice([None, 0, 1, 63, 64, 1 << 20]))
            case 6:
                poll.play(self.stream(), choose.choice(self.samples), loop=choose.random() < 0.5)
            case 7:
                poll.hear(self.stream(), hears=choose.random() < 0.7)
            case 8:
                choose.choice([poll.echo, poll.answered])(self.stream())
            case 9:
                if self.streams:
                    poll.figures(choose.choice(self.streams))
                    poll.drift_points(choose.choice(self.streams))
            case 10 | 11:
                frames = choose.choice([1, 1, 5, 16, 17, -1])
                skipped = choose.choice([0, 0, 3, 2**31 - 1, -1])
                poll.send(choose.choice([0, 1, 63, 64, -1]), frames, skipped, choose.choice(self.times()))
            case 12:
                poll.take(self.stream(), self.datagram(), choose.choice(self.times()))
            case _:
                for sock in self.sockets.values():
                    self.outside.sendto(self.datagram(), sock.getsockname())
                poll.receive()
                poll.receive(quiet=True)

    def close(self) -> None:
        self.poll.close()
        self.poll.close()
        for sock in [self.outside, *self.sockets.values()]:
            sock.close()


def stress(library: MediaLibrary, rounds: int) -> None:
    """Ask for anything, so many times; with real SRTP and with none, so that garbage gets further."""
    for plain in (False, True):
        run = _Stress(library, seed=rounds + plain, plain=plain)
        for _ in range(rounds):
            run.step()
        run.close()


if __name__ == "__main__":
    stress(MediaLibrary(Path(sys.argv[1])), int(sys.argv[2]) if len(sys.argv) > 2 else 3000)
    print("done")
