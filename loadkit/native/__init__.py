"""The work per packet of many calls in a compiled module: optional, built by ``python -m loadkit.native``.

meter.h     what arrived: RTP headers, loss, order, jitter, bursts, drift      (as loadkit/media does it)
media.c     sockets, SRTP, packets out and in, a batch per call from Python
building.py the module out of the two, with the system's compiler, and where it is kept
library.py  the same functions from Python, with their types
structures.py  the events and figures that it hands over
poll.py     the sockets and streams of one event loop; the only file that holds pointers
"""

from loadkit.native.building import build, why_not_built
from loadkit.native.library import MediaLibrary, why_not_usable
from loadkit.native.poll import MediaPoll

__all__ = ["MediaLibrary", "MediaPoll", "build", "why_not_built", "why_not_usable"]
