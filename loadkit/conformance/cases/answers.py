"""What is in the SDP of an answer."""

from __future__ import annotations

import re

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Kind, case, demand, shown
from loadkit.conformance.offers import OfferSdp
from loadkit.conformance.sdp_lines import SdpLines
from loadkit.conformance.sources import MEDIA, both, rfc

_HASH_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
#: RFC 8839 section 5.4: ice-char, and the shortest lengths.
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")


async def _answer(bench: Bench, payload_type: int = 111) -> SdpLines:
    return SdpLines.of(await bench.answer_sdp(OfferSdp(payload_type=payload_type).text()))


@case(
    "answer.one-audio-section",
    "There is one audio section, and it is taken",
    expect="the answer has the offer's one m=audio section, over UDP/TLS/RTP/SAVPF, its port not 0",
    source=both(MEDIA, rfc(8829, "5.3.1")),
)
async def one_audio_section(bench: Bench) -> None:
    lines = await _answer(bench)
    heads = [section[0] for section in lines.sections]
    good = len(heads) == 1 and re.match(r"m=audio [1-9]\d* UDP/TLS/RTP/SAVPF ", heads[0])
    demand(good, "one line m=audio <port> UDP/TLS/RTP/SAVPF", shown(", ".join(heads) or "no section"))


@case(
    "answer.opus",
    "Opus is chosen, at 48 kHz with two channels",
    expect="the answer's audio section has a=rtpmap:<type> opus/48000/2",
    source=both(MEDIA, rfc(7587, "7")),
)
async def opus(bench: Bench) -> None:
    maps = (await _answer(bench)).values("rtpmap")
    demand(any(text.endswith(" opus/48000/2") for text in maps), "opus/48000/2", shown(", ".join(maps)))


@case(
    "answer.payload-type",
    "Opus keeps the number that the offer gave it",
    expect="an offer with Opus as 96 is answered with Opus as 96",
    source=both(rfc(3264, "6.1"), rfc(8829, "5.3.1")),
    kind=Kind.SHOULD,
)
async def payload_type(bench: Bench) -> None:
    maps = (await _answer(bench, 96)).values("rtpmap")
    demand("96 opus/48000/2" in maps, "a=rtpmap:96 opus/48000/2", shown(", ".join(maps)))


@case(
    "answer.rtcp-mux",
    "RTCP goes over the same port",
    expect="the answer's audio section says a=rtcp-mux",
    source=both(MEDIA, rfc(5761, "5.1.1"), rfc(8834, "4.5")),
)
async def rtcp_mux(bench: Bench) -> None:
    demand((await _answer(bench)).has("rtcp-mux"), "a=rtcp-mux", "an answer without it")


@case(
    "answer.bundle",
    "The section is bundled",
    expect="the answer says a=group:BUNDLE with the section's mid",
    source=both(MEDIA, rfc(9143, "7.3"), rfc(8829, "5.3.1")),
)
async def bundle(bench: Bench) -> None:
    groups = [line for line in (await _answer(bench)).session if line.startswith("a=group:")]
    demand("a=group:BUNDLE 0" in groups, "a=group:BUNDLE 0", shown(", ".join(groups) or "no group"))


@case(
    "answer.mid",
    "The section has the offer's mid",
    expect="the answer's audio section says a=mid:0, as the offer's does",
    source=both(rfc(5888, "9.1"), rfc(8829, "5.3.1")),
)
async def mid(bench: Bench) -> None:
    values = (await _answer(bench)).values("mid")
    demand(values == ["0"], "a=mid:0", shown(", ".join(values) or "no mid"))


@case(
    "answer.fingerprint",
    "There is a fingerprint for DTLS",
    expect="the answer has a=fingerprint with SHA-256 or better, of the right length",
    source=both(MEDIA, rfc(5764, "3"), rfc(8122, "5"), rfc(8827, "6.5")),
)
async def fingerprint(bench: Bench) -> None:
    values = (await _answer(bench)).values("fingerprint")
    demand(any(map(_is_fingerprint, values)), "a=fingerprint:sha-256 …", shown(", ".join(values) or "none"))


def _is_fingerprint(text: str) -> bool:
    algorithm, _, digits = text.partition(" ")
    size = _HASH_BYTES.get(algorithm.lower())
    return (
        size is not None
        and re.fullmatch(rf"(?:[0-9A-Fa-f]{{2}}:){{{size - 1}}}[0-9A-Fa-f]{{2}}", digits) is not None
    )


@case(
    "answer.setup",
    "The answer chooses who begins DTLS",
    expect="an offer with actpass is answered with a=setup:active or passive, never actpass",
    source=both(rfc(5764, "5"), rfc(8842, "5.3")),
)
async def setup(bench: Bench) -> None:
    values = (await _answer(bench)).values("setup")
    good = len(values) == 1 and values[0] in ("active", "passive")
    demand(good, "a=setup:active or a=setup:passive", shown(", ".join(values) or "no setup"))


@case(
    "answer.ice",
    "There are ICE's user fragment and password",
    expect="the answer has a=ice-ufrag with 4 characters or more and a=ice-pwd with 22 or more",
    source=rfc(8839, "5.4"),
)
async def ice(bench: Bench) -> None:
    lines = await _answer(bench)
    for name, form in (("ice-ufrag", _UFRAG), ("ice-pwd", _PWD)):
        values = lines.values(name)
        good = len(values) == 1 and form.fullmatch(values[0])
        # A password is a secret of its call: its length says enough.
        demand(good, f"a={name} of the right form", f"lengths {[len(value) for value in values]}")


@case(
    "answer.ice-fresh",
    "Each session has an ICE password of its own",
    expect="two answers have different ufrag and password",
    source=both(rfc(8445, "5.3"), rfc(8839, "5.4")),
)
async def ice_fresh(bench: Bench) -> None:
    first, second = await _answer(bench), await _answer(bench)
    for name in ("ice-ufrag", "ice-pwd"):
        demand(first.values(name) != second.values(name), f"two values of {name}", "the same twice")


@case(
    "answer.trickle",
    "The answer says that candidates trickle",
    expect="the answer says a=ice-options:trickle",
    source=both(rfc(8840, "4.1.3"), rfc(8829, "5.3.1")),
    kind=Kind.SHOULD,
)
async def trickle(bench: Bench) -> None:
    options = " ".join((await _answer(bench)).values("ice-options")).split()
    demand("trickle" in options, "a=ice-options:trickle", shown(" ".join(options) or "no ice-options"))


@case(
    "answer.sendrecv",
    "Sound goes both ways",
    expect="the answer's audio section is sendrecv",
    source=both(MEDIA, rfc(3264, "6.1")),
)
async def sendrecv(bench: Bench) -> None:
    lines = await _answer(bench)
    others = [name for name in ("sendonly", "recvonly", "inactive") if lines.has(name)]
    # RFC 8866 section 6.7: without any of the four, sendrecv is meant.
    demand(not others, "a=sendrecv", ", ".join(others))
