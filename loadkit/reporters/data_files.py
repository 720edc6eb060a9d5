"""The files beside the page: what each is, and how large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loadkit.reporters.wording import NOT_MEASURED, size

#: Every file that a run folder can have, in the order in which the page lists them.
CATALOGUE: Mapping[str, str] = {
    "calls.csv": "one row per call",
    "calls.parquet": "the same, typed, with unit and meaning of each column",
    "turns.csv": "one row per turn of talk",
    "turns.parquet": "the same, typed, with unit and meaning of each column",
    "summary.json": "the numbers of this page",
    "summary.md": "the result in Markdown, for a pull request",
    "junit.xml": "the verdict and each threshold as test cases, for a build server",
    "compare.html": "this run beside its baseline, in pictures",
    "compare.json": "the same, for programs",
    "compare.md": "the same in Markdown, for a pull request",
    "run.json": "raw: settings, versions, machine, marks, start and end",
    "records.jsonl": "raw: one line per call",
    "figures.jsonl": "raw: the generator's processes, once a second",
    "arrivals.jsonl": "raw: arrivals, second by second",
    "health.jsonl": "raw: what the gateway said of itself, poll by poll",
}


@dataclass(frozen=True)
class DataFile:
    """One line of the list."""

    name: str
    size: str
    what: str


def data_files(sizes: Mapping[str, int | None]) -> list[DataFile]:
    """The files that are there, of those that loadkit writes.

    :param sizes: name → bytes; None when not known.
    """
    return [
        DataFile(name, NOT_MEASURED if sizes[name] is None else size(sizes[name]), what)
        for name, what in CATALOGUE.items()
        if name in sizes
    ]
