"""How far a call in progress has come: what a live view counts calls by.

The stages of its set-up are those in which a call can fail (:class:`~loadkit.errors.Stage`). After them a call is
connected, and after its end it says goodbye: media ends, ``close`` is sent, ICE, DTLS and the WebSocket are closed.
"""

from __future__ import annotations

import enum

from loadkit.errors import Stage


class Progress(enum.StrEnum):
    """In the order in which a call passes them."""

    PLACE = "place"
    """Its engine has it, and has not asked for anything yet."""
    ICE_SERVERS = "ice_servers"
    """The gateway is asked for ICE servers."""
    WEBSOCKET = "websocket"
    """The WebSocket is being opened."""
    ANSWER = "answer"
    """The offer is out, or about to go."""
    ICE = "ice"
    """The answer is there, and a candidate pair is looked for."""
    DTLS = "dtls"
    """A pair is selected, and the handshake goes on."""
    CONNECTED = "connected"
    """Media flows."""
    CLOSING = "closing"
    """It has ended, well or badly, and says goodbye."""


_OF_STAGE = {
    stage: Progress(stage.value) if stage.value in list(Progress) else Progress.CONNECTED for stage in Stage
}


def progress_of(stage: Stage, *, ended: bool) -> Progress:
    """How far a call in this stage has come."""
    return Progress.CLOSING if ended else _OF_STAGE[stage]
