"""Offers as text: SDP as browsers write it, and the JSON around it, written by hand."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Value of a field that is to be left out of a message.
ABSENT: Any = object()

#: A field of an offer that is as long as a browser's, and belongs to nobody.
_NO_FINGERPRINT = ":".join(["AB"] * 32)

_OPUS = "opus/48000/2"


@dataclass(frozen=True)
class OfferSdp:
    """An offer of one Opus section; by default one that nobody stands behind."""

    ufrag: str = field(default_factory=lambda: secrets.token_hex(4))
    pwd: str = field(default_factory=lambda: secrets.token_hex(12))
    fingerprint: str = _NO_FINGERPRINT
    """SHA-256 of the certificate, as in SDP."""
    ssrc: int = field(default_factory=lambda: secrets.randbits(31) + 1)
    cname: str = field(default_factory=lambda: secrets.token_hex(8))
    payload_type: int = 111
    codec: str = _OPUS
    candidates: Sequence[str] = ()
    """Candidate lines without ``a=``."""
    complete: bool = False
    """Say ``a=end-of-candidates``."""

    def text(self) -> str:
        """The SDP."""
        lines = [
            "v=0",
            f"o=- {secrets.randbits(62)} 2 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=group:BUNDLE 0",
            "a=msid-semantic: WMS *",
            f"m=audio 9 UDP/TLS/RTP/SAVPF {self.payload_type}",
            "c=IN IP4 0.0.0.0",
            "a=rtcp:9 IN IP4 0.0.0.0",
            *(f"a={candidate}" for candidate in self.candidates),
            *(["a=end-of-candidates"] if self.complete else []),
            f"a=ice-ufrag:{self.ufrag}",
            f"a=ice-pwd:{self.pwd}",
            "a=ice-options:trickle",
            f"a=fingerprint:sha-256 {self.fingerprint}",
            "a=setup:actpass",
            "a=mid:0",
            "a=sendrecv",
            f"a=msid:{self.cname} audio",
            "a=rtcp-mux",
            f"a=rtpmap:{self.payload_type} {self.codec}",
            *([f"a=fmtp:{self.payload_type} minptime=10;useinbandfec=1"] if self.codec == _OPUS else []),
            f"a=ssrc:{self.ssrc} cname:{self.cname}",
        ]
        return "\r\n".join(lines) + "\r\n"


#: What Chrome offers for one microphone: eight codecs, header extensions, a transport for all of them.
CHROME_SDP = f"""\
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS 5f1c6b6e-3c64-4c8c-9e0c-cb0b4c7a7b7f
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlZn
a=ice-options:trickle
a=fingerprint:sha-256 {_NO_FINGERPRINT}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendrecv
a=msid:5f1c6b6e-3c64-4c8c-9e0c-cb0b4c7a7b7f 2b1f9a9e-51a5-4d0c-8f39-3a0ef1e2e1aa
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:1001367223 cname:jQd5nCSDGyGPLrcw
a=ssrc:1001367223 msid:5f1c6b6e-3c64-4c8c-9e0c-cb0b4c7a7b7f 2b1f9a9e-51a5-4d0c-8f39-3a0ef1e2e1aa
""".replace("\n", "\r\n")

#: What Firefox offers: Opus as 109, fingerprint and trickle for the whole session.
FIREFOX_SDP = f"""\
v=0
o=mozilla...THIS_IS_SDPARTA-99.0 8212347263412783451 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 {_NO_FINGERPRINT}
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 0.0.0.0
a=sendrecv
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:d2df8a92a4d0f8ec9e8b5c8a07ec0f1f
a=ice-ufrag:5b8ad2c1
a=mid:0
a=msid:{{7c5a1c2e-1f3b-4a5d-9e77-0d5a3c1f6b11}} {{0b6f6a35-8e0a-4b6f-8d3e-9a1c53f2a0de}}
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
a=ssrc:2655508255 cname:{{3c7d2b1a-5f0e-4e55-8a27-6d4a0c1e9b90}}
""".replace("\n", "\r\n")


def offer_text(sdp: str, fields: Mapping[str, Any]) -> str:
    """The JSON text of an offer; a field that is :data:`ABSENT` is left out."""
    message: dict[str, Any] = {"type": "offer", "sessionId": "", "data": {"type": "offer", "sdp": sdp}}
    message |= fields
    return json.dumps({name: value for name, value in message.items() if value is not ABSENT})
