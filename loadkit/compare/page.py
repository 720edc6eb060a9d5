"""``compare.html``: both runs in one page that opens offline and asks nobody for anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.compare.document import Result
from loadkit.compare.judgement import Word
from loadkit.compare.pictures import pictures
from loadkit.compare.run_data import RunData
from loadkit.compare.wording import HEAD, about, cells, left_out, measured, method
from loadkit.reporters.page_shell import rendered

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
    word, css_class = _HEADLINES[Result(document["result"]["status"])]
    if document["anyway"] and css_class == "pass":
        css_class = "nodata"  # what was not comparable is never green
    return rendered(
        "compare.html.j2",
        drawn,
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
