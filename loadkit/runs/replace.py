"""Files that are there whole or not at all: written beside their name, then moved over it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; on leaving, what is there takes the place of ``path``.

    When the block raises, ``path`` stays as it was and nothing is left beside it.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield beside
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of ``path``, whole or not at all."""
    with replaced(path) as beside:
        beside.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Put ``content`` in the place of ``path`` as UTF-8, whole or not at all."""
    # A lone surrogate has no UTF-8: an argument of a command line that is no text is one to Python.
    write_bytes(path, content.encode(errors="replace"))
