"""The first lines of a package that list its modules list all of them, and none that is gone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "loadkit"


def listed(init: Path) -> set[str]:
    words = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
    return set(re.findall(r"(?m)^\s*(\w+\.py)\*?\s", words))


MAPS = {init: names for init in sorted(PACKAGE.rglob("__init__.py")) if (names := listed(init))}


def test_there_are_maps() -> None:
    assert len(MAPS) >= 10


@pytest.mark.parametrize("init", MAPS, ids=lambda init: init.parent.relative_to(PACKAGE).as_posix())
def test_a_map_names_every_module_of_its_package_and_nothing_else(init: Path) -> None:
    there = {path.name for path in init.parent.glob("*.py") if not path.name.startswith("__")}
    assert MAPS[init] == there, f"{init.parent.name}/__init__.py does not list its modules as they are"
