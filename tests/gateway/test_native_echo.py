"""The gateway's echo in the compiled module sends back, and counts, what its echo in Python does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.gateway.echo import NativeEcho, make_echo
from loadkit.gateway.faults.gateway_faults import GatewayFaults
from loadkit.gateway.faults.hooks import SessionFaults
from loadkit.gateway.faults.planned_faults import PlannedFaults
from loadkit.gateway.media import EchoMedia
from loadkit.gateway.settings import GatewaySettings
from loadkit.media.native_counts import NativeMeter, NativeSource
from loadkit.native import MediaPoll
from loadkit.native.structures import Kind
from tests.media_paths import NATIVE
from tests.native.parts import PAYLOAD_TYPE, SSRC, open_stream, payloads, plain_poll, rtp

SOMEWHERE = (2, b"\x7f\0\0\1", 9, 0)


@pytest.fixture(scope="module")
def poll() -> Iterator[MediaPoll]:
    with plain_poll() as opened:
        yield opened


class Wire:
    """Keeps what an echo sends."""

    ssrc, cname = SSRC, "echo"

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send_rtp(self, packet: bytes) -> None:
        self.sent.append(packet)

    def send_rtcp(self, packet: bytes) -> None: ...


@given(
    packets=st.lists(
        st.builds(
            rtp,
            st.integers(0, 65_535),
            st.integers(0, 2**32 - 1),
            payload=st.binary(max_size=50),
            payload_type=st.sampled_from([PAYLOAD_TYPE, PAYLOAD_TYPE, 0]),
            marker=st.booleans(),
            csrcs=st.sampled_from([0, 0, 3]),
            extension=st.sampled_from([None, None, 0, 2]),
            padding=st.sampled_from([0, 0, 4]),
        ),
        max_size=20,
    )
)
@settings(max_examples=50, deadline=None)
def test_every_packet_comes_back_alike(poll: MediaPoll, packets: list[bytes]) -> None:
    wire, python = Wire(), EchoMedia(PAYLOAD_TYPE, 0.0)
    python.attach(wire)
    stream = open_stream(poll)
    poll.echo(stream)
    poll.send_to(stream, 0, SOMEWHERE)
    source = NativeSource(SSRC, lambda: poll.figures(stream))
    meter = NativeMeter(lambda: poll.figures(stream))
    native: list[bytes] = []
    for index, packet in enumerate(packets):
        python.rtp_received(packet, 1.0 + index * 0.02)
        native += payloads(poll.take(stream, packet, 1.0 + index * 0.02), Kind.OUTGOING)
    assert native == wire.sent
    theirs = python._source
    assert (source.packets_sent, source.bytes_sent) == (theirs.packets_sent, theirs.bytes_sent)
    assert meter.packets_received == python.meter.packets_received
    assert meter.last_arrival == python.meter.last_arrival
    assert poll.figures(stream).malformed == python.packets_discarded
    if wire.sent:
        assert source.timestamp == theirs.timestamp
    poll.close_stream(stream)


def test_a_call_with_a_fault_is_echoed_in_python() -> None:
    assert not SessionFaults.touch_packets
    assert PlannedFaults.touch_packets
    assert not GatewayFaults().of_next_call().touch_packets


@pytest.mark.skipif(not NATIVE, reason="the compiled module is not built")
def test_the_module_echoes_where_it_is_there_and_wanted() -> None:
    assert GatewaySettings().media_path == "auto"
    assert isinstance(make_echo(111, 0.0, native=True), NativeEcho)
    assert isinstance(make_echo(111, 0.0, native=False), EchoMedia)


def test_without_the_module_python_echoes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadkit.gateway.echo.why_not_native", lambda: "it was not built")
    echo = make_echo(111, 0.0, native=True)
    assert isinstance(echo, EchoMedia)
    assert not echo.native
