"""A file of one JSON object a line as Arrow tables, a bounded piece at a time; what cannot be read is counted."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.json as arrow_json

#: Bytes that a thread parses at once: with the number of threads, it bounds the memory for a million calls. The C
#: library maps larger ones anew each time, and the system clears them.
BLOCK_BYTES = 4 * 1024 * 1024

#: Threads that parse, at most: a disk gives no more than a few of them enough to do.
_MOST_THREADS = 4

#: Of a line that does not end in the block in which it begins, the most that is read beyond it.
LONGEST_LINE_BYTES = 16 * 1024 * 1024

# Arrow's own allocator keeps what its threads took for parsing: 100 MB that nobody else gets, and more time.
pa.set_memory_pool(pa.system_memory_pool())

#: Stands for a line that is not worth keeping.
_UNREADABLE = b"?\n"

_Parsed = TypeVar("_Parsed")


def parsed(path: Path, parse: Callable[[bytes], _Parsed]) -> Iterator[_Parsed]:
    """What becomes of each block of the file, in their order, made on as many threads as there are processors.

    Arrow parses without Python's lock. Its own threads share one block, and wait for each other at its end.

    :param parse: what it raises is raised here, and nothing runs on behind it.
    """
    threads = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
    pool, ahead = ThreadPoolExecutor(threads, thread_name_prefix="parse"), deque[Future[_Parsed]]()
    try:
        for block in blocks(path):
            ahead.append(pool.submit(parse, block))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


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
    # In one piece: Arrow takes no line that is longer than its own blocks.
    reading = arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1)
    return arrow_json.read_json(pa.BufferReader(block), reading, options)


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
