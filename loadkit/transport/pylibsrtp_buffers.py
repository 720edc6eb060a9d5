"""pylibsrtp's own work for each RTP packet, without what it does anew each time; on its private buffers.

``tests/transport/test_pylibsrtp_buffers.py`` says in words what moved when a new version no longer has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pylibsrtp
from pylibsrtp import ERRORS, SRTP_MAX_TRAILER_LEN
from pylibsrtp._binding import ffi, lib

Process = Callable[[bytes], bytes]


def rtp_protector(session: Any) -> Process:
    """What ``session.protect`` does, in two thirds of the time: in its own buffer, but without a new length for each
    packet. The session's keys live as long as what is returned.

    :raises pylibsrtp.Error: by what is returned: as by ``protect``.
    :raises ValueError: likewise: the packet is too long for the buffer.
    """
    return _in_buffer(session, lib.srtp_protect, SRTP_MAX_TRAILER_LEN)


def rtp_unprotector(session: Any) -> Process:
    """What ``session.unprotect`` does, likewise."""
    return _in_buffer(session, lib.srtp_unprotect, 0)


def _in_buffer(session: Any, function: Any, room: int) -> Process:
    cdata, buffer, handle = session._cdata, session._buffer, session._srtp
    srtp, longest = handle[0], len(cdata) - room
    length = ffi.new("int *")

    # The handle frees what it points at when it goes, so it has to be kept.
    def process(packet: bytes, _kept: Any = handle) -> bytes:
        size = len(packet)
        if size > longest:
            raise ValueError(f"a packet of {size} bytes is too long for SRTP")
        buffer[0:size] = packet
        length[0] = size
        status = function(srtp, cdata, length)
        if status:
            raise pylibsrtp.Error(ERRORS[status])
        return cast(bytes, buffer[0 : length[0]])

    return process
