"""Calls that Python sets up and a C loop holds: the floor.

    python -m benchmarks.floor_caller URL [--calls 200] [--ahead SECONDS] [--shared]

Signaling, ICE and DTLS are loadkit's, one after the other; then sockets, remote addresses and SRTP keys go to the C
loop in :mod:`benchmarks.floor`, and this process waits for its end. While the C loop runs nobody answers the gateway's
consent checks: aioice gives a call up after six checks, 5 s apart, so a window must end well within 25 s.

With ``--ahead`` the C loop protects the packets of so many seconds before it starts and decrypts nothing. With
``--shared`` it sends for all calls from one socket, many packets at once. Standard input and output, which the C loop
inherits, are those of :mod:`benchmarks.caller_process`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from aiortc import rtcdtlstransport

from benchmarks.engine_calls import SAMPLE
from benchmarks.floor.build import FloorUnavailable, build
from benchmarks.light_caller import LightCaller
from loadkit.media.samples import load_sample
from loadkit.transport.dtls import Certificate
from loadkit.transport.peer import Peer

_AT_ONCE = 4
_PACKETS_PER_SECOND = 50
_CIPHER = b"SRTP_AEAD_AES_256_GCM"


def _srtp_keys(peer: Peer) -> tuple[bytes, bytes]:
    """Master keys with their salts, (sending, receiving), as RFC 5764 section 4.2 takes them from the handshake."""
    # aiortc keeps them to itself; every private name that the floor needs is in this function and the next.
    dtls = peer.dtls
    connection = dtls._ssl
    assert connection is not None
    if connection.get_selected_srtp_profile() != _CIPHER:
        raise RuntimeError(f"the C loop speaks {_CIPHER.decode()} only")
    profile = next(p for p in rtcdtlstransport.SRTP_PROFILES if p.openssl_profile == _CIPHER)
    size = 2 * (profile.key_length + profile.salt_length)
    view = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", size)
    client, server = profile.get_key_and_salt(view, 0), profile.get_key_and_salt(view, 1)
    return (server, client) if dtls._role == "server" else (client, server)


def _descriptor(peer: Peer) -> int:
    """The selected pair's socket."""
    pair = peer.nominated()
    assert pair is not None
    return int(pair.protocol.transport.get_extra_info("socket").fileno())


def _handover(calls: list[LightCaller]) -> str:
    """What the C loop reads; see ``benchmarks/floor/calls.h``."""
    told = [f"payload {packet.hex()}" for packet in load_sample(SAMPLE).packets]
    for call in calls:
        pair = call.peer.nominated()
        assert pair is not None
        host, port = pair.remote_addr[:2]
        sending, receiving = _srtp_keys(call.peer)
        told.append(
            f"call {_descriptor(call.peer)} {host} {port} {call.peer.ssrc} {sending.hex()} {receiving.hex()}"
        )
    return "".join(line + "\n" for line in told)


def _hold(program: Path, calls: list[LightCaller], ahead: float, *, shared: bool) -> int:
    """Let the C loop hold them until its standard input ends; returns its exit code."""
    # Not on its command line, and in no file that has a name: there are keys in it.
    handover = os.memfd_create("calls")
    os.write(handover, _handover(calls).encode())
    os.lseek(handover, 0, os.SEEK_SET)
    command = [str(program), str(handover), str(round(ahead * _PACKETS_PER_SECOND))]
    if shared:
        command.append("shared")
    descriptors = [handover, *(_descriptor(call.peer) for call in calls)]
    # Blocks this process's loop, as it shall: both would read the same sockets.
    return subprocess.run(command, pass_fds=descriptors).returncode


async def _run(url: str, count: int, program: Path, ahead: float, *, shared: bool) -> int:
    certificate = Certificate()
    calls = [LightCaller(url, certificate) for _ in range(count)]
    room = asyncio.Semaphore(_AT_ONCE)

    async def place(call: LightCaller) -> None:
        async with room:
            await call.connect()

    try:
        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(place(call))
        return _hold(program, calls, ahead, shared=shared)
    finally:
        for call in calls:
            await call.vanish()


def _main() -> int:
    parser = argparse.ArgumentParser(description="Calls that a C loop holds.")
    parser.add_argument("url")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--ahead", type=float, default=0.0)
    parser.add_argument("--shared", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            program = build(Path(folder))
        except FloorUnavailable as exc:
            print(exc, file=sys.stderr)
            return 3
        return asyncio.run(_run(args.url, args.calls, program, args.ahead, shared=args.shared))


if __name__ == "__main__":
    sys.exit(_main())
