"""ICE, DTLS, SRTP, and what comes through them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Kind, NotChecked, case, demand
from loadkit.conformance.media_call import Manner, MediaCall
from loadkit.conformance.sources import MEDIA, MODES, both, rfc
from loadkit.conformance.target import ECHO
from loadkit.media import FRAME_SAMPLES
from loadkit.media.rtp import RtpPacket

#: One second of sound.
_SECOND = 50
#: Of the packets that were sent so long ago that they must be back, this share may be lost on the way.
_MAY_BE_LOST = 0.05
#: RFC 7675 section 5.1: consent expires after 30 s.
_BEYOND_CONSENT_S = 35


@case(
    "media.connects",
    "ICE, DTLS and SRTP connect",
    expect="a candidate pair works, the DTLS handshake succeeds against the answer's fingerprint, RTP comes",
    source=both(MEDIA, rfc(8445, "7"), rfc(5764, "4")),
)
async def connects(bench: Bench) -> None:
    await (await bench.call()).hears(1, "an RTP packet")


@case(
    "media.dtls-version",
    "DTLS is 1.2 or newer",
    expect="the handshake agrees on DTLS 1.2 or newer, and on a profile for SRTP",
    source=both(rfc(8827, "6.5"), rfc(5764, "4.1")),
)
async def dtls_version(bench: Bench) -> None:
    outcome = (await bench.call()).dtls
    assert outcome is not None, "a connected call has an outcome"
    demand(outcome.version in ("DTLSv1.2", "DTLSv1.3"), "DTLS 1.2 or newer", outcome.version)
    demand(outcome.srtp_profile, "an SRTP profile", "none")


@case(
    "media.payload-type",
    "RTP has the negotiated payload type",
    expect="every RTP packet has the payload type that the answer gives Opus",
    source=both(rfc(3264, "6.1"), rfc(3550, "5.1")),
)
async def payload_type(bench: Bench) -> None:
    call = await bench.call(Manner(payload_type=96))
    assert call.remote is not None, "a connected call has an answer"
    types = {packet.payload_type for packet in await call.hears(_SECOND // 2, "half a second of sound")}
    demand(
        types == {call.remote.payload_type}, f"payload type {call.remote.payload_type}", f"{sorted(types)}"
    )


@case(
    "media.timestamps",
    "Packets are 20 ms of a 48 kHz clock",
    expect=f"timestamps of packets that follow each other are {FRAME_SAMPLES} apart, or after a pause a multiple",
    source=both(MEDIA, rfc(7587, "4.1"), rfc(3550, "5.1")),
)
async def timestamps(bench: Bench) -> None:
    call = await bench.call()
    steps = _steps(await call.hears(_SECOND, "a second of sound"))
    demand(steps, "packets that follow each other", "none")
    usual = sum(step == FRAME_SAMPLES for step in steps)
    good = usual > len(steps) / 2 and all(step % FRAME_SAMPLES == 0 for step in steps)
    demand(good, f"steps of {FRAME_SAMPLES}", f"steps of {sorted(set(steps))[:8]}")


def _steps(packets: Sequence[RtpPacket]) -> list[int]:
    """Differences of timestamps between packets whose sequence numbers follow each other."""
    by_number = {packet.sequence_number: packet.timestamp for packet in packets}
    return [
        (by_number[(number + 1) & 0xFFFF] - timestamp) & 0xFFFFFFFF
        for number, timestamp in by_number.items()
        if (number + 1) & 0xFFFF in by_number
    ]


@case(
    "media.sequence-numbers",
    "Sequence numbers rise by one",
    expect="each sequence number comes once, and nine in ten packets follow the one before",
    source=rfc(3550, "5.1"),
)
async def sequence_numbers(bench: Bench) -> None:
    call = await bench.call()
    numbers = [packet.sequence_number for packet in await call.hears(_SECOND, "a second of sound")]
    demand(len(set(numbers)) == len(numbers), "no number twice", f"{len(numbers) - len(set(numbers))} twice")
    following = sum((b - a) & 0xFFFF == 1 for a, b in pairwise(numbers))
    demand(
        following >= 0.9 * (len(numbers) - 1), "numbers that rise by one", f"{following} of {len(numbers)}"
    )


@case(
    "media.ssrc",
    "The stream has one SSRC",
    expect="all packets of a call have the same SSRC, the answer's if it names one",
    source=both(rfc(3550, "8"), rfc(5576, "4.1")),
)
async def ssrc(bench: Bench) -> None:
    call = await bench.call()
    assert call.remote is not None, "a connected call has an answer"
    found = {packet.ssrc for packet in await call.hears(_SECOND, "a second of sound")}
    demand(len(found) == 1, "one SSRC", f"{len(found)}")
    named = call.remote.ssrc
    demand(named is None or found == {named}, f"the answer's SSRC {named}", f"SSRC {found.pop()}")


async def _echo_call(bench: Bench) -> MediaCall:
    """A call in echo mode.

    :raises NotChecked: echo is not permitted.
    """
    if bench.plan.production:
        raise NotChecked("a production gateway refuses echo")
    return await bench.call(mode=ECHO)


@case(
    "media.echo-returns",
    "Echo sends back what it hears",
    expect="in mode echo at least 95 of 100 packets come back",
    source=MODES,
)
async def echo_returns(bench: Bench) -> None:
    call = await _echo_call(bench)
    await call.hears(1, "the first packet back")
    # What was sent before our first came back may have overtaken the gateway's own handshake.
    first_heard, first_sent = len(call.heard), len(call.sent)
    await call.hears(2 * _SECOND, "two seconds of echo")
    sent = len(call.sent) - first_sent
    back = len(call.heard) - first_heard
    wanted = (1 - _MAY_BE_LOST) * sent - _SECOND
    demand(back >= wanted, f"at least {wanted:.0f} of {sent} packets", f"{back}")


@case(
    "media.echo-payload",
    "Echo does not change what it sends back",
    expect="in mode echo each payload comes back byte by byte, in the order in which it was sent",
    source=MODES,
    kind=Kind.SHOULD,
)
async def echo_payload(bench: Bench) -> None:
    call = await _echo_call(bench)
    heard = [packet.payload for packet in await call.hears(_SECOND, "a second of echo")]
    strange = [payload for payload in heard if payload not in set(call.sent)]
    demand(not strange, "only payloads that were sent", f"{len(strange)} of {len(heard)} others")
    remaining = iter(call.sent)
    in_order = all(any(payload == sent for sent in remaining) for payload in heard)
    demand(in_order, "payloads in the order in which they were sent", "another order")


@case(
    "media.consent",
    "The call is still there when consent would have expired",
    expect=f"the gateway answers consent checks: sound still comes after {_BEYOND_CONSENT_S} s",
    source=rfc(7675, "5.1"),
    slow=True,
    timeout=120.0,
)
async def consent(bench: Bench) -> None:
    call = await bench.call()
    await asyncio.sleep(_BEYOND_CONSENT_S)
    demand(not call.peer.lost.done(), "a connection that lives", "it was lost")
    await call.hears(_SECOND // 2, f"sound after {_BEYOND_CONSENT_S} s")
