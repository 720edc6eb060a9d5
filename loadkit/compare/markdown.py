"""A comparison as Markdown, for the summary of a job or a pull request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from loadkit.compare.judgement import Word
from loadkit.compare.wording import HEAD, about, cells, left_out, measured, method

#: What Markdown, and the HTML in it, would take for its own; text from a gateway is untrusted.
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|<>~&@$:-])")


def compare_markdown(document: Mapping[str, Any]) -> str:
    """What differs in a table, all measures in another that is folded."""
    result, rows = document["result"], measured(document)
    apart = [one for one in rows if one["word"] != Word.SAME]
    parts = [
        f"### Comparison: {_plain(result['status'])}",
        _plain(result["sentence"]),
        f"- baseline: {_plain(about(document['baseline']))}\n- new run: {_plain(about(document['run']))}",
    ]
    if document["not_comparable"] and rows:
        parts.append("Compared although: " + "; ".join(map(_plain, document["not_comparable"])))
    if apart:
        parts.append(_table(apart))
    if rows:
        parts.append(f"<details><summary>All {len(rows)} measures</summary>\n\n{_table(rows)}\n\n</details>")
        parts.append(_plain(method(document)))
    if document["remarks"]:
        parts.append("\n".join(f"- {_plain(remark)}" for remark in document["remarks"]))
    if (text := left_out(document)) is not None:
        parts.append(f"Not compared: {_plain(text)}.")
    return "\n\n".join(parts) + "\n"


def _table(rows: list[Mapping[str, Any]]) -> str:
    lines = [
        "| " + " | ".join(HEAD) + " |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        *("| " + " | ".join(map(_plain, cells(one))) + " |" for one in rows),
    ]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """The text as text: no markup, no mention, no line of its own."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
