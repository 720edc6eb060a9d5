"""When each stage of a call began and ended, counted from the call's intended start.

A record holds durations. The order of the stages is known, so most beginnings follow: the handshake ends the
set-up, ICE comes right before it, the answer right before ICE. The WebSocket and the ICE servers come first,
one after the other when there is time for both before the offer, else side by side. Candidates are gathered while
the answer is waited for; where within that time is not recorded, and they are drawn from its beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Bar:
    """One stage of one call, in milliseconds from the intended start."""

    stage: str
    start_ms: float
    end_ms: float
    beside: bool = False
    """It ran beside another stage, and takes no time of its own away from the set-up."""


def waterfall(call: Mapping[str, Any]) -> list[Bar]:
    """The measured stages of a call, in the order in which they began."""

    def measured(column: str) -> float | None:
        value = call.get(column)
        return None if value is None or pd.isna(value) else max(0.0, float(value))

    names = ("start_delay_ms", "ice_servers_ms", "websocket_ms", "answer_ms", "ice_ms", "dtls_ms")
    delay, servers, websocket, answer, ice, dtls = (measured(name) or 0.0 for name in names)
    setup = measured("setup_ms")
    opening = servers + websocket
    if setup is None:  # it failed on the way: what was measured, one after the other
        offered = delay + opening
        answered = offered + answer
    else:
        answered = max(delay, setup - dtls - ice)
        offered = max(delay, answered - answer)
    in_sequence = delay + opening <= offered + 1.0
    socket_asked = delay + servers if in_sequence else delay
    connected = answered + ice + dtls if setup is None else setup
    begins = {
        "start_delay_ms": 0.0,
        "ice_servers_ms": delay,
        "websocket_ms": socket_asked,
        "gathering_ms": offered,
        "answer_ms": offered,
        "ice_ms": answered,
        "dtls_ms": answered + ice,
        "first_packet_ms": connected,
        "first_audio_ms": connected,
    }
    beside = {"gathering_ms", "first_packet_ms"} | (set() if in_sequence else {"ice_servers_ms"})
    bars = []
    for stage, begin in begins.items():
        duration = measured(stage)
        if duration is not None:
            bars.append(Bar(stage, begin, begin + duration, stage in beside))
    return bars
