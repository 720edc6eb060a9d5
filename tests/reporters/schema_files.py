"""``docs/summary.schema.json`` and ``docs/record.schema.json``; ``python -m tests.reporters.schema_files`` writes them.

What a key means stands in the table of ``docs/summary.md``, and from there it comes into the schema.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

from loadkit.reporters.summary_schema import Schema, record_schema, summary_schema

_DOCS = Path(__file__).parents[2] / "docs"
_SUMMARY_PAGE = _DOCS / "summary.md"
SUMMARY_SCHEMA = _DOCS / "summary.schema.json"
RECORD_SCHEMA = _DOCS / "record.schema.json"


def schema_files() -> dict[Path, str]:
    """File → what it is to hold."""
    return {SUMMARY_SCHEMA: _text(_described(summary_schema())), RECORD_SCHEMA: _text(record_schema())}


def meanings() -> dict[str, str]:
    """Key of the summary, dotted → unit and meaning, without Markdown."""
    text = _SUMMARY_PAGE.read_text(encoding="utf-8").partition("## Keys")[2]
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) ?\| (.+) \|$", text, re.MULTILINE)
    return {key: _plain(f"{meaning} ({unit})" if unit else meaning) for key, unit, meaning in rows}


def _plain(markdown: str) -> str:
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", markdown)
    return text.replace("`", "").replace("*", "")


def _described(schema: Schema) -> Schema:
    found = deepcopy(schema)
    _describe(found, "", meanings())
    return found


def _describe(schema: Schema, prefix: str, known: dict[str, str]) -> None:
    """Put the meaning of each key beside its type, and likewise within it."""
    for inner in [schema, *schema.get("anyOf", ())]:
        for name, value in inner.get("properties", {}).items():
            inner["properties"][name] = described = deepcopy(value)
            path = f"{prefix}{name}"
            if path in known:
                described["description"] = known[path]
            _describe(described, f"{path}.", known)
        named = inner.get("additionalProperties")
        if isinstance(named, dict):
            keys = [key for key in known if re.match(rf"{re.escape(prefix)}<\w+>", key)]
            if keys:
                place = keys[0][len(prefix) :].partition(".")[0]
                inner["additionalProperties"] = described = deepcopy(named)
                if f"{prefix}{place}" in known:
                    described["description"] = known[f"{prefix}{place}"]
                _describe(described, f"{prefix}{place}.", known)
        items = inner.get("items")
        if isinstance(items, dict):
            _describe(items, f"{prefix.removesuffix('.')}[].", known)


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for path, text in schema_files().items():
        path.write_text(text, encoding="utf-8")
