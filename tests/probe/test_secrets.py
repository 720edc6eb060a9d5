"""The token is masked wherever it turns up, and what is wrong with it is said without showing it."""

from __future__ import annotations

import base64
import json

import pytest

from loadkit.probe.secrets import MASK, message_without, what_is_wrong_with, without

TOKEN = "a-token"


def jwt(claims: object) -> str:
    """A token of three parts with these claims."""
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.c2lnbmF0dXJl"


def test_the_token_is_masked_in_every_text_of_a_message() -> None:
    frame = json.dumps({"authToken": TOKEN, "data": {f"k {TOKEN}": [f"x{TOKEN}y", 3, None, True]}})
    masked = message_without(TOKEN, frame)
    assert masked == {"authToken": MASK, "data": {f"k {MASK}": [f"x{MASK}y", 3, None, True]}}


def test_the_field_of_the_token_is_masked_whatever_it_holds() -> None:
    assert without("", {"authToken": "another"}) == {"authToken": MASK}
    assert without("", {"authToken": ""}) == {"authToken": ""}


@pytest.mark.parametrize(
    "frame", ["a-token {", '"a-token"', "[" * 5000 + "a-token", '{"a":' * 60 + '"a-token"' + "}" * 60]
)
def test_a_frame_that_is_no_message_is_masked_too(frame: str) -> None:
    assert TOKEN not in json.dumps(message_without(TOKEN, frame))


def test_numbers_that_json_does_not_have_are_kept_as_text() -> None:
    kept = message_without(TOKEN, '{"a": [NaN, 1e999], "b": -Infinity, "c": 1.5}')
    assert json.dumps(kept, allow_nan=False) == '{"a": ["nan", "inf"], "b": "-inf", "c": 1.5}'


def test_what_is_long_or_binary_is_named_by_its_size() -> None:
    assert message_without(TOKEN, "x" * 20_000) == "(20,000 characters, too long to be kept)"
    assert message_without(TOKEN, b"\xff" * 7) == "(7 bytes of binary data)"


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "No token was given"),
        ("Bearer abc", "the word Bearer"),
        (" abc", "a space or a quotation mark"),
        ('"abc"', "a space or a quotation mark"),
        ("abc\x00d", "not copied right"),
        ("töken", "not copied right"),
        (jwt({"exp": 1_000_000_000}), "expired at 2001-09-09 01:46 UTC"),
    ],
)
def test_what_is_seen_to_be_wrong_with_a_token_is_said(token: str, said: str) -> None:
    sentence = what_is_wrong_with(token, now=1.7e9)
    assert sentence is not None
    assert said in sentence
    assert not token or token not in sentence


@pytest.mark.parametrize(
    "token", ["opaque", "a.b.c", jwt({"exp": 4e9}), jwt({"exp": 1e300}), jwt({"exp": "soon"}), jwt([1])]
)
def test_a_token_that_may_be_right_is_not_suspected(token: str) -> None:
    assert what_is_wrong_with(token, now=1.7e9) is None
