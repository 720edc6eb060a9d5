"""The media of a call, with a peer that keeps what is sent and a time that the test moves."""

from __future__ import annotations

import itertools
import struct
from typing import cast

import pytest
from aiortc.rtp import RtcpByePacket, RtcpPacket, RtcpSrPacket

from loadkit.call.hearing import Hearing
from loadkit.call.media import CallMedia
from loadkit.call.timeline import Timeline
from loadkit.errors import Stage, TransportError
from loadkit.media import FRAME_S, FRAME_SAMPLES
from loadkit.media.clock import MediaClock, Tick
from loadkit.media.meter import ReceptionMeter
from loadkit.media.rtcp import RtcpReporter
from loadkit.media.rtp import RtpSource, parse_rtp
from loadkit.media.samples import EncodedSample, silence
from loadkit.media.watches import INTERVAL_S, Watch
from loadkit.records import CallRecord
from loadkit.transport.peer import Peer
from loadkit.transport.reception import Reception
from tests.call.test_hearing import TALK

HELLO = EncodedSample("hello.wav", (b"one", b"two", b"three"), first_speech=0, last_speech=1)


class FakePeer:
    """What media needs of a peer."""

    def __init__(self) -> None:
        self.ssrc, self.cname = 77, "fake"
        self.reception = Reception(lambda packet, now: None, lambda packet, now: None)
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.broken = False

    def send_rtp(self, packet: bytes) -> None:
        if self.broken:
            raise RuntimeError("the handler is closed")
        self.rtp.append(packet)

    def send_rtcp(self, packet: bytes) -> None:
        self.rtcp.append(packet)


class FakeWatches:
    """What is looked at when the test says so."""

    def __init__(self) -> None:
        self.watches: list[Watch] = []

    def add(self, watch: Watch) -> None:
        self.watches.append(watch)

    def remove(self, watch: Watch) -> None:
        self.watches.remove(watch)


class FakeClock:
    """A media clock that ticks when the test says so."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self.watches = FakeWatches()

    def add(self, tick: Tick) -> None:
        self.ticks.append(tick)

    def remove(self, tick: Tick) -> None:
        self.ticks.remove(tick)


class Call:
    """A call's media and everything around it; time begins at 100 s."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, listen: bool = False) -> None:
        self.now = 100.0
        self.mode = "echo"
        self.frames = 0
        monkeypatch.setattr("loadkit.call.media.time", self)
        monkeypatch.setattr("loadkit.call.python_stream.time", self)
        self.timeline = Timeline(100.0)
        self.timeline.mark("started", 100.0)
        self.changes = 0
        self.hearing = Hearing(self.timeline, listen=listen, changed=lambda: None)
        self.failures: list[TransportError] = []
        self.media = CallMedia(
            self.timeline,
            self.hearing,
            media_timeout=5.0,
            failed=self.failures.append,
            changed=self.changed,
        )
        self.peer, self.clock = FakePeer(), FakeClock()
        self.gateway = RtpSource(99, 111)
        self.gateway_meter = ReceptionMeter()
        self.gateway_reporter = RtcpReporter(self.gateway, self.gateway_meter, "gateway", 0.0)

    def monotonic(self) -> float:
        return self.now

    def changed(self) -> None:
        self.changes += 1

    def start(self) -> Call:
        self.media.attach(cast(Peer, self.peer), 111, 0.0)
        self.timeline.mark("dtls_done", self.now)
        self.media.start(cast(MediaClock, self.clock), self.now)
        return self

    def run(self, seconds: float, *, hearing: bool = False) -> Call:
        for _ in range(round(seconds / FRAME_S)):
            self.now += FRAME_S
            (tick,) = self.clock.ticks
            tick(1, 0, 0.001)
            self.frames += 1
            if self.frames % round(INTERVAL_S / FRAME_S) == 0:
                for watch in self.clock.watches.watches:
                    watch(self.now)
            if hearing:
                self.media.stream.rtp_received(self.gateway.packet(silence()), self.now)
        return self

    def record(self) -> CallRecord:
        self.media.stop()
        self.timeline.mark("ended", self.now)
        record = CallRecord(mode=self.mode)
        self.timeline.fill(record, 0.0)
        self.media.fill(record)
        return record


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    return Call(monkeypatch)


# Out


def test_one_packet_leaves_each_20_ms_and_the_first_is_marked(call: Call) -> None:
    call.start().run(1.0)
    packets = [parse_rtp(packet) for packet in call.peer.rtp]
    assert len(packets) == 50
    assert [p.marker for p in packets] == [True] + [False] * 49
    assert {(p.ssrc, p.payload_type, p.payload) for p in packets} == {(77, 111, silence())}
    steps = {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in itertools.pairwise(packets)}
    assert steps == {FRAME_SAMPLES}


def test_sample_is_sent_and_its_end_is_told(call: Call) -> None:
    call.start()
    call.hearing.begin_turn("hello.wav")
    call.media.speaker.play(HELLO)
    call.run(0.1)
    assert [parse_rtp(packet).payload for packet in call.peer.rtp] == [
        b"one",
        b"two",
        b"three",
        silence(),
        silence(),
    ]
    assert call.changes == 1
    # The last speech packet was the second.
    assert call.hearing.said_at == pytest.approx(100.04)
    assert call.hearing.turns[0].said_at == pytest.approx(0.04)


def test_caught_up_frames_are_sent_and_skipped_ones_leave_a_hole_in_time(call: Call) -> None:
    call.start().run(0.02)
    (tick,) = call.clock.ticks
    tick(5, 46, 1.005)
    packets = [parse_rtp(packet) for packet in call.peer.rtp]
    assert len(packets) == 6
    assert (packets[1].sequence_number - packets[0].sequence_number) & 0xFFFF == 1
    assert (packets[1].timestamp - packets[0].timestamp) & 0xFFFFFFFF == 47 * FRAME_SAMPLES
    record = call.record()
    # The five that were sent were 85, 65, 45, 25 and 5 ms late.
    assert (record.frames_late, record.frames_skipped) == (4, 46)
    assert record.late_ms_max == 1005


def test_reports_leave_about_each_five_seconds(call: Call) -> None:
    call.start().run(30.0, hearing=True)
    assert 4 <= len(call.peer.rtcp) <= 13
    for compound in call.peer.rtcp:
        report = RtcpPacket.parse(compound)[0]
        assert isinstance(report, RtcpSrPacket)
        assert [block.ssrc for block in report.reports] == [99]


def test_stop_says_bye_once_and_sends_no_more(call: Call) -> None:
    call.start().run(0.1)
    call.media.stop()
    call.media.stop()
    assert call.clock.ticks == []
    assert len(call.peer.rtcp) == 1
    assert isinstance(RtcpPacket.parse(call.peer.rtcp[0])[-1], RtcpByePacket)


def test_media_that_never_started_stops_in_silence(call: Call) -> None:
    call.media.stop()
    assert call.peer.rtcp == []


def test_socket_that_cannot_be_sent_on_ends_the_call(call: Call) -> None:
    call.start()
    call.peer.broken = True
    (tick,) = call.clock.ticks
    with pytest.raises(RuntimeError):
        tick(1, 0, 0.0)
    assert [(f.stage, f.code) for f in call.failures] == [(Stage.MEDIA, "INTERNAL")]
    assert call.failures[0].message == "sending failed (RuntimeError: the handler is closed)"


# In


def test_what_arrives_is_in_the_record(call: Call) -> None:
    call.start().run(3.0, hearing=True)
    record = call.record()
    assert record.packets_sent == record.packets_received == 150
    assert record.bytes_sent == record.bytes_received == 150 * len(silence())
    assert (record.packets_lost, record.packets_reordered, record.packets_duplicated) == (0, 0, 0)
    assert record.packets_discarded == 0
    assert record.jitter == pytest.approx(0, abs=1e-6)
    assert record.longest_gap_ms == pytest.approx(20)
    assert record.first_packet_ms == pytest.approx(20)
    assert record.no_audio is False
    assert record.silent_audio is True
    assert record.first_audio_ms is None
    assert record.late_ms_max == 1
    assert (record.frames_late, record.frames_skipped) == (0, 0)


def test_packets_that_cannot_be_used_are_discarded_and_not_counted_as_received(call: Call) -> None:
    call.start().run(0.1)
    call.peer.reception.refused = 2
    for packet in (b"", b"\x80\x6f", bytes(20), RtpSource(99, 0).packet(b"PCMU")):
        call.media.stream.rtp_received(packet, call.now)
    call.media.stream.rtcp_received(b"\x80\xc8\x00\x01", call.now)
    record = call.record()
    assert record.packets_discarded == 4 + 1 + 2
    assert record.packets_received == 0
    assert record.packets_lost is None


def test_duplicates_are_heard_once(call: Call) -> None:
    call.start()
    packet = call.gateway.packet(silence())
    call.media.stream.rtp_received(packet, 100.1)
    call.media.stream.rtp_received(packet, 100.2)
    record = call.record()
    assert (record.packets_received, record.packets_duplicated) == (1, 1)


def test_packets_before_the_start_count(call: Call) -> None:
    call.media.attach(cast(Peer, call.peer), 111, 0.0)
    call.media.stream.rtp_received(call.gateway.packet(silence()), 99.99)
    call.start()
    record = call.record()
    assert record.packets_received == 1
    assert record.first_packet_ms == 0


def test_reports_of_the_gateway_are_in_the_record(call: Call) -> None:
    call.start().run(0.1)
    for packet in call.peer.rtp:
        rtp = parse_rtp(packet)
        if packet is not call.peer.rtp[2]:
            call.gateway_meter.packet(rtp.ssrc, rtp.sequence_number, rtp.timestamp, 3, call.now)
    call.run(10.0, hearing=True)
    call.gateway_reporter.receive(call.peer.rtcp[-1], call.now)
    call.media.stream.rtcp_received(call.gateway_reporter.report(call.now), call.now + 0.05)
    record = call.record()
    assert record.remote_packets_lost == 1
    assert record.remote_jitter is not None
    assert record.round_trip_time is not None and record.round_trip_time >= 0.05


def test_call_that_did_not_connect_has_no_media_in_its_record(call: Call) -> None:
    record = CallRecord()
    call.media.fill(record)
    assert record.packets_sent is record.packets_received is record.no_audio is None
    assert record.late_ms_max is record.frames_late is None


def test_interruption_is_noted_while_the_caller_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(monkeypatch, listen=True).start()
    turn = call.hearing.begin_turn("hello.wav")
    call.media.speaker.play(HELLO, loop=True)
    for packet in TALK:
        call.run(FRAME_S)
        call.media.stream.rtp_received(call.gateway.packet(packet), call.now)
    assert turn.false_interrupt


# The watch


def test_no_packet_for_the_time_out_is_no_audio(call: Call) -> None:
    call.start().run(5.0)
    assert call.failures == []
    call.run(0.6)
    assert (call.failures[0].stage, call.failures[0].code) == (Stage.MEDIA, "NO_AUDIO")
    assert call.record().no_audio is True


def test_packets_that_stop_are_lost_media(call: Call) -> None:
    call.start().run(1.0, hearing=True).run(5.0)
    assert call.failures == []
    call.run(0.6)
    assert (call.failures[0].stage, call.failures[0].code) == (Stage.MEDIA, "MEDIA_LOST")


def test_packets_that_wait_while_the_process_stands_still_are_neither_lost_nor_late(call: Call) -> None:
    call.start().run(1.0, hearing=True)
    call.hearing.stand_stills.begin(call.now)
    call.now += 6.0
    call.hearing.stand_stills.awake(call.now)
    (watch,) = call.clock.watches.watches
    watch(call.now)
    assert call.failures == [], "they are read next"
    for _ in range(300):
        call.media.stream.rtp_received(call.gateway.packet(silence()), call.now)
    call.now += 0.5
    watch(call.now)
    assert call.failures == []
    record = call.record()
    assert record.stood_still_ms == pytest.approx(6000)
    assert record.packets_lost == 0
    # By when they were read they would be late, and a loss to whoever listens.
    assert record.playout_late_simulated is record.mos is None


def test_packets_that_come_are_not_lost(call: Call) -> None:
    call.start().run(20.0, hearing=True)
    assert call.failures == []


def test_short_call_without_a_packet_does_not_say_whether_there_was_audio(call: Call) -> None:
    assert call.start().run(1.9).record().no_audio is None


def test_audio_that_came_after_two_seconds_was_missing_at_first(call: Call) -> None:
    assert call.start().run(2.5).run(1.0, hearing=True).record().no_audio is True


def test_packet_of_another_source_goes_on_in_the_same_totals(call: Call) -> None:
    call.start().run(0.2, hearing=True)
    call.gateway = RtpSource(1234, 111)
    call.run(0.2, hearing=True)
    record = call.record()
    assert (record.packets_received, record.packets_lost) == (20, 0)


def test_extension_and_csrc_do_not_disturb(call: Call) -> None:
    call.start()
    header = (
        struct.pack("!BBHII", 0x91, 111, 5, 960, 99) + bytes(4) + struct.pack("!HH", 0xBEDE, 1) + bytes(4)
    )
    call.media.stream.rtp_received(header + silence(), 100.1)
    record = call.record()
    assert (record.packets_received, record.bytes_received) == (1, len(silence()))


# One way, stopped, drifting


def test_media_that_stops_before_the_end_is_told(call: Call) -> None:
    call.start().run(3.0, hearing=True).run(2.5)
    assert call.record().media_stopped is True


def test_media_that_goes_on_to_the_end_has_not_stopped(call: Call) -> None:
    call.start().run(3.0, hearing=True).run(1.5)
    assert call.record().media_stopped is False


def test_nothing_is_said_of_media_that_never_came_or_of_a_short_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Call(monkeypatch).start().run(3.0).record().media_stopped is None
    assert Call(monkeypatch).start().run(1.0, hearing=True).record().media_stopped is None


def test_speech_without_an_echo_is_one_way_in_echo_mode_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    speech = EncodedSample("speech.wav", (b"word",) * 150, 0, 149, frozenset(range(150)))
    for mode, one_way in (("echo", True), ("end-to-end", None)):
        call = Call(monkeypatch)
        call.mode = mode
        call.start()
        call.media.speaker.play(speech)
        call.run(3.0, hearing=True)
        assert call.record().one_way is one_way


@pytest.mark.parametrize("heard", [True, False])
def test_a_gateway_that_reports_nothing_of_our_packets_does_not_hear_us(call: Call, heard: bool) -> None:
    call.mode = "traditional"
    call.start().run(1.0, hearing=True)
    if heard:
        rtp = parse_rtp(call.peer.rtp[0])
        call.gateway_meter.packet(rtp.ssrc, rtp.sequence_number, rtp.timestamp, 1, call.now)
    call.media.stream.rtcp_received(call.gateway_reporter.report(call.now), call.now)
    assert call.record().one_way is not heard


def test_packets_that_srtp_refused_as_repeated_are_duplicates(call: Call) -> None:
    call.start().run(1.0, hearing=True)
    call.peer.reception.repeated = 3
    record = call.record()
    assert (record.packets_duplicated, record.packets_discarded) == (3, 0)


def test_the_drift_of_a_long_call_is_in_its_record(call: Call) -> None:
    call.start().run(15.0, hearing=True)
    assert call.record().clock_drift_ppm == pytest.approx(0, abs=0.1)
