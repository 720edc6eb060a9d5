"""The compiled module and loadkit/media are fed the same packets: every figure is the same, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.media.native_counts import NativeMeter
from loadkit.native import MediaPoll
from loadkit.native.structures import Kind
from tests.native.parts import (
    PAYLOAD_TYPE,
    PythonFigures,
    native_figures,
    open_stream,
    payloads,
    plain_poll,
    rtp,
)

_PACKETS = settings(max_examples=50, deadline=None)


@pytest.fixture(scope="module")
def poll() -> Iterator[MediaPoll]:
    with plain_poll() as opened:
        yield opened


def compare(poll: MediaPoll, packets: list[tuple[bytes, float]], *, looks: int = 3) -> None:
    """Feed both, and compare a few times on the way, as reports do, and at the end."""
    stream = open_stream(poll)
    poll.hear(stream, hears=True)
    meter, python = NativeMeter(lambda: poll.figures(stream)), PythonFigures()
    heard: list[bytes] = []
    for index, (data, now) in enumerate(packets):
        python.packet(data, now)
        heard += payloads(poll.take(stream, data, now), Kind.PAYLOAD)
        if index % (len(packets) // looks + 1) == 0:
            assert native_figures(poll, stream, meter) == python.all()
    assert native_figures(poll, stream, meter) == python.all()
    assert heard == python.payloads
    poll.close_stream(stream)


#: What may happen to one packet of a call on its way: (numbers passed over, of which the network makes what).
_STEPS = st.lists(
    st.one_of(
        st.just(("next", 1)),
        st.just(("next", 1)),
        st.tuples(st.just("lost"), st.integers(2, 90)),
        st.tuples(st.just("jump"), st.integers(2900, 3100)),
        st.tuples(st.just("far"), st.integers(3000, 65_535)),
        st.tuples(st.just("late"), st.integers(1, 130)),
        st.tuples(st.just("again"), st.integers(0, 3)),
        st.tuples(st.just("new source"), st.integers(0, 65_535)),
    ),
    min_size=1,
    max_size=120,
)


@given(
    steps=_STEPS,
    sequence=st.sampled_from([0, 5, 65_400, 65_535]),
    timestamp=st.sampled_from([0, 0xFFFFFF00]),
    rate=st.sampled_from([0.019, 0.02, 0.3]),
)
@_PACKETS
def test_what_a_network_does_to_a_call_has_the_same_figures(
    poll: MediaPoll, steps: list[tuple[str, int]], sequence: int, timestamp: int, rate: float
) -> None:
    packets: list[tuple[bytes, float]] = []
    now, ssrc = 1000.0, 1
    for what, by in steps:
        now += rate * (1 + by % 7 / 50)
        late = 0
        if what == "late":
            late = by
        elif what == "new source":
            ssrc, sequence = ssrc + 1, by
        elif what == "again" and packets:
            packets.append((packets[max(0, len(packets) - 1 - by)][0], now))
            continue
        else:
            sequence += by
        timestamp += 960
        number = sequence - late
        packets.append((rtp(number, timestamp - 960 * late, ssrc=ssrc, payload=b"y" * (by % 60)), now))
    compare(poll, packets)


@given(
    data=st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.binary(max_size=40).map(lambda rest: b"\x80\x6f" + rest),
            st.binary(max_size=40).map(lambda rest: b"\xb1\xef" + rest),
            st.builds(
                rtp,
                st.integers(0, 65_535),
                st.integers(0, 2**32 - 1),
                ssrc=st.integers(0, 3),
                payload=st.binary(max_size=30),
                payload_type=st.sampled_from([PAYLOAD_TYPE, 0, 127]),
                csrcs=st.integers(0, 15),
                extension=st.one_of(st.none(), st.integers(0, 9)),
                padding=st.integers(0, 40),
            ),
            st.builds(
                lambda packet, cut: packet[:cut],
                st.just(rtp(1, 2, csrcs=3, extension=4, padding=9)),
                st.integers(0, 90),
            ),
        ),
        max_size=60,
    )
)
@_PACKETS
def test_headers_of_any_kind_and_garbage_are_read_alike(poll: MediaPoll, data: list[bytes]) -> None:
    # RTCP by its second byte goes another way, before it is decrypted (RFC 5761).
    rtp_only = [packet for packet in data if not (len(packet) > 1 and 192 <= packet[1] <= 223)]
    compare(poll, [(packet, 5.0 + index * 0.02) for index, packet in enumerate(rtp_only)])


@given(ppm=st.integers(-300, 300), jitter=st.lists(st.floats(0, 0.03), min_size=5, max_size=5))
@settings(max_examples=10, deadline=None)
def test_the_clock_of_the_other_side_runs_as_fast_for_both(
    poll: MediaPoll, ppm: int, jitter: list[float]
) -> None:
    packets = [
        (rtp(index, int(index * 960 * 25 * (1 + ppm / 1e6))), 10 + index * 0.5 + jitter[index % 5])
        for index in range(60)
    ]
    compare(poll, packets)


def test_drift_over_a_day_widens_its_windows_alike(poll: MediaPoll) -> None:
    packets = [(rtp(index, int(index * 96_000 * 1.0001)), 10 + index * 2.0) for index in range(2600)]
    compare(poll, packets)
