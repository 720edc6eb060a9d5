"""The paths of media that tests go through."""

from __future__ import annotations

import os

from loadkit.call.media_path import why_not_native

#: The compiled module is left out where it is not built; on CI that is a failure, not a reason to leave tests out.
NATIVE = why_not_native() is None or "CI" in os.environ

MEDIA_PATHS = ["python", "stock", *(["native"] if NATIVE else [])]
