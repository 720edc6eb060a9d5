"""``docs/record.md`` out of the columns of the record; ``python -m tests.reporters.record_page`` writes it anew."""

from __future__ import annotations

from pathlib import Path

from loadkit.records import RECORD_VERSION, CallRecord, TurnRecord, columns

PAGE = Path(__file__).parents[2] / "docs" / "record.md"

_HEAD = f"""# The record of a call

One row per call in `calls.parquet` and `calls.csv`, one row per turn of talk in `turns.parquet` and `turns.csv`;
version {RECORD_VERSION} of the columns. The raw rows are in `records.jsonl`, one line per call:
`{{"call": {{…}}, "turns": [{{…}}, …]}}`.

An empty cell means *not measured* or *does not apply*; it is never written as 0. Durations whose name ends in `_ms` are
in milliseconds. Names that W3C webrtc-stats has are used as they are, in its unit (seconds).

Text that comes from a gateway (`error_code`, `error_message`, `session_id`, `ice_servers_error`) is untrusted. In the
CSV files, text that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a carriage
return) has an apostrophe before it; the Parquet files and `records.jsonl` hold it as it came. The Parquet files carry
unit and meaning of each column as metadata of its field.

This page is made from `loadkit/records.py` by `python -m tests.reporters.record_page`, and a test holds it in step.
"""


def record_page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, record_type in (("Calls", CallRecord), ("Turns", TurnRecord)):
        rows = [
            f"| `{name}` | {unit} | {meaning} |" for name, (unit, meaning) in columns(record_type).items()
        ]
        parts.append(
            "\n".join([f"## {title}\n", "| column | unit | meaning |", "| --- | --- | --- |", *rows]) + "\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(record_page(), encoding="utf-8")
