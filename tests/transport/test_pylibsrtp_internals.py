"""What loadkit needs of pylibsrtp's inside; each test says what a new version would have moved."""

from __future__ import annotations

import ctypes

import pylibsrtp
import pytest

from loadkit.transport import pylibsrtp_internals as internals

_POLICY = pylibsrtp.Policy(key=bytes(44), srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM)


def test_libsrtp_can_be_called_from_c() -> None:
    assert internals.why_no_functions() is None, (
        "pylibsrtp._binding no longer gives away libsrtp 2's functions"
    )


def test_another_libsrtp_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(internals, "_SIGNATURE", "int(*)(void)")
    assert "srtp_protect of pylibsrtp" in str(internals.why_no_functions())
    monkeypatch.setattr(internals, "_NAMES", ("srtp_embrace",))
    assert "does not give away srtp_embrace" in str(internals.why_no_functions())


def test_functions_and_sessions_are_what_pylibsrtp_itself_uses() -> None:
    _POLICY.ssrc_type = pylibsrtp.Policy.SSRC_ANY_OUTBOUND
    one, other = pylibsrtp.Session(_POLICY), pylibsrtp.Session(_POLICY)
    function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int))
    protect = function(internals.srtp_functions()[0])
    packet = b"\x80\x6f\x00\x01" + bytes(8) + b"payload"
    buffer, length = ctypes.create_string_buffer(packet, 1500), ctypes.c_int(len(packet))
    # pylibsrtp.Session._srtp
    assert protect(internals.srtp_pointer(one), buffer, ctypes.byref(length)) == 0
    assert buffer.raw[: length.value] == other.protect(packet)
