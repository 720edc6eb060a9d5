"""When each stage of a call began and ended, and the record's columns out of that.

All times are seconds of one monotonic clock. A stage that did not begin or did not end is ``None``.
"""

from __future__ import annotations

from collections.abc import Callable

from loadkit.records import CallRecord

#: Column → (mark at its start, mark at its end); the definitions are those of the record's columns.
_COLUMNS = {
    "start_delay_ms": ("intended", "started"),
    "ice_servers_ms": ("ice_servers_asked", "ice_servers_had"),
    "websocket_ms": ("websocket_asked", "websocket_open"),
    "gathering_ms": ("gathering_started", "gathered"),
    "answer_ms": ("offer_sent", "answer_received"),
    "ice_ms": ("answer_applied", "pair_selected"),
    "dtls_ms": ("pair_selected", "dtls_done"),
    "setup_ms": ("intended", "dtls_done"),
    "first_packet_ms": ("dtls_done", "first_packet"),
    "first_audio_ms": ("dtls_done", "first_audio"),
    "greeting_ms": ("dtls_done", "greeting"),
    "duration_ms": ("started", "ended"),
    "connected_ms": ("dtls_done", "ended"),
}


class Timeline:
    """Marks of one call; the first mark of a name counts.

    :param marked: called with each mark that counts.
    """

    def __init__(self, intended: float, marked: Callable[[str, float], None] | None = None) -> None:
        self._marks: dict[str, float] = {"intended": intended}
        self._marked = marked

    def mark(self, name: str, now: float) -> None:
        """Note that ``name`` happened at ``now``; later marks of the same name are ignored."""
        if name not in self._marks:
            self._marks[name] = now
            if self._marked is not None:
                self._marked(name, now)

    def at(self, name: str) -> float | None:
        """When ``name`` happened; None when it did not."""
        return self._marks.get(name)

    def milliseconds(self, start: str, end: str) -> float | None:
        """From one mark to another; None unless both happened. Media may overtake the end of our own
        handshake: such a packet arrived at 0, not before it."""
        first, last = self._marks.get(start), self._marks.get(end)
        if first is None or last is None:
            return None
        return round(max(0.0, last - first) * 1000, 3)

    def fill(self, record: CallRecord, unix_offset: float) -> None:
        """Write all durations and times into the record.

        :param unix_offset: seconds to add to the monotonic clock to get Unix time.
        """
        for column, (start, end) in _COLUMNS.items():
            setattr(record, column, self.milliseconds(start, end))
        for column, name in (("intended_at", "intended"), ("started_at", "started"), ("ended_at", "ended")):
            at = self._marks.get(name)
            setattr(record, column, None if at is None else round(at + unix_offset, 6))
