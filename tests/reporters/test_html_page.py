from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from loadkit.reporters import write_reports
from loadkit.runs import RunFolder
from tests.synthetic import call_row, clean_run, failed_row, troubled_run, write_run_folder


class Elements(HTMLParser):
    """All start tags of a page, and the text of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts.append(data)


def page_of(folder: RunFolder) -> str:
    write_reports(folder)
    return folder.report.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(troubled_run(tmp_path_factory.mktemp("reports")))


def test_a_page_of_a_thousand_calls_is_small(tmp_path: Path) -> None:
    folder = clean_run(tmp_path, 1_000)
    write_reports(folder)
    assert folder.report.stat().st_size < 1_500_000


def test_nothing_that_a_gateway_sent_becomes_an_element(troubled: str) -> None:
    page = Elements(troubled)
    assert not {tag for tag, _ in page.tags} & {"img", "b", "iframe", "object", "form"}
    assert not [attributes for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert [attributes.get("type") for tag, attributes in page.tags if tag == "script"] == [
        "application/json",
        None,
        None,
    ]
    assert "&lt;script&gt;window.pwned = 1&lt;/script&gt;" in troubled
    assert not re.search(
        r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202e]",
        re.sub(r"<script>.*?</script>", "", troubled, flags=re.S),
    )


def test_the_page_s_own_policy_names_each_script_and_style_and_nothing_else(troubled: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', troubled)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].replace("&#39;", "'").split(";"))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy[1]
    for element, rule in (("script", "script-src"), ("style", "style-src")):
        texts = re.findall(rf"<{element}>(.*?)</{element}>", troubled, re.S)
        hashes = {
            f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in texts
        }
        assert set(rules[rule].split()) == hashes


def test_the_page_links_only_to_files_beside_it(troubled: str) -> None:
    page = Elements(troubled)
    links = {
        value for _, attributes in page.tags for name, value in attributes.items() if name in ("href", "src")
    }
    within = {value for value in links if value and value.startswith("#")}
    assert "#main" in within
    assert {value[1:] for value in within if value} <= {attributes.get("id") for _, attributes in page.tags}
    assert links - within == {
        "data:,",
        "calls.csv",
        "calls.parquet",
        "summary.json",
        "summary.md",
        "junit.xml",
        "run.json",
        "records.jsonl",
        "figures.jsonl",
    }


def test_the_data_of_the_pictures_is_json(troubled: str) -> None:
    data = Elements(troubled).scripts[0]
    assert not set("<>&\u2028\u2029") & set(data)
    assert "error-codes" in json.loads(data)["pictures"]


def test_what_a_busy_person_needs_comes_first(troubled: str) -> None:
    order = [
        "125 of 293 calls failed",
        "The load generator was at its limit",
        "Set-up p95",
        "Worst stage",
        "Why calls failed",
    ]
    order += [
        "no answer came to the offer in time",
        'id="load"',
        'id="set-up"',
        'id="generator"',
        'id="slowest"',
        'id="failed"',
        'id="about"',
    ]
    places = [troubled.index(text) for text in order]
    assert places == sorted(places)


def test_every_table_has_a_caption_and_every_picture_a_description(troubled: str) -> None:
    tags = [tag for tag, _ in Elements(troubled).tags]
    assert tags.count("table") == tags.count("caption") > 5
    pictures = [attributes for tag, attributes in Elements(troubled).tags if attributes.get("role") == "img"]
    assert pictures
    assert all(
        attributes.get("aria-labelledby") and attributes.get("aria-describedby") for attributes in pictures
    )
    levels = [int(level) for level in re.findall(r"<h([1-6])", troubled)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_tables_of_calls_are_bounded_and_show_every_code(tmp_path: Path) -> None:
    rows = [failed_row(number) for number in range(200)] + [
        failed_row(300, "RARE"),
        *map(call_row, range(301, 400)),
    ]
    page = page_of(write_run_folder(tmp_path, rows))
    assert "50 of 201 failed calls" in page
    assert "151 more are left out" in page
    assert "79 faster calls are left out" in page
    assert page.count("<code>RARE</code>") == 1
    assert '<td class="id">RARE</td>' in page


def test_a_run_without_data_has_a_small_page_that_says_so(tmp_path: Path) -> None:
    page = page_of(write_run_folder(tmp_path, []))
    assert "No call was recorded. This run says nothing about the gateway." in page
    assert len(page) < 60_000


def test_settings_are_shown_and_unknown_keys_of_the_run_too(tmp_path: Path) -> None:
    settings = {"a": {"b": "<i>"}, "reports_dir": "/srv/load tests"}
    page = page_of(
        write_run_folder(tmp_path, [], run={"settings": settings, "weather": "rain", "command": ["x", "a b"]})
    )
    assert "a.b</th>" in page
    assert "&lt;i&gt;" in page
    assert "weather" in page
    assert "x &#39;a b&#39;" in page
    assert "python -m loadkit report &#39;/srv/load tests/synthetic&#39;" in page


@pytest.mark.parametrize(("insecure", "told"), [(True, 1), (False, 0), (None, 0)])
def test_an_insecure_run_says_so_at_the_top_of_its_page(
    tmp_path: Path, insecure: bool | None, told: int
) -> None:
    page = page_of(write_run_folder(tmp_path, [], run={"settings": {"tls_insecure": insecure}}))
    top = page.partition('<dl class="tiles')[0]
    assert top.count("Certificates were not verified (--tls-insecure)") == told
