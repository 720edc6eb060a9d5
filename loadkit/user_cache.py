"""The user's cache folder, for what takes long to make and can be made again, and whose content runs as a program."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def cache_folder() -> Path:
    """Where it is (XDG Base Directory Specification); it may not be there yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "loadkit"


def nobody_else_wrote(path: Path) -> bool:
    """Whether a file is there, is ours or root's, and could not have been written by others."""
    try:
        status = path.stat()
    except OSError:
        return False
    return status.st_uid in (os.geteuid(), 0) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
