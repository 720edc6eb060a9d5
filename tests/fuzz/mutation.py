"""Inputs that are nearly real, without a guide: what a fuzzer does where no coverage is measured."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

#: Bytes and words that readers trip over.
_ODD = (
    *(
        b"\0",
        b"\xff",
        b"\x80",
        b"\x7f",
        b"\n",
        b"\r\n",
        b"{",
        b"[",
        b'"',
        b":",
        b"=",
        b" ",
        b",",
        b"-1",
        b"1e400",
    ),
    *(
        b"NaN",
        b"null",
        b"true",
        b"9" * 20,
        b"65536",
        b"\\ud800",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x98\x80",
        b"%s",
        b"0x",
    ),
)


def mutations(seeds: Sequence[bytes], dice: random.Random) -> Iterator[bytes]:
    """Endless: each input is a seed, or a cross of two, changed in one to eight places."""
    while True:
        data = bytearray(dice.choice(seeds))
        if dice.random() < 0.2:
            other = dice.choice(seeds)
            data[dice.randint(0, len(data)) :] = other[dice.randint(0, len(other)) :]
        for _ in range(dice.randint(1, 8)):
            _change(data, dice)
        yield bytes(data[:8192])


def _change(data: bytearray, dice: random.Random) -> None:
    at = dice.randint(0, len(data))
    match dice.randrange(6):
        case 0 if at < len(data):
            data[at] ^= 1 << dice.randrange(8)
        case 1 if at < len(data):
            data[at] = dice.randrange(256)
        case 2:
            data[at:at] = dice.choice(_ODD)
        case 3:
            del data[at : at + dice.choice((1, 1, 2, 4, 16, 64))]
        case 4:
            data[at : at + dice.choice((1, 2, 4))] = dice.choice(_ODD)
        case _:
            part = data[at : at + dice.choice((1, 4, 16, 64))]
            data[at:at] = part * dice.choice((1, 1, 2, 20))
