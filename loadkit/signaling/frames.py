"""A frame of the signaling WebSocket as what it must be first: one JSON object in one text frame.

Frames are untrusted. JSON that Python alone would read, or read only by recursing as deep as the frame says,
is refused here, before anybody asks what the message means.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

#: Levels of objects and arrays in a message; the deepest that a client sends has three.
MAX_DEPTH = 32


def read_object(frame: str | bytes) -> Mapping[str, object]:
    """The JSON object in a frame.

    :raises ValueError: a clause that says what the frame is instead.
    """
    if not isinstance(frame, str):
        raise ValueError("it is binary, not text")
    try:
        document = _DECODER.decode(frame)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None
    except ValueError as exc:
        # "from None" for the reader's sake; a JSONDecodeError also carries the whole frame, token and all.
        raise ValueError(f"it is not JSON ({exc})") from None
    if not isinstance(document, dict):
        raise ValueError("it is JSON, but not an object")
    if _deeper_than(document, MAX_DEPTH):
        raise ValueError(f"its JSON is nested more than {MAX_DEPTH} levels deep")
    return document


def _deeper_than(document: object, levels: int) -> bool:
    """Whether objects and arrays are nested deeper than this; looked at level by level, so never recursing."""
    level: list[object] = [document]
    for _ in range(levels):
        level = [child for parent in level for child in _children(parent) if isinstance(child, (dict, list))]
        if not level:
            return False
    return True


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse_constant(name: str) -> object:
    """RFC 8259, section 6: NaN and Infinity are not JSON, though Python reads them."""
    raise ValueError(f"{name} is not a JSON number")


def _integer(digits: str) -> int | float:
    """A JSON integer; one that no double holds exactly becomes a float, as in a browser.

    ``int()`` refuses more than 4,300 digits, which would make valid JSON look malformed.
    """
    return int(digits) if len(digits) <= 16 else float(digits)


def without_lone_surrogates(text: str) -> str:
    r"""The text with each lone surrogate replaced by U+FFFD.

    RFC 8259, section 8.2: JSON can spell a lone ``\ud800``. No file, pipe or socket takes it as UTF-8,
    so it must not go further than this.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def unknown_type(kind: object) -> str:
    """What is wrong with a ``type`` that the reader does not take, as a clause."""
    if not isinstance(kind, str):
        return "it has no type"
    return f"its type {kind[:40]!r} is unknown here"


#: Made once: ``json.loads()`` makes one for each text that it reads in another way than by default.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_integer)
