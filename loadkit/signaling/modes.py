"""The names of the modes in which a gateway answers a call."""

from __future__ import annotations

END_TO_END = "end-to-end"
"""One speech-to-speech model; what a gateway uses when the offer names no mode."""
TRADITIONAL = "traditional"
"""Speech recognition, a language model and speech synthesis in a row."""
ECHO = "echo"
"""What is heard is sent back, for debugging; production gateways refuse it."""

#: Canonical names, the default first.
MODES: tuple[str, ...] = (END_TO_END, TRADITIONAL, ECHO)

#: Legacy name -> canonical name. The public documentation says that these are still accepted, but not
#: which mode each means. The choice here is ours: names of the realtime family are the one-model agent,
#: names of the cascade are the older pipeline.
LEGACY_MODES: dict[str, str] = {
    "agent": END_TO_END,
    "agent_v2": END_TO_END,
    "realtime": END_TO_END,
    "agent_v1": TRADITIONAL,
    "cascaded": TRADITIONAL,
    "normal": TRADITIONAL,
}


def resolve_mode(name: str | None) -> str:
    """The canonical mode for the name in an offer; ``None`` (not named) is the default.

    Names are compared as they are written, upper and lower case included.

    :raises ValueError: the name is neither canonical nor legacy.
    """
    if name is None:
        return END_TO_END
    if name in MODES:
        return name
    try:
        return LEGACY_MODES[name]
    except KeyError:
        # The name may come from the other side of a socket: shorten it before it is repeated.
        raise ValueError(f"unknown mode {name[:40]!r}; known are {', '.join(MODES)}") from None
