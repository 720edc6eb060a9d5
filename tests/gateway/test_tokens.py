from __future__ import annotations

import hmac

import pytest

from loadkit.gateway.tokens import Tokens


def test_every_accepted_token_is_accepted_and_no_other() -> None:
    tokens = Tokens(["one", "two", "drei-ß"])
    assert all(tokens.accepts(token) for token in ("one", "two", "drei-ß"))
    assert not any(tokens.accepts(token) for token in ("", "on", "one ", "three", "drei-s"))


def test_with_none_configured_any_token_but_an_empty_one_is_accepted() -> None:
    assert Tokens([]).accepts("anything")
    assert not Tokens([]).accepts("")


def test_every_token_is_compared_also_after_a_match(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    original = hmac.compare_digest

    def compare(given: bytes, accepted: bytes) -> bool:
        compared.append(accepted)
        return original(given, accepted)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert Tokens(["one", "two", "three"]).accepts("one")
    assert compared == [b"one", b"two", b"three"]


def test_bytes_of_a_header_that_are_no_utf_8_are_refused_and_nothing_breaks() -> None:
    assert not Tokens(["token"]).accepts(b"t\xf6ken".decode("ascii", "surrogateescape"))
