"""Media that cannot be set up, or goes away."""

from __future__ import annotations

import asyncio

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Case, case
from loadkit.conformance.media_call import Manner
from loadkit.conformance.offers import OfferSdp
from loadkit.conformance.sources import ERROR_CODES, both, rfc

_FAILURE = "MEDIA_BRIDGE_FAILURE"
#: What a gateway may wait for ICE, DTLS or packets, and somewhat more.
_PATIENCE_S = 100.0
_DTLS_PATIENCE_S = 40.0


def _without(sdp: str, prefix: str) -> str:
    return "".join(line for line in sdp.splitlines(keepends=True) if not line.startswith(prefix))


def _refused(name: str, words: str, sdp: str, codes: tuple[str, ...], source: str) -> Case:
    async def check(bench: Bench) -> None:
        wire = await bench.wire()
        await wire.refused(bench.offer(sdp), *codes)
        await wire.alive(f"an offer {words}")

    return case(
        f"failure.{name}",
        f"An offer {words} is refused",
        expect=f"an offer {words}: {' or '.join(codes)}, and the socket goes on",
        source=both(ERROR_CODES, source),
    )(check)


offers = [
    _refused(
        "no-opus",
        "without Opus",
        OfferSdp(payload_type=0, codec="PCMU/8000").text(),
        (_FAILURE,),
        rfc(3264, "6"),
    ),
    _refused(
        "no-fingerprint",
        "without a fingerprint",
        _without(OfferSdp().text(), "a=fingerprint:"),
        (_FAILURE, "INVALID_ARGUMENT"),
        rfc(8827, "6.5"),
    ),
    _refused(
        "no-ice",
        "without ICE",
        _without(OfferSdp().text(), "a=ice-"),
        (_FAILURE, "INVALID_ARGUMENT"),
        rfc(8839, "5.4"),
    ),
    _refused(
        "no-sdp",
        "whose SDP is none",
        "hello",
        (_FAILURE, "INVALID_ARGUMENT", "INVALID_MESSAGE"),
        rfc(8866, "5"),
    ),
]


@case(
    "failure.fingerprint",
    "A certificate that does not fit the offer's fingerprint is refused",
    expect=f"a caller whose certificate is another than its offer says: {_FAILURE}, and no sound",
    source=both(ERROR_CODES, rfc(5764, "3"), rfc(8827, "6.5")),
    timeout=90.0,
)
async def fingerprint(bench: Bench) -> None:
    call = await bench.new_call(Manner(fingerprint=":".join(["AB"] * 32)))
    await call.offer()
    await call.trickle()
    joining = asyncio.create_task(call.join())
    try:
        await call.wire.error(_FAILURE, wait=_DTLS_PATIENCE_S)
    finally:
        joining.cancel()
        # How the handshake went on our side says nothing: the gateway is the one who checks.
        await asyncio.gather(joining, return_exceptions=True)


@case(
    "failure.no-ice-checks",
    "A caller that never begins ICE is given up",
    expect=f"an offer that no candidate and no connectivity check follows: {_FAILURE} within 100 s",
    source=ERROR_CODES,
    slow=True,
    timeout=130.0,
)
async def no_ice_checks(bench: Bench) -> None:
    wire = await bench.wire()
    await bench.answered(wire)
    await wire.error(_FAILURE, wait=_PATIENCE_S)


@case(
    "failure.vanished",
    "A caller whose media vanishes is given up",
    expect=f"a caller that sends nothing any more, and answers no consent check: {_FAILURE} within 100 s",
    source=both(ERROR_CODES, rfc(7675, "5.1")),
    slow=True,
    timeout=150.0,
)
async def vanished(bench: Bench) -> None:
    call = await bench.call()
    await call.hears(5, "sound before the caller vanishes")
    call.vanish()
    await call.wire.error(_FAILURE, wait=_PATIENCE_S)
