"""Failures of a live state: bounded, printable, and every one counted."""

from __future__ import annotations

from loadkit.live.failures import MOST_CODES, NEWEST, Failures


def test_a_known_code_is_counted_by_itself_however_many_a_gateway_makes_up() -> None:
    failures = Failures()
    for number in range(10_000):
        failures.add(f"MADE_UP_{number}", "answer", "", 0.0)
    for _ in range(5):
        failures.add("ICE_TIMEOUT", "ice", "", 1.0)
    view = failures.view()
    assert view["codes"][0]["code"] == "ICE_TIMEOUT"
    assert view["codes"][0]["calls"] == 5
    assert len(failures.codes()) == MOST_CODES + 1
    assert view["total"] == 10_005
    assert len(view["newest"]) == NEWEST


def test_hostile_text_is_printable_and_cut() -> None:
    failures = Failures()
    failures.add("\x1b[31m" + "A" * 500, "answer", "\x07\u202e" + "<script>" * 100, 0.0)
    view = failures.view()
    code, message = view["codes"][0]["code"], view["newest"][0]["message"]
    assert code.isprintable()
    assert message.isprintable()
    assert code.endswith("…")
    assert message.endswith("…")
    assert len(message) < 400


def test_the_meaning_of_a_known_code_stands_beside_it() -> None:
    failures = Failures()
    failures.add("NO_AUDIO", "media", "", 0.0)
    failures.add("TEAPOT", "answer", "", 0.0)
    assert [code["meaning"] for code in failures.view()["codes"]] == [
        "no RTP packet came after the call connected",
        "a code of the gateway's own",
    ]
