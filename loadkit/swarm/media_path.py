"""Says once what carries the media where it is not what carries most."""

from __future__ import annotations

import logging

from loadkit.native import why_not_built
from loadkit.setting_values import MediaPath
from loadkit.settings import Settings

logger = logging.getLogger(__name__)


def tell_media_path(settings: Settings) -> None:
    """Tell of a missing compiled module when nobody has chosen to do without it."""
    if settings.media_path != MediaPath.AUTO:
        return
    reason = why_not_built()
    if reason is not None:
        logger.info("media goes through Python, which holds fewer calls: %s", reason)
