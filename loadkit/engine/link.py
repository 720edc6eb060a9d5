"""The messages between a Locust process and its engine: MessagePack maps, one after the other.

To the engine (``op``):

    configure  settings, destination: a Destination, samples                            → ready | refused
    place      call: a CallSpec
    command    id, call_id, name, args          → reply
    end        call_id, outcome, error          no reply; the record follows
    stop       cancel all calls, send their records, end the process

From the engine (``ev``):

    ready      pid
    refused    reason                           the settings or a sample cannot be used
    reply      id, value | ended {outcome, code, message} | sample_error [path, reason]
    record     row {call, turns}
    figures    row
    stopped    every record has been sent
"""

from __future__ import annotations

from typing import Any

import msgpack

Message = dict[str, Any]

#: A record is about 2 kB; nothing on this pipe comes near it.
_MAX_BUFFER = 64 * 2**20


def pack(message: Message) -> bytes:
    """One message as bytes."""
    return bytes(msgpack.packb(message))


class MessageReader:
    """Bytes in, as they come; messages out."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(max_buffer_size=_MAX_BUFFER)

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete with these bytes."""
        self._unpacker.feed(data)
        return list(self._unpacker)
