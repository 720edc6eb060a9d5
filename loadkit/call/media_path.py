"""What carries the media of calls on this machine: what was asked for, and what there is."""

from __future__ import annotations

from loadkit.call.native_stream import NativeStream
from loadkit.call.python_stream import PythonStream
from loadkit.call.stock_stream import StockStream
from loadkit.call.stream import MakeStream
from loadkit.errors import SettingsError
from loadkit.setting_values import MediaPath
from loadkit.settings import Settings, flag
from loadkit.transport.native_poll import why_not_native

__all__ = ["make_stream_of", "usable_media_path", "why_not_native"]


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


def make_stream_of(settings: Settings, *, observed: bool = False) -> MakeStream:
    """What makes the media stream of a call with these settings.

    :param observed: somebody wants to see each packet, which the compiled module does not hand out.
    :raises SettingsError: it cannot be had here.
    """
    path = usable_media_path(settings)
    return _STREAMS[MediaPath.PYTHON if observed and path is MediaPath.NATIVE else path]


_STREAMS: dict[MediaPath, MakeStream] = {
    MediaPath.NATIVE: NativeStream,
    MediaPath.PYTHON: PythonStream,
    MediaPath.STOCK: StockStream,
}
