"""``calls.parquet``, ``calls.csv`` and the same of turns."""

from __future__ import annotations

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


def write_tables(
    table: pd.DataFrame, record_type: type[CallRecord] | type[TurnRecord], parquet: Path, csv: Path
) -> None:
    """The table as typed Parquet, with unit and meaning beside each column, and as CSV.

    In the CSV, text that a spreadsheet would run as a formula begins with an apostrophe; Parquet holds it as it was.
    """
    described = columns(record_type)
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    fields = [
        field.with_metadata({"unit": described[field.name][0], "meaning": described[field.name][1]})
        for field in arrow.schema
    ]
    with replaced(parquet) as beside:
        pq.write_table(arrow.cast(pa.schema(fields)), beside, compression="zstd")
    with replaced(csv) as beside:
        arrow_csv.write_csv(_harmless(arrow), beside, arrow_csv.WriteOptions(quoting_style="needed"))


def _harmless(table: pa.Table) -> pa.Table:
    """The table with an apostrophe before all text that a spreadsheet would run."""
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            text = pc.replace_substring_regex(table[place], _FORMULA, r"'\1")
            table = table.set_column(place, field.name, text)
    return table
