"""What docs/thresholds.md says can be read."""

from __future__ import annotations

import re
from pathlib import Path

from loadkit.thresholds.grammar import parse_threshold
from loadkit.thresholds.measures import FILTERS
from loadkit.thresholds.slo_file import read_slo_file

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "thresholds.md").read_text(encoding="utf-8")


def test_every_threshold_in_a_command_of_any_page_can_be_read() -> None:
    pages = [*DOCS.glob("*.md"), DOCS.parent / "README.md"]
    texts = [
        text for page in pages for text in re.findall(r'--slo "([^"]+)"', page.read_text(encoding="utf-8"))
    ]
    assert len(texts) > 5
    for text in texts:
        parse_threshold(text)


def test_the_examples_of_the_grammar_can_be_read() -> None:
    examples = re.findall(r"`([^`\n]+ [<>]=? [^`\n]+)`", PAGE.partition("## A file")[0])
    assert len(examples) > 5
    for text in examples:
        parse_threshold(text)


def test_every_column_that_a_filter_can_name_is_on_the_page() -> None:
    row = re.search(r"^\| column \|(.*)$", PAGE, re.MULTILINE)
    assert row is not None
    assert re.findall(r"`([a-z_]+)`", row[1]) == [*FILTERS[:5], "failed", *FILTERS[5:]]


def test_the_file_on_the_page_has_no_fault(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    path = tmp_path / "slo.toml"
    path.write_text(block)
    assert read_slo_file(path).faults == ()
    assert len(read_slo_file(path).thresholds) == 2
