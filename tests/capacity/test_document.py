"""``capacity.json`` has the keys that its page lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadkit.capacity.document import document
from loadkit.capacity.driver import Driver
from tests.capacity.fake_gateway import Silent, load_test, options, summary_of

PAGE = Path(__file__).parents[2] / "docs" / "capacity.md"


def keys(value: Any, name: str = "") -> Iterator[str]:
    """Every key of a document, ``steps[].load``; those of ``errors`` are codes."""
    if isinstance(value, dict) and not name.endswith("errors"):
        for key, inner in value.items():
            yield from keys(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for inner in value:
            yield from keys(inner, f"{name}[]")
    else:
        yield name


def test_the_page_lists_every_key_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadkit.capacity.driver.write_reports", summary_of)
    asked = options(max_steps=2, at_least=8)
    outcome = Driver(asked, load_test(tmp_path, limit=9), Silent(), 5.0).run()
    made = document(outcome, asked, capacity_id="x", host=None, command=["x"], started_at=0.0, ended_at=1.0)
    table = PAGE.read_text(encoding="utf-8").partition("## capacity.json")[2]
    rows = [row.split("|")[1] for row in re.findall(r"^\| `.*$", table, re.MULTILINE)]
    assert {key for row in rows for key in re.findall(r"`([\w\[\].]+)`", row)} == set(keys(made))
