"""The JavaScript that draws the pictures: Vega, Vega-Lite and Vega-Embed, as vl-convert carries them."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import tempfile
from functools import lru_cache
from pathlib import Path

from loadkit.user_cache import cache_folder, nobody_else_wrote

#: The Vega-Lite that Altair's specifications are written for.
VEGA_LITE = "6.4"


@lru_cache(maxsize=1)
def vega_bundle() -> str:
    """The bundle, which sets ``window.vegaEmbed``; making it takes about two seconds, so it is kept for the next page.

    It holds Vega's expression interpreter, so that a page that forbids ``eval`` can use it.
    """
    version = importlib.metadata.version("vl-convert-python")
    kept = cache_folder() / f"vega-{VEGA_LITE}-of-vl-convert-{version}.js"
    bundle = _read(kept)
    if bundle is None:
        bundle = _made()
        _keep(bundle, kept)
    if "</script" in bundle.lower() or "<!--" in bundle:
        raise AssertionError("this bundle cannot stand in a <script> element: it holds the element's end")
    return bundle


def _made() -> str:
    # Here, since loading it takes longer than reading what was kept.
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    return bundle


def _read(path: Path) -> str | None:
    if not nobody_else_wrote(path):
        return None
    try:
        return path.read_text(encoding="utf-8") or None
    except (OSError, UnicodeDecodeError):
        return None


def _keep(bundle: str, path: Path) -> None:
    """Whole or not at all: others may be reading it, or making it too. A cache that cannot be written is none."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".js.part")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(bundle)
            os.chmod(name, 0o644)
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
