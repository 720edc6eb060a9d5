"""Offers, answers and candidates: ours read by aiortc, a browser's read by us, and whatever is wrong named."""

from __future__ import annotations

import dataclasses
import re

import pytest
from aiortc import (
    RTCConfiguration,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCIceCandidate,
    RTCIceParameters,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.transport.sdp import (
    LocalDescription,
    read_candidate,
    read_sdp,
    write_candidate,
    write_sdp,
)

FINGERPRINT = ":".join(["AB"] * 32)

LOCAL = LocalDescription(
    ice=RTCIceParameters(usernameFragment="abcd", password="p" * 22),
    dtls=RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint("sha-256", FINGERPRINT)]),
    ssrc=1234567,
    cname="cname-of-the-call",
)

#: What a browser answers to our offer; its lines in the order in which Chrome writes them.
CHROME_ANSWER = """\
v=0
o=- 3868430239341123487 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS 5c0b2a5e-7a0f-4d0c-9b47-0f7f2d1a9d52
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:Xo8q
a=ice-pwd:0sYs4nJrCfBkPiBmJ1Yv5u3W
a=ice-options:trickle
a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:active
a=mid:0
a=sendrecv
a=msid:5c0b2a5e-7a0f-4d0c-9b47-0f7f2d1a9d52 8b1e3f0e-2a6a-4f6a-8f55-8a3d3f6fd7f6
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=ssrc:2231627014 cname:Ng1vQz6hQnZ6kD5c
"""

CHROME_OFFER = """\
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS 9f9a
m=audio 51472 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 203.0.113.7
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1467250027 1 udp 2122260223 192.0.2.15 51472 typ host generation 0 network-id 1 network-cost 10
a=candidate:842163049 1 udp 1686052607 203.0.113.7 51472 typ srflx raddr 192.0.2.15 rport 51472 generation 0
a=candidate:3041632 1 udp 2122194687 4f5b8a2e-8a7e-4c6c-a5a4-3b1e5a7d9c10.local 51473 typ host generation 0
a=candidate:433 1 tcp 1518280447 192.0.2.15 9 typ host tcptype active generation 0
a=ice-ufrag:F7gI
a=ice-pwd:x9cml/YzichV2+XlhiMu8g2E
a=ice-options:trickle
a=fingerprint:sha-256 D2:B9:31:8F:DF:24:D8:0E:ED:D2:EF:25:9E:AF:6F:B8:34:AE:53:9C:E6:F3:8F:F2:64:15:FA:E8:7F:53:2D:38
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=sendrecv
a=msid:9f9a 1111
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
a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6
a=ssrc:3570614608 msid:9f9a 1111
"""


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


# Ours


def test_offer_says_what_a_caller_of_the_gateway_offers() -> None:
    lines = write_sdp(LOCAL, "offer").split("\r\n")
    assert lines[0] == "v=0"
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111" in lines
    assert "a=group:BUNDLE 0" in lines
    assert "a=mid:0" in lines
    assert "a=sendrecv" in lines
    assert "a=rtcp-mux" in lines
    assert "a=setup:actpass" in lines
    assert "a=ice-ufrag:abcd" in lines
    assert f"a=ice-pwd:{'p' * 22}" in lines
    assert "a=ice-options:trickle" in lines
    assert f"a=fingerprint:sha-256 {FINGERPRINT}" in lines
    assert "a=rtpmap:111 opus/48000/2" in lines
    assert "a=ssrc:1234567 cname:cname-of-the-call" in lines
    (fmtp,) = [line for line in lines if line.startswith("a=fmtp:111 ")]
    parameters = fmtp.removeprefix("a=fmtp:111 ").split(";")
    assert set(parameters) == {"minptime=10", "useinbandfec=1", "stereo=1", "sprop-stereo=1"}
    assert not [line for line in lines if line.startswith("a=candidate")]
    assert "a=end-of-candidates" not in lines


@pytest.mark.parametrize("kind", ["offer", "answer"])
@pytest.mark.parametrize("mid", ["0", "audio", "{mid}", "{", "4294967296"])
def test_what_is_filled_into_a_template_is_what_aiortc_writes(kind: str, mid: str) -> None:
    local = dataclasses.replace(LOCAL, mid=mid, candidates_complete=True)
    # A description with candidates of its own is written by aiortc alone.
    candidate = read_candidate("1 1 udp 2130706431 192.0.2.1 5000 typ host")
    by_aiortc = write_sdp(dataclasses.replace(local, candidates=[candidate]), kind)
    without = [line for line in by_aiortc.split("\r\n") if not line.startswith(("a=candidate:", "o="))]
    filled = write_sdp(local, kind).split("\r\n")
    assert [line for line in filled if not line.startswith("o=")] == without
    assert re.search(r"\r\no=- \d+ 2 IN IP4 127\.0\.0\.1\r\n", write_sdp(local, kind))


def test_answer_is_the_active_side() -> None:
    lines = write_sdp(LOCAL, "answer").split("\r\n")
    assert "a=setup:active" in lines
    assert "a=setup:actpass" not in lines


def test_each_offer_has_an_origin_of_its_own() -> None:
    origins = {re.search(r"o=(.*)", write_sdp(LOCAL, "offer")).group(1) for _ in range(5)}  # type: ignore[union-attr]
    assert len(origins) == 5


def test_description_is_read_as_it_was_written() -> None:
    candidate = read_candidate("1 1 udp 2130706431 192.0.2.1 5000 typ host")
    local = LocalDescription(
        ice=LOCAL.ice,
        dtls=LOCAL.dtls,
        ssrc=7,
        cname="x",
        mid="audio",
        payload_type=96,
        candidates=[candidate],
        candidates_complete=True,
    )
    remote = read_sdp(write_sdp(local, "answer"))
    assert remote.ice.usernameFragment == "abcd"
    assert remote.ice.password == "p" * 22
    assert remote.dtls.fingerprints == LOCAL.dtls.fingerprints
    assert remote.dtls.role == "client"
    assert [(c.ip, c.port) for c in remote.candidates] == [("192.0.2.1", 5000)]
    assert remote.candidates_complete
    assert (remote.payload_type, remote.mid, remote.ssrc, remote.direction) == (96, "audio", 7, "sendrecv")
    assert remote.codec == "opus/48000/2 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"


async def test_aiortc_accepts_our_offer_and_we_accept_its_answer() -> None:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        await connection.setRemoteDescription(
            RTCSessionDescription(sdp=write_sdp(LOCAL, "offer"), type="offer")
        )
        (transceiver,) = connection.getTransceivers()
        assert transceiver.kind == "audio"
        answer = await connection.createAnswer()
        remote = read_sdp(answer.sdp)
        assert remote.dtls.role in ("client", "server")
        assert remote.payload_type == 111
        assert remote.mid == "0"
        assert {f.algorithm for f in remote.dtls.fingerprints} >= {"sha-256"}
    finally:
        await connection.close()


async def test_aiortc_accepts_our_answer_to_its_offer() -> None:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        connection.addTrack(AudioStreamTrack())
        await connection.setLocalDescription(await connection.createOffer())
        offer = read_sdp(connection.localDescription.sdp)
        assert offer.dtls.role == "auto"
        answer = LocalDescription(
            ice=LOCAL.ice,
            dtls=LOCAL.dtls,
            ssrc=7,
            cname="x",
            mid=offer.mid,
            payload_type=offer.payload_type,
        )
        await connection.setRemoteDescription(
            RTCSessionDescription(sdp=write_sdp(answer, "answer"), type="answer")
        )
        assert connection.signalingState == "stable"
    finally:
        await connection.close()


# A browser's


@pytest.mark.parametrize("text", [CHROME_ANSWER, crlf(CHROME_ANSWER)], ids=["LF", "CRLF"])
def test_answer_of_chrome_is_read(text: str) -> None:
    remote = read_sdp(text)
    assert remote.ice.usernameFragment == "Xo8q"
    assert remote.ice.password == "0sYs4nJrCfBkPiBmJ1Yv5u3W"
    assert not remote.ice.iceLite
    assert remote.dtls.role == "client"
    (fingerprint,) = remote.dtls.fingerprints
    assert fingerprint.algorithm == "sha-256"
    assert fingerprint.value.startswith("7B:8B:F0")
    assert remote.candidates == []
    assert not remote.candidates_complete
    assert remote.payload_type == 111
    assert remote.codec == "opus/48000/2 minptime=10;useinbandfec=1"
    assert remote.ssrc == 2231627014
    assert remote.direction == "sendrecv"


def test_offer_of_chrome_is_read() -> None:
    remote = read_sdp(crlf(CHROME_OFFER))
    assert remote.dtls.role == "auto"
    assert [c.type for c in remote.candidates] == ["host", "srflx", "host", "host"]
    assert remote.candidates[1].relatedAddress == "192.0.2.15"
    assert remote.candidates[2].ip.endswith(".local")
    assert remote.candidates[3].protocol == "tcp"
    assert remote.candidates[3].tcpType == "active"
    assert remote.payload_type == 111


def test_session_wide_ice_and_dtls_are_read() -> None:
    session = "\n".join(
        line for line in CHROME_ANSWER.splitlines() if line.startswith(("a=ice-", "a=fingerprint", "a=setup"))
    )
    media = "\n".join(
        line
        for line in CHROME_ANSWER.splitlines()
        if not line.startswith(("a=ice-", "a=fingerprint", "a=setup"))
    )
    remote = read_sdp(media.replace("\nm=audio", f"\n{session}\nm=audio") + "\n")
    assert remote.ice.usernameFragment == "Xo8q"
    assert remote.dtls.role == "client"


def test_ice_lite_is_read() -> None:
    assert read_sdp(CHROME_ANSWER.replace("t=0 0\n", "t=0 0\na=ice-lite\n")).ice.iceLite


def test_opus_is_found_behind_other_codecs() -> None:
    text = CHROME_ANSWER.replace("SAVPF 111", "SAVPF 0 96").replace(":111 ", ":96 ")
    assert read_sdp(text.replace("a=rtpmap:96", "a=rtpmap:0 PCMU/8000\na=rtpmap:96")).payload_type == 96


def test_candidates_that_no_socket_can_reach_are_left_out() -> None:
    text = CHROME_OFFER.replace("192.0.2.15 51472 typ host", "192.0.2.15 0 typ host")
    text = text.replace("203.0.113.7 51472 typ srflx", "203.0.113.7 70000 typ srflx")
    assert [c.port for c in read_sdp(text).candidates] == [51473, 9]


# What is missing


def without(*starts: str) -> str:
    return "\n".join(line for line in CHROME_ANSWER.splitlines() if not line.startswith(starts)) + "\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the SDP has no audio section, or the audio section is rejected (port 0)"),
        ("hello", "the SDP has no audio section, or the audio section is rejected (port 0)"),
        (
            CHROME_ANSWER.replace("m=audio 9", "m=audio 0"),
            "the SDP has no audio section, or the audio section is rejected (port 0)",
        ),
        (
            CHROME_ANSWER.replace("m=audio", "m=video"),
            "the SDP has no audio section, or the audio section is rejected (port 0)",
        ),
        (
            CHROME_ANSWER.replace("opus/48000/2", "PCMU/8000"),
            "Opus is not negotiated; the SDP has: PCMU",
        ),
        (without("a=rtpmap", "a=fmtp"), "Opus is not negotiated; the SDP has: none"),
        (without("a=fingerprint"), "the SDP has no DTLS fingerprint or no a=setup line"),
        (without("a=setup"), "the SDP has no DTLS fingerprint or no a=setup line"),
        (without("a=ice-ufrag"), "the SDP has no ICE ufrag and password"),
        (without("a=ice-pwd"), "the SDP has no ICE ufrag and password"),
        (
            CHROME_ANSWER.replace(":111 ", ":300 "),
            "the SDP gives Opus the payload type 300, which is not 0 to 127",
        ),
    ],
)
def test_refusal_says_what_is_missing(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        read_sdp(text)


@pytest.mark.parametrize(
    "text",
    [
        CHROME_ANSWER.replace("m=audio 9", "m=audio nine"),
        CHROME_ANSWER.replace("a=setup:active", "a=setup:maybe"),
        CHROME_ANSWER.replace("a=fmtp:111", "a=fmtp:112"),
        CHROME_ANSWER.replace("a=rtpmap:111", "a=rtpmap:opus"),
        CHROME_ANSWER + "a=candidate:nonsense\n",
        CHROME_ANSWER + "a=fingerprint\n",
    ],
)
def test_text_that_is_no_sdp_is_refused_as_such(text: str) -> None:
    with pytest.raises(ValueError, match=r"^the SDP cannot be parsed \("):
        read_sdp(text)


@given(st.text(max_size=300))
def test_arbitrary_text_is_refused_with_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(the SDP|Opus is not negotiated)"):
        read_sdp(text)


@settings(max_examples=300)
@given(st.data())
def test_mangled_sdp_is_read_or_refused_with_a_value_error(data: st.DataObject) -> None:
    lines = CHROME_OFFER.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        line = lines[index]
        cut = data.draw(st.integers(0, len(line)))
        middle = data.draw(st.text(max_size=6) | st.integers(-9, 99_999).map(str))
        lines[index] = line[:cut] + middle + line[cut + data.draw(st.integers(0, 8)) :]
    try:
        remote = read_sdp("\r\n".join(lines))
    except ValueError:
        return
    assert 0 <= remote.payload_type < 128
    assert remote.codec.startswith("opus/48000/2")


# Candidates

HOST = "842163049 1 udp 1677729535 192.0.2.15 51472 typ host"


def test_more_lines_than_anybody_needs_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(ValueError, match=r"^the SDP has 12000 lines; 1000 are read at most$"):
        read_sdp("".join(f"a=ssrc:{number} cname:x\r\n" for number in range(12_000)))


@pytest.mark.parametrize("prefix", ["", "candidate:", "a=candidate:", "  candidate:"])
def test_candidate_is_read_with_or_without_its_prefix(prefix: str) -> None:
    candidate = read_candidate(prefix + HOST + " generation 0 ufrag Xo8q network-cost 999\r\n")
    assert (candidate.ip, candidate.port, candidate.type, candidate.protocol) == (
        "192.0.2.15",
        51472,
        "host",
        "udp",
    )
    assert candidate.foundation == "842163049"
    assert (candidate.sdpMid, candidate.sdpMLineIndex) == ("0", 0)


@pytest.mark.parametrize(
    ("line", "ip", "kind", "protocol"),
    [
        ("1 1 udp 1 5e9a2c.local 5000 typ host", "5e9a2c.local", "host", "udp"),
        ("1 1 TCP 1 192.0.2.1 9 typ host tcptype active", "192.0.2.1", "host", "TCP"),
        ("1 1 udp 1 2001:db8::1 5000 typ srflx raddr :: rport 0", "2001:db8::1", "srflx", "udp"),
        ("1 1 udp 1 192.0.2.1 5000 typ relay raddr 0.0.0.0 rport 0", "192.0.2.1", "relay", "udp"),
    ],
)
def test_candidates_of_every_kind_are_read(line: str, ip: str, kind: str, protocol: str) -> None:
    candidate = read_candidate(line)
    assert (candidate.ip, candidate.type, candidate.protocol) == (ip, kind, protocol)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "candidate:",
        "x",
        HOST.replace("51472", "port"),
        HOST.replace(" 1 udp", " one udp"),
        "1 1 udp 1 a 5",
    ],
)
def test_garbage_is_no_candidate(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not an ICE candidate: "):
        read_candidate(text)


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_candidate_with_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match=f"^an ICE candidate with port {port}$"):
        read_candidate(HOST.replace("51472", str(port)))


def test_refusal_of_a_long_candidate_is_short() -> None:
    with pytest.raises(ValueError, match=r"^not an ICE candidate") as caught:
        read_candidate("x" * 100_000)
    assert len(str(caught.value)) < 200


@given(st.text(max_size=100) | st.lists(st.text(max_size=8), min_size=8, max_size=12).map(" ".join))
def test_arbitrary_text_is_a_candidate_or_a_value_error(text: str) -> None:
    try:
        candidate = read_candidate(text)
    except ValueError:
        return
    assert 0 < candidate.port < 65536


def test_candidate_is_written_as_browsers_write_it() -> None:
    candidate = RTCIceCandidate(
        component=1,
        foundation="f",
        ip="127.0.0.1",
        port=5000,
        priority=2130706431,
        protocol="udp",
        type="host",
    )
    text = write_candidate(candidate)
    assert text == "candidate:f 1 udp 2130706431 127.0.0.1 5000 typ host"
    assert write_candidate(read_candidate(text)) == text
