"""Offer and answer of one Opus audio section (RFC 8829, RFC 7587), built and read with ``aiortc.sdp``."""

from __future__ import annotations

import functools
import secrets
from dataclasses import dataclass, field

from aiortc import RTCDtlsFingerprint, RTCDtlsParameters, RTCIceCandidate, RTCIceParameters
from aiortc.rtcrtpparameters import ParametersDict, RTCRtpCodecParameters, RTCRtpParameters
from aiortc.sdp import (
    GroupDescription,
    MediaDescription,
    SessionDescription,
    SsrcDescription,
    candidate_from_sdp,
    candidate_to_sdp,
)

OPUS_PAYLOAD_TYPE = 111
CLOCK_RATE = 48_000

#: RFC 7587 format parameters that a caller of the gateway offers.
OPUS_PARAMETERS: ParametersDict = {"minptime": 10, "useinbandfec": 1, "stereo": 1, "sprop-stereo": 1}

#: Lines of an SDP that is read. A browser writes under a hundred, and its candidates; aiortc compares each
#: ``a=ssrc`` with all before it, and twelve thousand of them hold the process up for seconds.
MAX_LINES = 1000

_DISCARD_HOST, _DISCARD_PORT = "0.0.0.0", 9


@dataclass(frozen=True)
class LocalDescription:
    """What our side says of itself in an offer or answer."""

    ice: RTCIceParameters
    dtls: RTCDtlsParameters
    ssrc: int
    cname: str
    mid: str = "0"
    payload_type: int = OPUS_PAYLOAD_TYPE
    candidates: list[RTCIceCandidate] = field(default_factory=list)
    candidates_complete: bool = False
    answers_as: str = "client"
    """DTLS role that an answer takes: ``client`` (``a=setup:active``) or ``server`` (``passive``)."""


@dataclass(frozen=True)
class RemoteDescription:
    """What the other side's offer or answer says, as far as a call needs it."""

    ice: RTCIceParameters
    dtls: RTCDtlsParameters
    candidates: list[RTCIceCandidate]
    candidates_complete: bool
    payload_type: int
    parameters: dict[str, int | str | None]
    direction: str
    mid: str
    ssrc: int | None

    @property
    def codec(self) -> str:
        """Codec and its parameters as in SDP: ``opus/48000/2 minptime=10;useinbandfec=1``."""
        parameters = ";".join(
            key if value is None else f"{key}={value}" for key, value in self.parameters.items()
        )
        return f"opus/48000/2 {parameters}".rstrip()


def write_sdp(local: LocalDescription, kind: str) -> str:
    """The SDP text of an ``offer`` or ``answer``.

    An offer says ``setup:actpass``, an answer ``setup:active`` (RFC 8842 section 5.3) or, to an offer that
    is active itself, ``setup:passive``.
    """
    if local.candidates:
        return _render(local, kind, secrets.randbits(62))
    template = _template(
        kind,
        tuple((one.algorithm, one.value) for one in local.dtls.fingerprints),
        local.payload_type,
        local.candidates_complete,
        local.answers_as,
    )
    return template.format(
        origin=secrets.randbits(62),
        mid=local.mid,
        ufrag=local.ice.usernameFragment,
        password=local.ice.password,
        ssrc=local.ssrc,
        cname=local.cname,
    )


#: Stand for what differs from call to call, in numbers that no SDP of ours has otherwise.
_ORIGIN, _SSRC = 2**62, 2**32


@functools.lru_cache(maxsize=64)
def _template(
    kind: str,
    fingerprints: tuple[tuple[str, str], ...],
    payload_type: int,
    candidates_complete: bool,
    answers_as: str,
) -> str:
    """The SDP of all calls of a process that are alike in these, for ``str.format()``."""
    local = LocalDescription(
        ice=RTCIceParameters(usernameFragment="{ufrag}", password="{password}"),  # noqa: S106 - a field
        dtls=RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value) for algorithm, value in fingerprints]),
        ssrc=_SSRC,
        cname="{cname}",
        mid="{mid}",
        payload_type=payload_type,
        candidates_complete=candidates_complete,
        answers_as=answers_as,
    )
    return _render(local, kind, _ORIGIN).replace(str(_ORIGIN), "{origin}").replace(str(_SSRC), "{ssrc}")


def _render(local: LocalDescription, kind: str, origin: int) -> str:
    codec = RTCRtpCodecParameters(
        mimeType="audio/opus",
        clockRate=CLOCK_RATE,
        channels=2,
        payloadType=local.payload_type,
        parameters=dict(OPUS_PARAMETERS),
    )
    media = MediaDescription(
        kind="audio", port=_DISCARD_PORT, profile="UDP/TLS/RTP/SAVPF", fmt=[local.payload_type]
    )
    media.host = _DISCARD_HOST
    media.direction = "sendrecv"
    media.msid = f"{local.cname} audio"
    media.rtp = RTCRtpParameters(codecs=[codec], muxId=local.mid)
    media.rtcp_host, media.rtcp_port, media.rtcp_mux = _DISCARD_HOST, _DISCARD_PORT, True
    media.ssrc = [SsrcDescription(ssrc=local.ssrc, cname=local.cname)]
    media.ice = local.ice
    media.ice_options = "trickle"
    media.ice_candidates = local.candidates
    media.ice_candidates_complete = local.candidates_complete
    media.dtls = RTCDtlsParameters(
        fingerprints=local.dtls.fingerprints, role="auto" if kind == "offer" else local.answers_as
    )

    description = SessionDescription()
    description.origin = f"- {origin} 2 IN IP4 127.0.0.1"
    description.group = [GroupDescription(semantic="BUNDLE", items=[local.mid])]
    description.msid_semantic = [GroupDescription(semantic="WMS", items=["*"])]
    description.type = kind
    description.media = [media]
    return str(description)


def read_sdp(text: str) -> RemoteDescription:
    """Read the other side's offer or answer.

    :raises ValueError: it cannot be parsed, or lacks what a call needs; the text says which.
    """
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise ValueError(f"the SDP has {len(lines)} lines; {MAX_LINES} are read at most")
    try:
        description = SessionDescription.parse(text)
    except Exception as exc:
        raise ValueError(f"the SDP cannot be parsed ({type(exc).__name__}: {exc})") from exc
    audio = [media for media in description.media if media.kind == "audio" and media.port != 0]
    if not audio:
        raise ValueError("the SDP has no audio section, or the audio section is rejected (port 0)")
    media = audio[0]
    opus = [c for c in media.rtp.codecs if c.mimeType.lower() == "audio/opus" and c.clockRate == CLOCK_RATE]
    if not opus:
        names = ", ".join(c.mimeType.removeprefix("audio/") for c in media.rtp.codecs) or "none"
        raise ValueError(f"Opus is not negotiated; the SDP has: {names}")
    payload_type = opus[0].payloadType
    if payload_type is None or not 0 <= payload_type < 128:
        raise ValueError(f"the SDP gives Opus the payload type {payload_type}, which is not 0 to 127")
    if media.dtls is None or not media.dtls.fingerprints:
        raise ValueError("the SDP has no DTLS fingerprint or no a=setup line")
    if media.ice is None or not media.ice.usernameFragment or not media.ice.password:
        raise ValueError("the SDP has no ICE ufrag and password")
    return RemoteDescription(
        ice=media.ice,
        dtls=media.dtls,
        candidates=[candidate for candidate in media.ice_candidates if 0 < candidate.port < 65536],
        # RFC 8840: it may also stand above the sections, where aiortc does not look.
        candidates_complete="a=end-of-candidates" in lines,
        payload_type=payload_type,
        parameters=dict(opus[0].parameters),
        direction=media.direction or "sendrecv",
        mid=media.rtp.muxId or "0",
        ssrc=media.ssrc[0].ssrc if media.ssrc else None,
    )


def read_candidate(text: str) -> RTCIceCandidate:
    """One candidate line, with or without ``candidate:`` or ``a=candidate:`` before it.

    :raises ValueError: it is not a candidate.
    """
    line = text.strip().removeprefix("a=").removeprefix("candidate:")
    try:
        candidate = candidate_from_sdp(line)
    except (AssertionError, ValueError, IndexError) as exc:
        raise ValueError(f"not an ICE candidate: {text[:120]!r}") from exc
    if not 0 < candidate.port < 65536:
        raise ValueError(f"an ICE candidate with port {candidate.port}")
    candidate.sdpMid, candidate.sdpMLineIndex = "0", 0
    return candidate


def write_candidate(candidate: RTCIceCandidate) -> str:
    """A candidate as browsers put it into ``RTCIceCandidate.candidate``."""
    return "candidate:" + candidate_to_sdp(candidate)
