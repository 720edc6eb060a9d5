"""What carries the media of calls on this machine: what was asked for, and what there is."""

from __future__ import annotations

from loadkit.call.python_stream import PythonStream
from loadkit.call.stock_stream import StockStream
from loadkit.call.stream import MakeStream
from loadkit.errors import SettingsError
from loadkit.settings import MediaPath, Settings, flag


def why_not_native() -> str | None:
    """Why the compiled module cannot be used here; None when it can."""
    return "there is no compiled module here"


def usable_media_path(settings: Settings) -> MediaPath:
    """The path that calls with these settings take: never ``auto``.

    :raises SettingsError: it cannot be had here.
    """
    asked = MediaPath(settings.media_path)
    reason = None if asked in (MediaPath.PYTHON, MediaPath.STOCK) else why_not_native()
    if asked is MediaPath.AUTO:
        return MediaPath.NATIVE if reason is None else MediaPath.PYTHON
    if reason is not None:
        raise SettingsError(
            [f"{flag('media_path')} '{asked}': {reason}; take python, or auto, which takes what there is"]
        )
    return asked


def make_stream_of(settings: Settings) -> MakeStream:
    """What makes the media stream of a call with these settings.

    :raises SettingsError: it cannot be had here.
    """
    return _STREAMS[usable_media_path(settings)]


_STREAMS: dict[MediaPath, MakeStream] = {MediaPath.PYTHON: PythonStream, MediaPath.STOCK: StockStream}
