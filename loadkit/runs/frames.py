"""Arrow columns as pandas tables, without a moment in which a million calls are there twice."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
import pyarrow as pa

_PANDAS = {pa.string(): pd.StringDtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}

#: A column each, in the order of the schema.
Piece = list[pa.Array]


class Pile:
    """The pieces of a table, column by column, until all are there.

    :param alike: columns of text that nearly all rows share, which is kept once.
    """

    def __init__(self, schema: pa.Schema, alike: Collection[str] = ()) -> None:
        self._schema, self._alike = schema, alike
        self._columns: list[list[pa.Array]] = [[] for _ in schema]

    def piece(self, columns: Piece) -> Piece:
        """Some rows as they are kept; changes nothing, so that threads can make theirs at the same time."""
        return [
            column.dictionary_encode() if field.name in self._alike else column
            for field, column in zip(self._schema, columns, strict=True)
        ]

    def add(self, piece: Piece) -> None:
        """Some more rows."""
        for pieces, column in zip(self._columns, piece, strict=True):
            pieces.append(column)

    def once(self, key: list[str]) -> bool:
        """Whether no two rows have the same values in these columns."""
        table = pa.table({name: self._chunks(self._schema.get_field_index(name)) for name in key})
        return bool(table.group_by(key).aggregate([]).num_rows == table.num_rows)

    def taken(self) -> pd.DataFrame:
        """All rows; the pile is empty afterwards.

        Column by column, each given back as it is taken over.
        """
        columns = {}
        for place, field in enumerate(self._schema):
            table = pa.table({field.name: self._chunks(place)}).unify_dictionaries()
            self._columns[place].clear()
            columns[field.name] = as_frame(table)[field.name]
        return pd.DataFrame(columns, copy=False)

    def _chunks(self, place: int) -> pa.ChunkedArray:
        field = self._schema.field(place)
        kind = pa.dictionary(pa.int32(), field.type) if field.name in self._alike else field.type
        return pa.chunked_array(self._columns[place], type=kind)


def as_frame(table: pa.Table) -> pd.DataFrame:
    """The table with pandas' types; it gives its columns away, and must not be used afterwards."""
    frame: pd.DataFrame = table.to_pandas(types_mapper=_PANDAS.get, split_blocks=True, self_destruct=True)
    return frame
