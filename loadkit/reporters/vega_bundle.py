"""The JavaScript that draws the pictures: Vega, Vega-Lite and Vega-Embed, as vl-convert carries them."""

from __future__ import annotations

from functools import lru_cache

import vl_convert

#: The Vega-Lite that Altair's specifications are written for.
VEGA_LITE = "6.4"


@lru_cache(maxsize=1)
def vega_bundle() -> str:
    """The bundle, which sets ``window.vegaEmbed``; making it takes about two seconds, once per process.

    It holds Vega's expression interpreter, so that a page that forbids ``eval`` can use it.
    """
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    if "</script" in bundle.lower() or "<!--" in bundle:
        raise AssertionError("this bundle cannot stand in a <script> element: it holds the element's end")
    return bundle
