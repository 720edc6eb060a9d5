"""Sender and receiver reports: two reporters that talk to each other under a clock that the test holds."""

from __future__ import annotations

import struct

import pytest
from aiortc.rtp import RtcpByePacket, RtcpPacket, RtcpRrPacket, RtcpSdesPacket, RtcpSrPacket
from hypothesis import given
from hypothesis import strategies as st

from loadkit.media import CLOCK_RATE, FRAME_S, FRAME_SAMPLES
from loadkit.media.meter import ReceptionMeter
from loadkit.media.rtcp import RtcpReporter
from loadkit.media.rtp import RtpSource, parse_rtp


class Side:
    """One side of a call: source, meter and reporter."""

    def __init__(self, ssrc: int, ntp_offset: float) -> None:
        self.source = RtpSource(ssrc, 111)
        self.meter = ReceptionMeter()
        self.reporter = RtcpReporter(self.source, self.meter, f"side-{ssrc}", ntp_offset)

    def hear(self, packet: bytes, now: float) -> None:
        rtp = parse_rtp(packet)
        self.meter.packet(rtp.ssrc, rtp.sequence_number, rtp.timestamp, len(rtp.payload), now)


@pytest.fixture
def sides() -> tuple[Side, Side]:
    # Two machines whose clocks have nothing to do with each other.
    return Side(1111, 1_700_000_000.0), Side(2222, -12_345.678)


def test_report_before_anything_was_sent_is_an_empty_receiver_report(sides: tuple[Side, Side]) -> None:
    report, name = RtcpPacket.parse(sides[0].reporter.report(10.0))
    assert report == RtcpRrPacket(ssrc=1111, reports=[])
    assert isinstance(name, RtcpSdesPacket)
    assert [(chunk.ssrc, chunk.items) for chunk in name.chunks] == [(1111, [(1, b"side-1111")])]


def test_sender_report_counts_what_was_sent(sides: tuple[Side, Side]) -> None:
    source = sides[0].source
    first = source.timestamp
    for _ in range(5):
        source.packet(b"0123456789")
    (report, _) = RtcpPacket.parse(sides[0].reporter.report(10.0))
    assert isinstance(report, RtcpSrPacket)
    assert report.sender_info.packet_count == 5
    assert report.sender_info.octet_count == 50
    assert report.sender_info.rtp_timestamp == (first + 5 * FRAME_SAMPLES) & 0xFFFFFFFF
    # NTP counts from 1900; the upper half is whole seconds.
    assert report.sender_info.ntp_timestamp >> 32 == 10 + 1_700_000_000 + 2_208_988_800
    assert report.reports == []


@given(
    there=st.floats(0.0005, 2.0),
    held=st.floats(0, 10),
    back=st.floats(0.0005, 2.0),
    clock=st.floats(0, 1e6),
    offset=st.floats(-1e6, 2e9),
)
def test_round_trip_time_leaves_out_how_long_the_other_side_held_the_report(
    there: float, held: float, back: float, clock: float, offset: float
) -> None:
    a, b = Side(1, offset), Side(2, 0.0)
    b.hear(a.source.packet(b"x"), clock)
    assert a.reporter.round_trip_time is None
    b.reporter.receive(a.reporter.report(clock), clock + 5000 + there)
    a.reporter.receive(b.reporter.report(clock + 5000 + there + held), clock + there + held + back)
    # Ticks are 1/65536 s, and each of three numbers is cut to one.
    assert a.reporter.round_trip_time == pytest.approx(there + back, abs=4 / 65536)


def test_round_trip_time_is_the_mean_of_all(sides: tuple[Side, Side]) -> None:
    a, b = sides
    for start, delay in ((0.0, 0.010), (5.0, 0.030)):
        b.hear(a.source.packet(b"x"), start)
        b.reporter.receive(a.reporter.report(start), start + delay)
        a.reporter.receive(b.reporter.report(start + delay), start + 2 * delay)
    assert a.reporter.round_trip_time == pytest.approx(0.040, abs=1e-4)


def test_report_without_a_sender_report_before_gives_no_round_trip_time(sides: tuple[Side, Side]) -> None:
    a, b = sides
    b.hear(a.source.packet(b"x"), 1.0)
    a.reporter.receive(b.reporter.report(2.0), 2.01)
    assert a.reporter.round_trip_time is None
    assert a.reporter.remote_packets_lost == 0


def test_answer_from_the_future_is_no_round_trip_time(sides: tuple[Side, Side]) -> None:
    a, b = sides
    b.hear(a.source.packet(b"x"), 1.0)
    b.reporter.receive(a.reporter.report(10.0), 10.0)
    a.reporter.receive(b.reporter.report(10.0), 9.0)
    assert a.reporter.round_trip_time is None


def test_loss_and_jitter_of_our_packets_come_back(sides: tuple[Side, Side]) -> None:
    a, b = sides
    assert a.reporter.remote_packets_lost is None
    assert a.reporter.remote_jitter is None
    for number in range(100):
        packet = a.source.packet(b"x")
        if number % 10 != 5:
            b.hear(packet, number * FRAME_S + 0.005 * (number % 2))
    a.reporter.receive(b.reporter.report(2.0), 2.0)
    assert a.reporter.remote_packets_lost == 10
    assert b.meter.jitter is not None
    assert a.reporter.remote_jitter == pytest.approx(b.meter.jitter, abs=1 / 48_000)


def test_reception_report_says_to_aiortc_what_the_meter_says(sides: tuple[Side, Side]) -> None:
    a, b = sides
    a.source.sequence_number = 65_530
    for number in range(40):
        packet = a.source.packet(b"x")
        if number not in (3, 4, 20):
            b.hear(packet, number * FRAME_S)
    (report, _) = RtcpPacket.parse(b.reporter.report(1.0))
    assert isinstance(report, RtcpRrPacket)
    (block,) = report.reports
    assert block.ssrc == 1111
    assert block.packets_lost == 3
    assert block.fraction_lost == (3 << 8) // 40
    assert block.highest_sequence == 65_530 + 39
    assert (block.lsr, block.dlsr) == (0, 0)


def test_more_packets_than_expected_fit_into_a_report(sides: tuple[Side, Side]) -> None:
    a, b = sides
    b.hear(a.source.packet(b"x"), 1.0)
    for _ in range(300):
        # Strays that belong to no sequence are received beyond what was expected.
        a.source.sequence_number = (a.source.sequence_number + 20_000) & 0xFFFF
        b.hear(a.source.packet(b"x"), 1.0)
    (report, _) = RtcpPacket.parse(b.reporter.report(1.0))
    assert isinstance(report, RtcpRrPacket)
    assert report.reports[0].packets_lost == b.meter.packets_lost


def test_reports_about_another_source_are_passed_over(sides: tuple[Side, Side]) -> None:
    a, b = sides
    stranger = Side(3333, 0.0)
    b.hear(stranger.source.packet(b"x"), 1.0)
    a.reporter.receive(b.reporter.report(1.0), 1.0)
    assert a.reporter.remote_packets_lost is None


def test_it_is_known_whether_the_other_side_hears_us(sides: tuple[Side, Side]) -> None:
    a, b = sides
    assert a.reporter.heard_by_remote is None
    a.source.packet(b"x")
    a.reporter.receive(b.reporter.report(1.0), 1.0)
    assert a.reporter.heard_by_remote is None, "the report may have left before the packet came"
    for _ in range(100):
        a.source.packet(b"x")
    a.reporter.receive(b.reporter.report(1.0), 1.0)
    assert a.reporter.heard_by_remote is False
    b.hear(a.source.packet(b"x"), 1.5)
    a.reporter.receive(b.reporter.report(2.0), 2.0)
    assert a.reporter.heard_by_remote is True
    a.reporter.receive(Side(3333, 0.0).reporter.report(3.0), 3.0)
    assert a.reporter.heard_by_remote is True, "a source that begins anew says nothing of us yet"


def test_bye_ends_a_compound_packet(sides: tuple[Side, Side]) -> None:
    a, b = sides
    a.source.packet(b"x")
    packets = RtcpPacket.parse(a.reporter.bye(3.0))
    assert [type(packet) for packet in packets] == [RtcpSrPacket, RtcpSdesPacket, RtcpByePacket]
    assert not b.reporter.bye_received
    b.reporter.receive(a.reporter.bye(3.0), 3.0)
    assert b.reporter.bye_received


def test_reports_of_kinds_that_we_do_not_use_are_read(sides: tuple[Side, Side]) -> None:
    # XR (207) and APP (204) follow a receiver report in real compounds.
    compound = sides[1].reporter.report(1.0)
    for kind in (204, 207):
        compound += struct.pack("!BBHI", 0x80, kind, 1, 2222)
    sides[0].reporter.receive(compound, 1.0)


def _chunk(kind: int, count: int, body: bytes) -> bytes:
    body = body[: len(body) // 4 * 4]
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


@given(
    st.binary(max_size=120)
    | st.lists(
        st.builds(
            _chunk,
            st.sampled_from([200, 201, 202, 203, 204, 205, 206, 207]),
            st.integers(0, 0x3F),
            st.binary(max_size=80),
        ),
        max_size=4,
    ).map(b"".join)
)
def test_arbitrary_bytes_are_read_or_refused_with_a_value_error(data: bytes) -> None:
    side = Side(1, 0.0)
    try:
        side.reporter.receive(data, 1.0)
    except ValueError:
        return


def test_both_times_of_a_sender_report_mean_the_same_moment(sides: tuple[Side, Side]) -> None:
    source, reports = sides[0].source, []
    for number in range(1000):
        if number % 50 == 0:
            source.due(20.0 + number * FRAME_S)
        source.packet(b"x")
        if number in (120, 777):
            # In the middle between two packets, as a rule.
            (report, _) = RtcpPacket.parse(sides[0].reporter.report(20.0 + number * FRAME_S + 0.0123))
            assert isinstance(report, RtcpSrPacket)
            reports.append(report.sender_info)
    one, two = reports
    elapsed = (two.ntp_timestamp - one.ntp_timestamp) / (1 << 32)
    assert ((two.rtp_timestamp - one.rtp_timestamp) & 0xFFFFFFFF) / CLOCK_RATE == pytest.approx(
        elapsed, abs=1e-4
    )
    assert elapsed == pytest.approx(657 * FRAME_S, abs=1e-6)
