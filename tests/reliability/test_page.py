"""``docs/reliability.md`` promises only what a test does."""

from __future__ import annotations

import re

from tests.e2e.processes import ROOT

_ROW = re.compile(r"^\| .* \| `(tests/[\w/]+\.py)::(\w+)` \|$", re.MULTILINE)


def test_each_row_names_a_test_that_is_there() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    table = [line for line in page.splitlines() if line.startswith("| ")][2:]
    named = _ROW.findall("\n".join(table))
    assert len(named) == len(table) > 15
    for path, test in named:
        assert re.search(
            rf"^(async )?def {test}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE
        ), test
