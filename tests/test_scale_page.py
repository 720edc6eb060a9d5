"""The plan in ``docs/scale.md`` is the one that the measured figures give.

After new figures: python -m tests.test_scale_page
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.scale_plan import plan, table

_PAGE = Path(__file__).resolve().parents[1] / "docs" / "scale.md"
_BLOCK = re.compile(r"(<!-- plan: [^\n]*-->\n).*?(<!-- end of plan -->)", re.DOTALL)


def _made_anew(page: str) -> str:
    made = table(plan(100_000, 90.0, 16))
    return _BLOCK.sub(lambda match: f"{match[1]}\n{made}\n\n{match[2]}", page)


def test_the_page_shows_the_plan_that_the_figures_give() -> None:
    page = _PAGE.read_text(encoding="utf-8")
    assert _made_anew(page) == page


if __name__ == "__main__":
    _PAGE.write_text(_made_anew(_PAGE.read_text(encoding="utf-8")), encoding="utf-8")
