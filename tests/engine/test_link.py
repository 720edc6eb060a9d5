"""Messages on the pipe, however the bytes are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadkit.engine.link import MessageReader, pack

_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(), _values, max_size=4), max_size=5), st.lists(st.integers(1, 40)))
def test_messages_come_out_as_they_went_in_wherever_the_bytes_are_cut(
    messages: list[dict[str, object]], cuts: list[int]
) -> None:
    data = b"".join(pack(message) for message in messages)
    reader = MessageReader()
    received = []
    for cut in cuts:
        piece, data = data[:cut], data[cut:]
        received += reader.feed(piece)
    received += reader.feed(data)
    assert received == messages
