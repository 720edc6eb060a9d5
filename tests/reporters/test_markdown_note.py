from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from loadkit.reporters.markdown_note import LONGEST, markdown_note
from loadkit.reporters.markdown_text import cell_code, code, prose, table
from loadkit.reporters.run_report import summary_of
from loadkit.runs.reader import read_run
from tests.reporters.test_junit_xml import THRESHOLD
from tests.synthetic import clean_run, run_document, troubled_run

HOSTILE = (
    "[click](http://example.invalid) ![x](http://example.invalid/x.png) <img src=x> <!-- ",
    "@somebody and @org/team, see #1, org/repo#2, GH-3, !4 %5 ~label $6 &7 user@example.invalid",
    "www.example.invalid http://example.invalid <http://example.invalid> ftp://x.invalid :tada: $x$",
    "a | b || c \\| d `e` ``` *f* _g_ ~~h~~ ***",
    "# heading\n- item\n> quote\n\n| a |\n|---|",
    "\\",
    "`",
)
#: Tokens of CommonMark and tables that a text must not bring about.
ACTIVE = {"link_open", "image", "html_inline", "html_block", "em_open", "strong_open", "s_open", "fence"}
#: What GitHub and GitLab look for in text that is no code.
_NAMED = re.compile(r"(?<!\w)[@#!~&]\w|\w@\w|(?i:\bwww\.|\bgh-\d|://)|:\w+:|\$\S|%[\w\"]")

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return summary_of(clean_run(tmp_path_factory.mktemp("clean"), 60))


def inline(text: str) -> list[Token]:
    """All tokens within paragraphs and cells."""
    return [child for token in MARKDOWN.parse(text) for child in token.children or ()]


def of_type(text: str, name: str) -> int:
    return sum(token.type == name for token in MARKDOWN.parse(text))


def all_hostile(function: Any) -> Any:
    for text in HOSTILE:
        function = example(text)(function)
    return settings(max_examples=60, deadline=None)(given(st.text(max_size=60))(function))


@all_hostile
def test_prose_shows_text_and_does_nothing_else(text: str) -> None:
    rows = [(prose(text), "1"), ("after", "2")]
    document = "\n".join(["before", "", *table(("a", "b"), "lr", rows), "", f"x {prose(text)}"])
    assert not {token.type for token in inline(document)} & (ACTIVE | {"code_inline"})
    assert of_type(document, "tr_open") == 3
    assert of_type(document, "td_open") == 4
    assert of_type(document, "heading_open") == of_type(document, "list_item_open") == 0
    for block in MARKDOWN.parse(document):
        shown = "".join(token.content for token in block.children or () if token.type.startswith("text"))
        assert not _NAMED.search(shown)


@all_hostile
def test_prose_at_the_beginning_of_a_line_is_a_paragraph(text: str) -> None:
    assert {token.type for token in MARKDOWN.parse(prose(text))} <= {
        "paragraph_open",
        "inline",
        "paragraph_close",
    }


@all_hostile
def test_code_stays_code_in_a_paragraph_and_in_a_cell(text: str) -> None:
    document = "\n".join([*table(("a", "b"), "ll", [(cell_code(text), "1")]), "", f"x {code(text)} y"])
    assert not {token.type for token in inline(document)} & ACTIVE
    assert sum(token.type == "code_inline" for token in inline(document)) == 2
    assert of_type(document, "td_open") == 2


def test_the_note_says_what_a_reader_asks_first(clean: dict[str, Any]) -> None:
    passed = {
        **THRESHOLD,
        "name": "failed < 1%",
        "text": "failed < 1%",
        "value": 0.0,
        "unit": "%",
        "status": "pass",
    }
    nothing = {
        **THRESHOLD,
        "name": "x",
        "text": "ice_ms p99 < 1s",
        "value": None,
        "count": 0,
        "status": "no data",
    }
    text = markdown_note({**clean, "thresholds": [passed, THRESHOLD, nothing]}, run_document())
    assert text.startswith("## ✅ loadkit: PASS\n")
    for line in (
        "| `set-up: setup_ms p95 < 800` | 912 ms | 60 | ❌ fail |",
        "| `failed < 1%` | 0 % | 60 | ✅ pass |",
        "| `x: ice_ms p99 < 1s` | – | 0 | ⚠️ no data |",
        "`locust -f locustfile.py --headless -u 50 -r 5 -t 110s`",
        "### Load generator",
    ):
        assert line in text
    assert re.search(r"^\| set-up \| [\d,]+ ms \| [\d,]+ ms \| [\d,]+ ms \|", text, re.MULTILINE)
    assert re.search(r"^\| turn latency \| [\d,]+ ms \|", text, re.MULTILINE)
    assert text.index("set-up: setup_ms") < text.index("failed < 1%"), "what is wrong comes first"
    assert "### Failures" not in text


def test_the_note_of_a_troubled_run_holds_nothing_active(tmp_path: Path) -> None:
    folder = troubled_run(tmp_path, 80)
    text = markdown_note(summary_of(folder), read_run(folder))
    # The only bold words are ours.
    assert not {token.type for token in inline(text)} & (ACTIVE - {"strong_open"})
    assert "window.pwned" in text
    assert "**not fit**" in text


def test_the_note_is_never_longer_than_a_comment_may_be(clean: dict[str, Any]) -> None:
    long = "@| " * 10_000
    thresholds = [{**THRESHOLD, "name": f"{number}{long}", "text": long} for number in range(500)]
    summary = {
        **clean,
        "thresholds": thresholds,
        "errors": {f"{number}{long}": 1 for number in range(500)},
        "calls": {**clean["calls"], "failed": 500},
        "verdict": {"status": "fail", "sentence": long},
        "generator": {**clean["generator"], "fit": False, "unfit_reasons": [long] * 500},
    }
    text = markdown_note(summary, run_document(command=[long] * 50, host=long))
    assert len(text.encode()) <= LONGEST
    assert "more in `summary.json`" in text
