"""What carries the media of calls on this machine: what was asked for, and what there is."""

from __future__ import annotations

from loadkit.errors import SettingsError
from loadkit.settings import MediaPath, Settings, flag
from loadkit.transport.native_poll import why_not_native


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
