"""The compiled module, loaded: the functions of media.c with their types, and nothing else."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

from loadkit.native.building import built_module, why_not_built
from loadkit.native.structures import EVENT_SIZE, Figures

_ABI = 2


class MediaLibrary:
    """The module, loaded.

    :raises OSError: it cannot be loaded, or is not of these sources.
    """

    def __init__(self, path: Path) -> None:
        # PyDLL keeps Python's lock during each call: they are short, and nobody else touches what they touch.
        library = ctypes.PyDLL(str(path))
        try:
            for name, (result, arguments) in _signatures().items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
        except AttributeError as exc:
            raise OSError(f"{path.name} has no function {name}") from exc
        self.functions: Any = library
        #: Addresses of functions that stand for SRTP in tests, and leave packets as they are.
        self.plain = ctypes.cast(library.lk_plain, ctypes.c_void_p).value or 0
        #: How many slots of a clock it knows.
        self.slots: int = library.lk_slots()
        sizes = (library.lk_figures_size(), library.lk_event_size())
        if library.lk_abi() != _ABI or sizes != (ctypes.sizeof(Figures), EVENT_SIZE):
            raise OSError(f"{path.name} was not built of these sources")


def _signatures() -> dict[str, tuple[Any, list[Any]]]:
    """Of each function of media.c: what it returns, what it takes."""
    pointer, number, size = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_size_t
    used, integer = ctypes.POINTER(ctypes.c_size_t), ctypes.c_int
    buffer, real = ctypes.c_char_p, ctypes.c_double
    events = [pointer, size, used]
    return {
        "lk_abi": (integer, []),
        "lk_slots": (integer, []),
        "lk_figures_size": (size, []),
        "lk_event_size": (size, []),
        "lk_open": (pointer, [pointer, pointer]),
        "lk_descriptor": (integer, [pointer]),
        "lk_close": (None, [pointer]),
        "lk_silence": (integer, [pointer, buffer, size]),
        "lk_sample_add": (integer, [pointer, integer, pointer, buffer, buffer, size, integer, integer]),
        "lk_socket_add": (number, [pointer, integer]),
        "lk_socket_remove": (integer, [pointer, number]),
        "lk_socket_stream": (integer, [pointer, number, number]),
        "lk_stream_open": (
            number,
            [
                pointer,
                pointer,
                pointer,
                ctypes.c_uint32,
                ctypes.c_uint8,
                ctypes.c_uint16,
                ctypes.c_uint32,
            ],
        ),
        "lk_stream_close": (integer, [pointer, number]),
        "lk_stream_target": (
            integer,
            [pointer, number, number, integer, buffer, ctypes.c_uint16, ctypes.c_uint32],
        ),
        "lk_stream_slot": (integer, [pointer, number, integer]),
        "lk_stream_play": (integer, [pointer, number, integer, integer]),
        "lk_stream_hear": (integer, [pointer, number, integer]),
        "lk_stream_echo": (integer, [pointer, number, integer]),
        "lk_stream_answered": (integer, [pointer, number]),
        "lk_stream_figures": (integer, [pointer, number, pointer]),
        "lk_stream_drift": (integer, [pointer, number, pointer, integer]),
        "lk_send": (integer, [pointer, integer, integer, integer, real, integer, *events]),
        "lk_take": (integer, [pointer, number, buffer, size, real, *events]),
        "lk_receive": (integer, [pointer, integer, integer, *events]),
    }


@functools.cache
def loaded_module() -> MediaLibrary | OSError | None:
    """The module; why it cannot be loaded; None when it was not built."""
    path = built_module()
    if path is None:
        return None
    try:
        return MediaLibrary(path)
    except OSError as exc:
        return exc


def why_not_usable() -> str | None:
    """Why the compiled module cannot be used; None when it can."""
    loaded = loaded_module()
    # Once it is loaded, and it is asked for at each call, nobody looks at the file again.
    if isinstance(loaded, MediaLibrary):
        return None
    reason = why_not_built()
    if reason is not None:
        return reason
    if loaded is None:
        # What a process does is decided once: calls of a run that took turns between paths would not compare.
        return "the compiled module was built after this process had begun without it; start it again"
    return f"the compiled module cannot be loaded: {loaded}"
