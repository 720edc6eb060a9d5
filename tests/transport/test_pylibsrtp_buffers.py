"""pylibsrtp's buffers and libsrtp's functions, used directly: the same packets in and out, the same errors."""

from __future__ import annotations

import gc
import itertools
import secrets

import pylibsrtp
import pytest
from pylibsrtp import Policy, Session

from loadkit.media.rtp import RtpSource
from loadkit.transport.pylibsrtp_buffers import rtp_protector, rtp_unprotector

PROFILES = {
    "AES-128 with SHA-1": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES-256-GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}


def pair_of_sessions(profile: str = "AES-256-GCM") -> tuple[Session, Session]:
    """(sending, receiving)"""
    number, length = PROFILES[profile]
    key = secrets.token_bytes(length)
    sending, receiving = (
        Session(Policy(key=key, ssrc_type=kind, srtp_profile=number))
        for kind in (Policy.SSRC_ANY_OUTBOUND, Policy.SSRC_ANY_INBOUND)
    )
    return sending, receiving


@pytest.mark.parametrize("name", ["_srtp", "_cdata", "_buffer"])
def test_session_has_its_buffer_and_its_handle(name: str) -> None:
    assert hasattr(Session(), name), (
        f"pylibsrtp's Session no longer has {name}: loadkit calls libsrtp with it for each packet"
    )


@pytest.mark.parametrize("profile", PROFILES)
def test_packets_go_both_ways_between_the_buffers_and_pylibsrtp(profile: str) -> None:
    source = RtpSource(5, 111)
    packets = [source.packet(secrets.token_bytes(size)) for size in (0, 1, 60, 160, 1200)]
    sending, receiving = pair_of_sessions(profile)
    protect = rtp_protector(sending)
    assert [receiving.unprotect(protect(packet)) for packet in packets] == packets
    sending, receiving = pair_of_sessions(profile)
    unprotect = rtp_unprotector(receiving)
    assert [unprotect(sending.protect(packet)) for packet in packets] == packets


def test_what_is_returned_is_not_changed_by_the_next_packet() -> None:
    source = RtpSource(5, 111)
    sending, receiving = pair_of_sessions()
    protect, unprotect = rtp_protector(sending), rtp_unprotector(receiving)
    packets = [source.packet(b"one"), source.packet(b"two")]
    protected = [protect(packet) for packet in packets]
    assert [unprotect(data) for data in protected] == packets


def test_rtcp_of_the_same_session_is_left_alone() -> None:
    sending, receiving = pair_of_sessions()
    source = RtpSource(5, 111)
    protect, unprotect = rtp_protector(sending), rtp_unprotector(receiving)
    report = b"\x80\xc9\x00\x01" + (5).to_bytes(4, "big")
    for _ in range(3):
        packet = source.packet(b"word")
        assert unprotect(protect(packet)) == packet
        assert receiving.unprotect_rtcp(sending.protect_rtcp(report)) == report


def test_errors_are_those_of_pylibsrtp() -> None:
    source = RtpSource(5, 111)
    ways = []
    for fast in (False, True):
        sending, receiving = pair_of_sessions()
        unprotect = rtp_unprotector(receiving) if fast else receiving.unprotect
        data = sending.protect(source.packet(b"word"))
        errors = []
        assert unprotect(data)
        for wrong in (data, data[:-1] + b"x", b"", b"\x80"):
            with pytest.raises(pylibsrtp.Error) as caught:
                unprotect(wrong)
            errors.append(str(caught.value))
        ways.append(errors)
    assert ways[0] == ways[1]
    assert ways[0][0] == "replay check failed (bad index)"


def test_packets_that_do_not_fit_the_buffer_are_refused() -> None:
    sending, receiving = pair_of_sessions()
    for process, size in itertools.product(
        (rtp_protector(sending), rtp_unprotector(receiving)), (1501, 9000)
    ):
        with pytest.raises(ValueError, match=f"a packet of {size} bytes is too long for SRTP"):
            process(bytes(size))


def test_keys_outlive_the_session_object() -> None:
    sending, receiving = pair_of_sessions()
    protect, unprotect = rtp_protector(sending), rtp_unprotector(receiving)
    del sending, receiving
    gc.collect()
    packet = RtpSource(5, 111).packet(b"word")
    assert unprotect(protect(packet)) == packet
