"""Every private name of aiortc and aioice that loadkit uses is named in a test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from loadkit import transport

#: Files that may use private names; each has a test file of its own.
FILES = ("aiortc_internals", "aiortc_media", "aioice_stun", "aioice_turn", "pylibsrtp_buffers")


def private_names(source: str) -> set[str]:
    """Private attributes of others that a source reads, writes, calls or overrides."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and not (
            isinstance(node.value, ast.Name) and node.value.id == "self"
        ):
            names.add(node.attr)
    return {name for name in names if name.startswith("_") and not name.endswith("__")}


@pytest.mark.parametrize("name", FILES)
def test_each_private_name_is_named_in_a_test(name: str) -> None:
    source = (Path(transport.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    tests = Path(__file__).with_name(f"test_{name}.py").read_text(encoding="utf-8")
    used = private_names(source)
    assert used, f"{name}.py uses no private name any more: leave it out here"
    assert {private for private in used if private not in tests} == set()
