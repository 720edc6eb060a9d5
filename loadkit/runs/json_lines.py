"""A file of one JSON object a line as Arrow tables, a bounded piece at a time; what cannot be read is counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json as arrow_json

#: Bytes that are parsed at once: bounds the memory for a million calls.
BLOCK_BYTES = 16 * 1024 * 1024

#: Of a line that does not end in the block in which it begins, the most that is read beyond it.
LONGEST_LINE_BYTES = 16 * 1024 * 1024

# Arrow's own allocator keeps what its threads took for parsing: 100 MB that nobody else gets, and more time.
pa.set_memory_pool(pa.system_memory_pool())

#: Stands for a line that is not worth keeping.
_UNREADABLE = b"?\n"


def blocks(path: Path) -> Iterator[bytes]:
    """The file in pieces of whole lines; a torn last line is a line, and one that is far too long an unreadable one.

    A crash may leave gigabytes without a line's end: zeros, mostly. No record is as long as that.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        while block := file.read(BLOCK_BYTES):
            rest = file.readline(LONGEST_LINE_BYTES)
            if rest.endswith(b"\n") or len(rest) < LONGEST_LINE_BYTES:
                yield block + rest
                continue
            yield block[: block.rfind(b"\n") + 1]
            yield _UNREADABLE
            while len(rest) == LONGEST_LINE_BYTES and not rest.endswith(b"\n"):
                rest = file.readline(LONGEST_LINE_BYTES)


def as_table(block: bytes, schema: pa.Schema) -> pa.Table:
    """A block of lines as a table, columns that are not in the schema left out.

    :raises ValueError: at least one line is spoilt; some of these are ``pa.ArrowException``.
    """
    block.decode()  # Arrow does not look whether text is UTF-8
    options = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    return arrow_json.read_json(pa.BufferReader(block), parse_options=options)


def give_back() -> None:
    """Give free memory back to the system, of which the C library keeps hundreds of megabytes after a large table."""
    pa.default_memory_pool().release_unused()


def line_by_line(
    block: bytes, fitted: Callable[[Any], dict[str, Any]], schema: pa.Schema
) -> tuple[pa.Table, int]:
    """The same, when at least one line is spoilt, and how many are.

    :param fitted: what a line's value is as a row; it raises what a spoilt one raises.
    """
    rows, unreadable = [], 0
    for line in _lines(block):
        try:
            rows.append(fitted(json.loads(line)))
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            unreadable += 1
    return pa.Table.from_pylist(rows, schema=schema), unreadable


def _lines(block: bytes) -> Iterable[bytes]:
    return (line for line in block.split(b"\n") if line.strip())
