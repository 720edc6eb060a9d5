"""Every private name of pylibsrtp that loadkit touches: its libsrtp, for who calls it from C.

``tests/transport/test_pylibsrtp_internals.py`` says in words what moved when a new version no longer has one.
"""

from __future__ import annotations

import functools
from typing import Any

import pylibsrtp
from pylibsrtp._binding import ffi, lib

#: libsrtp 2: session, packet and length, both of which it changes in place. libsrtp 3 takes other arguments.
_SIGNATURE = "srtp_err_status_t(*)(struct srtp_ctx_t_ *, void *, int *)"
_NAMES = ("srtp_protect", "srtp_unprotect")


def why_no_functions() -> str | None:
    """Why libsrtp's functions cannot be called from C; None when they can."""
    return _why_not(_NAMES, _SIGNATURE)


@functools.cache
def _why_not(names: tuple[str, ...], signature: str) -> str | None:
    """Looked at once: it is asked at each call, and a library that is loaded stays as it is."""
    for name in names:
        try:
            kind = ffi.typeof(ffi.addressof(lib, name)).cname
        except (AttributeError, TypeError, ffi.error) as exc:
            return f"pylibsrtp {pylibsrtp.__version__} does not give away {name} ({exc})"
        if kind != signature:
            return f"{name} of pylibsrtp {pylibsrtp.__version__} is {kind}, not {signature}"
    return None


def srtp_functions() -> tuple[int, int]:
    """Addresses of ``srtp_protect`` and ``srtp_unprotect``."""
    protect, unprotect = (int(ffi.cast("uintptr_t", ffi.addressof(lib, name))) for name in _NAMES)
    return protect, unprotect


def srtp_pointer(session: Any) -> int:
    """Address of a session's ``srtp_t``; it is freed with the session."""
    return int(ffi.cast("uintptr_t", session._srtp[0]))
