from __future__ import annotations

import pytest

from loadkit.analysis.waterfall import waterfall
from tests.synthetic import call_row, failed_row


def test_the_stages_of_a_call_follow_each_other_up_to_its_set_up() -> None:
    call = call_row(3)
    bars = {bar.stage: bar for bar in waterfall(call)}
    assert bars["websocket_ms"].start_ms == pytest.approx(bars["ice_servers_ms"].end_ms)
    assert bars["answer_ms"].end_ms == pytest.approx(bars["ice_ms"].start_ms)
    assert bars["ice_ms"].end_ms == pytest.approx(bars["dtls_ms"].start_ms)
    assert bars["dtls_ms"].end_ms == pytest.approx(call["setup_ms"])
    assert bars["first_audio_ms"].start_ms == pytest.approx(call["setup_ms"])
    assert [bar.stage for bar in bars.values() if bar.beside] == ["gathering_ms", "first_packet_ms"]


def test_ice_servers_that_left_no_time_before_the_offer_ran_beside_the_socket() -> None:
    call = call_row(3, start_delay_ms=0.0, ice_servers_ms=50.0, websocket_ms=60.0, setup_ms=160.0)
    call.update(answer_ms=50.0, ice_ms=30.0, dtls_ms=20.0)
    bars = {bar.stage: bar for bar in waterfall(call)}
    assert bars["ice_servers_ms"].beside
    assert bars["websocket_ms"].start_ms == 0.0


def test_a_failed_call_has_the_stages_that_it_passed() -> None:
    assert [bar.stage for bar in waterfall(failed_row(1))] == [
        "start_delay_ms",
        "ice_servers_ms",
        "websocket_ms",
        "gathering_ms",
    ]


def test_a_call_of_which_nothing_was_measured_has_no_bars() -> None:
    assert waterfall({}) == []
