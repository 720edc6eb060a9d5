"""``docs/faults.md`` says what there is, and what it says is so: every call on it is placed again."""

from __future__ import annotations

import pytest

from loadkit.gateway.faults.grammar import read_faults
from loadkit.gateway.faults.kinds import KINDS, keys_of
from loadkit.records import CallRecord, columns
from tests.gateway.faults.demonstrations import DEMONSTRATIONS, complaints, demonstrate, holds
from tests.gateway.faults.page import PAGE, figures_on_page, kind_of, page, toml_on_page

TEXT = PAGE.read_text(encoding="utf-8")


def test_every_kind_is_demonstrated() -> None:
    assert {kind_of(demonstration) for demonstration in DEMONSTRATIONS} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_every_kind_with_its_keys(kind: str) -> None:
    section = TEXT.partition(f"\n## {kind}\n")[2].partition("\n## ")[0]
    for name, meaning in keys_of(KINDS[kind]).items():
        assert f"| `{name}` | {meaning} |" in section, "run: python -m tests.gateway.faults.page"


def test_the_page_is_in_step_but_for_its_figures() -> None:
    def without_figures(text: str) -> list[str]:
        return [line.partition(" | ")[0] + line.rpartition(" | ")[2] for line in text.splitlines()]

    fresh = page([CallRecord() for _ in DEMONSTRATIONS])
    assert without_figures(fresh) == without_figures(TEXT), "run: python -m tests.gateway.faults.page"


def test_every_figure_on_the_page_is_as_it_is_said_to_be_in_every_call() -> None:
    shown = figures_on_page(TEXT)
    assert list(shown) == [demonstration.fault for demonstration in DEMONSTRATIONS]
    for demonstration in DEMONSTRATIONS:
        figures = shown[demonstration.fault]
        assert {"outcome", *demonstration.tells} <= set(figures) <= set(columns(CallRecord))
        for column, (figure, condition) in figures.items():
            assert holds(figure, condition), (demonstration.fault, column, figure, condition)


def test_every_table_of_toml_on_the_page_is_a_fault(tmp_path_factory: pytest.TempPathFactory) -> None:
    for number, block in enumerate(toml_on_page(TEXT)):
        file = tmp_path_factory.mktemp("toml") / "faults.toml"
        file.write_text(block, encoding="utf-8")
        faults, mistakes = read_faults(file, [])
        assert mistakes == []
        if number:
            # The first block is the example of a file.
            assert faults == read_faults(None, [DEMONSTRATIONS[number - 1].fault])[0]


async def test_every_call_on_the_page_ends_again_as_the_page_says() -> None:
    records = await demonstrate()
    wrong = {
        demonstration.fault: found
        for demonstration, record in zip(DEMONSTRATIONS, records, strict=True)
        if (found := complaints(demonstration, record))
    }
    assert wrong == {}
