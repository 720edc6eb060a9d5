"""``calls.parquet``, ``calls.csv`` and the same of turns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from loadkit.records import CallRecord, TurnRecord, columns
from loadkit.runs import replaced

#: A spreadsheet takes a cell that begins so for a formula, and text from a gateway is untrusted.
_FORMULA = r"\A([=+\-@\t\r])"

#: Columns in which rows differ, as measurements do: a dictionary of their values would only cost time.
_DIFFER = ("call_id", "call_sid", "session_id", "arrival")

#: Rows that are written at once.
_ROWS = 100_000


def write_tables(
    table: pd.DataFrame, record_type: type[CallRecord] | type[TurnRecord], parquet: Path, csv: Path
) -> None:
    """The table as typed Parquet, with unit and meaning beside each column, and as CSV.

    In the CSV, text that a spreadsheet would run as a formula begins with an apostrophe; Parquet holds it as it was.
    """
    schema = _described(pa.Schema.from_pandas(table, preserve_index=False), record_type)
    repeated = [
        field.name for field in schema if not (field.name in _DIFFER or pa.types.is_floating(field.type))
    ]
    options = {"compression": "zstd", "use_dictionary": repeated}
    with replaced(parquet) as beside, pq.ParquetWriter(beside, schema, **options) as writer:
        for rows in _pieces(table):
            writer.write_table(_typed(rows, schema))
    quoting = arrow_csv.WriteOptions(quoting_style="needed")
    with replaced(csv) as beside, arrow_csv.CSVWriter(beside, schema, write_options=quoting) as text:
        for rows in _pieces(table):
            text.write_table(_harmless(_typed(rows, schema)))


def _described(schema: pa.Schema, record_type: type[CallRecord] | type[TurnRecord]) -> pa.Schema:
    """The schema with unit and meaning beside each column."""
    described = columns(record_type)
    return pa.schema(
        [
            field.with_type(
                field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            ).with_metadata({"unit": described[field.name][0], "meaning": described[field.name][1]})
            for field in schema
        ]
    )


def _pieces(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The table some rows at a time, one piece at least: a million calls must not be there once more."""
    for first in range(0, max(1, len(table)), _ROWS):
        yield table.iloc[first : first + _ROWS]


def _typed(table: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pandas(table, preserve_index=False).cast(schema)


def _harmless(table: pa.Table) -> pa.Table:
    """The table with an apostrophe before all text that a spreadsheet would run."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            if not pc.any(pc.match_substring_regex(table[place], _FORMULA)).as_py():
                continue  # nearly always, and looking costs a third of writing anew
            text = pc.replace_substring_regex(table[place], _FORMULA, r"'\1")
            table = table.set_column(place, field.name, text)
    return table
