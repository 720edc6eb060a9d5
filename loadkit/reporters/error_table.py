"""Why calls failed: every error code with what it means and what to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.reporters.headline import error_rows, failed_stages
from loadkit.reporters.page_tables import CallTable, Column
from loadkit.reporters.wording import plural


def error_table(summary: Mapping[str, Any]) -> list[CallTable]:
    """One table, or none when no call failed."""
    errors = error_rows(summary)
    if not errors:
        return []
    caption = (
        f"{plural(summary['calls']['failed'], 'failed call')} by error code, most frequent first. By stage: "
    )
    heads = [
        Column("Error code", "code"),
        Column("Calls", "n"),
        Column("Share", "n"),
        Column("What happened", "text"),
        Column("What to look at", "text"),
    ]
    rows = [[error.code, error.count, error.share, error.meaning, error.look_at] for error in errors]
    return [CallTable("errors", "Error codes", f"{caption}{failed_stages(summary)}.", heads, rows, "", True)]
