"""The compiled module and loadkit/media read the same datagrams, and must say the same of them.

    python -m tests.fuzz.native module.so seconds folder

Under sanitizers when the module was compiled with them. The input that is being tried is in the folder until it is
over, as a sanitizer ends the process at once.
"""

from __future__ import annotations

import sys
from pathlib import Path

from loadkit.native import MediaPoll
from loadkit.native.library import MediaLibrary
from tests.fuzz import seeds
from tests.fuzz.unguided import by_chance
from tests.native.test_meter import compare


def alike(poll: MediaPoll, data: bytes) -> None:
    """Feed both with the datagrams in an input."""
    # RTCP by its second byte goes another way, before it is decrypted (RFC 5761).
    packets = [(one, now) for one, now in seeds.unpacked(data) if not (len(one) > 1 and 192 <= one[1] <= 223)]
    compare(poll, packets)


def native_seeds() -> list[bytes]:
    """Packets in a row, and a few more of them."""
    packets = seeds.rtp_packets()
    return [seeds.packed(packets), seeds.packed(packets[:4] * 6), seeds.packed(packets[4:])]


def main() -> None:
    """Until the time is over, or something is found."""
    library, found = MediaLibrary(Path(sys.argv[1])), Path(sys.argv[3])
    poll = MediaPoll(library.plain, library.plain, library)
    trying = found / "trying"

    def run(data: bytes) -> None:
        trying.write_bytes(data)
        alike(poll, data)

    by_chance(run, native_seeds(), float(sys.argv[2]), found)
    trying.unlink(missing_ok=True)
    poll.close()


if __name__ == "__main__":
    main()
