from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from loadkit.printable import printable


def test_what_cannot_be_seen_is_shown_as_an_escape() -> None:
    assert printable("a\x1b[31m\n\x00\u202e\u2028b") == r"a\x1b[31m\n\x00\u202e\u2028b"
    assert printable("Grüße 呼び出し \U0001f4de") == "Grüße 呼び出し \U0001f4de"


def test_long_text_is_cut_and_says_by_how_much() -> None:
    assert printable("x" * 1_500, 500) == "x" * 500 + "… (1,000 more characters)"


@given(st.text(alphabet=st.characters()))
def test_nothing_unseen_comes_through(text: str) -> None:
    shown = printable(text)
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in shown)
    shown.encode()
