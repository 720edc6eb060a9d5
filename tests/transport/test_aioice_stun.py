"""What writes and reads STUN for aioice gives what aioice itself gives, byte by byte."""

from __future__ import annotations

import string
from typing import Any

import aioice.ice
import pytest
from aioice import stun
from aioice.ice import Connection

from loadkit.transport import aioice_stun
from loadkit.transport.aioice_stun import THEIRS

KEY = b"a-password-of-22-chars"
TRANSACTION = bytes(range(12))

MESSAGES: list[dict[str, Any]] = [
    {},
    {"USERNAME": "abcd:efgh", "PRIORITY": 1853824767, "ICE-CONTROLLING": 2**64 - 1},
    {"USERNAME": "abcde:efgh", "PRIORITY": 1, "ICE-CONTROLLED": 0, "USE-CANDIDATE": None},
    {"XOR-MAPPED-ADDRESS": ("127.0.0.1", 50_000)},
    {"XOR-MAPPED-ADDRESS": ("255.1.2.3", 1), "SOFTWARE": "x"},
    {"XOR-MAPPED-ADDRESS": ("2001:db8::7", 65_535)},
    {"XOR-MAPPED-ADDRESS": ("::1", 9)},
    {"ERROR-CODE": (487, "Role Conflict")},
    {"XOR-PEER-ADDRESS": ("192.0.2.7", 9), "DATA": b"abcde", "MAPPED-ADDRESS": ("192.0.2.8", 10)},
]


@pytest.fixture(autouse=True)
def as_installed() -> None:
    aioice_stun.install()


def message(attributes: dict[str, Any]) -> stun.Message:
    return stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        transaction_id=TRANSACTION,
        attributes=dict(attributes),
    )


@pytest.mark.parametrize("attributes", MESSAGES)
def test_a_message_is_written_as_aioice_writes_it(
    attributes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bare, signed = message(attributes), message(attributes)
    signed.add_message_integrity(KEY)
    again = message(attributes)
    again.add_message_integrity(b"another key")
    again.add_message_integrity(KEY)
    ours = [bytes(bare), bytes(signed), bytes(again), signed._integrity_data]

    monkeypatch.setattr(stun, "pack_xor_address", THEIRS.pack_xor_address)
    for entry in stun.ATTRIBUTES:
        monkeypatch.setitem(stun.ATTRIBUTES_BY_NAME, entry[1], entry)
    monkeypatch.setattr(stun.Message, "__bytes__", THEIRS.to_bytes)
    theirs = message(attributes)
    THEIRS.add_integrity(theirs, KEY)
    assert ours == [bytes(message(attributes)), bytes(theirs), bytes(theirs), theirs._integrity_data], (
        "aioice writes STUN messages in another way now, or Message._integrity_data has moved"
    )


@pytest.mark.parametrize("attributes", MESSAGES)
def test_what_is_written_is_read_again(attributes: dict[str, Any]) -> None:
    sent = message(attributes)
    sent.add_message_integrity(KEY)
    read = stun.parse_message(bytes(sent))
    assert read.attributes == sent.attributes
    assert read.check_message_integrity(KEY)
    assert not read.check_message_integrity(b"another key")


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\1\0\0\0", b"\0\3\0\0\0\0\0\0", b"\0\2" + bytes(6)])
def test_a_broken_address_is_refused_as_aioice_refuses_it(data: bytes) -> None:
    with pytest.raises(ValueError, match="STUN address") as theirs:
        THEIRS.unpack_xor_address(data, TRANSACTION)
    with pytest.raises(ValueError, match="STUN address") as ours:
        stun.unpack_xor_address(data, TRANSACTION)
    assert str(ours.value) == str(theirs.value)


def test_an_address_with_a_zone_is_left_to_aioice() -> None:
    zoned = ("fe80::1%1", 5000)
    ours = stun.pack_xor_address(zoned, TRANSACTION)
    assert ours == THEIRS.pack_xor_address(zoned, TRANSACTION)


async def test_a_connection_draws_its_names_here() -> None:
    assert vars(aioice.ice).get("random_string") is aioice_stun.random_string, (
        "aioice.ice no longer has random_string(): ufrag and password would be drawn letter by letter"
    )
    connection = Connection(ice_controlling=True)
    assert (len(connection.local_username), len(connection.local_password)) == (4, 22)
    drawn = aioice_stun.random_string(4000)
    assert len(drawn) == 4000
    assert set(drawn) == set(string.ascii_letters + string.digits + "+/")
