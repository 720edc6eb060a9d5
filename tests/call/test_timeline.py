"""Marks of a call and the columns out of them."""

from __future__ import annotations

import dataclasses

import pytest

from loadkit.call.timeline import _COLUMNS, Timeline
from loadkit.records import STAGES, CallRecord

MARKS = (
    *("started", "ice_servers_asked", "ice_servers_had", "websocket_asked", "websocket_open", "offer_sent"),
    *("gathering_started", "answer_received", "answer_applied", "gathered", "pair_selected", "dtls_done"),
    *("first_packet", "first_audio", "greeting", "ended"),
)


def test_every_stage_of_the_record_comes_out_of_two_marks() -> None:
    assert set(STAGES) <= set(_COLUMNS)
    names = {field.name for field in dataclasses.fields(CallRecord)}
    assert set(_COLUMNS) <= names


def test_column_is_the_time_between_its_marks_in_milliseconds() -> None:
    timeline = Timeline(100.0)
    for index, mark in enumerate(MARKS, start=1):
        timeline.mark(mark, 100.0 + index * 0.01)
    record = CallRecord()
    timeline.fill(record, 1000.0)
    assert {column: getattr(record, column) for column in _COLUMNS} == {
        "start_delay_ms": 10,
        "ice_servers_ms": 10,
        "websocket_ms": 10,
        "gathering_ms": 30,
        "answer_ms": 20,
        "ice_ms": 20,
        "dtls_ms": 10,
        "setup_ms": 120,
        "first_packet_ms": 10,
        "first_audio_ms": 20,
        "greeting_ms": 30,
        "duration_ms": 150,
        "connected_ms": 40,
    }
    assert (record.intended_at, record.started_at, record.ended_at) == pytest.approx((1100, 1100.01, 1100.16))


def test_stage_that_did_not_begin_or_did_not_end_is_none() -> None:
    timeline = Timeline(5.0)
    timeline.mark("websocket_asked", 6.0)
    timeline.mark("gathered", 7.0)
    record = CallRecord()
    timeline.fill(record, 0.0)
    assert all(getattr(record, column) is None for column in _COLUMNS)
    assert record.intended_at == 5.0
    assert record.started_at is record.ended_at is None


def test_first_mark_of_a_name_counts() -> None:
    timeline = Timeline(0.0)
    timeline.mark("started", 1.0)
    timeline.mark("started", 2.0)
    timeline.mark("intended", 3.0)
    assert timeline.at("started") == 1.0
    assert timeline.at("intended") == 0.0
    assert timeline.at("ended") is None


def test_packet_that_overtook_the_handshake_arrived_at_0() -> None:
    timeline = Timeline(0.0)
    timeline.mark("first_packet", 1.0)
    timeline.mark("dtls_done", 1.01)
    assert timeline.milliseconds("dtls_done", "first_packet") == 0
