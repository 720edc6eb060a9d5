"""``compare.html``: both runs in one page that opens offline and asks nobody for anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from loadkit.compare.document import Result
from loadkit.compare.judgement import Word
from loadkit.compare.pictures import pictures
from loadkit.compare.run_data import RunData
from loadkit.compare.wording import HEAD, about, cells, left_out, measured, method
from loadkit.reporters.page_shell import asset, json_in_html, policy, template
from loadkit.reporters.vega_bundle import vega_bundle

_HEADLINES = {
    Result.WORSE: ("Worse", "fail"),
    Result.BETTER: ("Better", "pass"),
    Result.SAME: ("Cannot be told apart", "pass"),
    Result.NOT_COMPARABLE: ("Not comparable", "nodata"),
    Result.NO_DATA: ("Nothing to compare", "nodata"),
}
_MOODS = {Word.WORSE: "bad", Word.BETTER: "good"}


def compare_page(document: Mapping[str, Any], a: RunData, b: RunData) -> str:
    """The whole page; pictures only of what was compared."""
    drawn = pictures(document, a, b) if measured(document) else []
    css, script = asset("page.css"), asset("page.js")
    bundle = vega_bundle() if drawn else ""
    word, css_class = _HEADLINES[Result(document["result"]["status"])]
    if document["anyway"] and css_class == "pass":
        css_class = "nodata"  # what was not comparable is never green
    return template("compare.html.j2").render(
        policy=policy([bundle, script] if drawn else [script], css),
        css=Markup(css),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        bundle=Markup(bundle),  # noqa: S704 - vl-convert's file
        specs=json_in_html({picture.name: picture.spec for picture in drawn}),
        status_word=word,
        status_class=css_class,
        sentence=document["result"]["sentence"],
        baseline=about(document["baseline"]),
        new_run=about(document["run"]),
        against=document["not_comparable"] if document["anyway"] else [],
        remarks=document["remarks"],
        pictures=drawn,
        head=HEAD,
        rows=[{"cells": cells(one), "mood": _MOODS.get(Word(one["word"]), "")} for one in measured(document)],
        left_out=left_out(document),
        method=method(document),
    )
