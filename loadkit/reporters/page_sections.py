"""The report page as data: sections with a heading, each a list of tables and pictures in the order of reading.

Who adds something to the page makes a :class:`Section` (or several) and puts it into the list in
:func:`loadkit.reporters.html_page.html_page`. Everything in it is bounded by bins and rows that were chosen, never by
the number of calls. Pictures over time (``zooms``) get the run's marks, and pictures of a ``measure`` its limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, TypeAlias

from loadkit.reporters.chart_style import Picture
from loadkit.reporters.page_tables import CallTable, DistributionTable


@dataclass(frozen=True)
class Panel:
    """One choice of :class:`Panels`, shown alone."""

    name: str
    """Unique in the page, fit for an ``id``."""
    label: str
    parts: Sequence[CallTable | DistributionTable | Picture]

    @property
    def blocks(self) -> list[tuple[str, list[Part]]]:
        """As those of a :class:`Section`."""
        return blocks(self.parts)


@dataclass(frozen=True)
class Panels:
    """The same matter cut in several ways, of which the reader chooses one; without JavaScript all are shown."""

    legend: str
    panels: Sequence[Panel]


Part: TypeAlias = CallTable | DistributionTable | Picture | Panels


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it."""

    name: str
    """Unique in the page, fit for an ``id``; links lead to it."""
    title: str
    parts: Sequence[Part]
    text: str = ""
    """What the section says, in a sentence or two; plain text."""
    short: str = field(default="", kw_only=True)
    """Its name in the list of contents, when the title is long."""

    @property
    def blocks(self) -> list[tuple[str, list[Part]]]:
        """Kind and members: neighbouring pictures stand in one grid."""
        return blocks(self.parts)

    def redrawn(self, change: Callable[[Picture], Picture]) -> Section:
        """The section with every picture changed, those in panels too."""
        return replace(self, parts=_redrawn(self.parts, change))

    @property
    def over_time(self) -> bool:
        """Whether it has a picture that zooms."""
        return any(picture.zooms and picture.spec for picture in self.pictures)

    @property
    def pictures(self) -> Iterator[Picture]:
        """All pictures, those in panels too."""
        return _pictures(self.parts)


def blocks(parts: Sequence[Part]) -> list[tuple[str, list[Part]]]:
    """The parts by kind, in their order: ``pictures``, ``table``, ``spread`` or ``panels``."""
    grouped = groupby(parts, _kind)
    return [
        (kind, [*members] if kind == "pictures" else [member])
        for kind, group in grouped
        for members in [list(group)]
        for member in (members[:1] if kind == "pictures" else members)
    ]


def _redrawn(parts: Sequence[Part], change: Callable[[Picture], Picture]) -> list[Any]:
    found: list[Any] = []
    for part in parts:
        if isinstance(part, Picture):
            found.append(change(part))
        elif isinstance(part, Panels):
            panels = [replace(panel, parts=_redrawn(panel.parts, change)) for panel in part.panels]
            found.append(replace(part, panels=panels))
        else:
            found.append(part)
    return found


def _kind(part: Part) -> str:
    if isinstance(part, Picture):
        return "pictures"
    if isinstance(part, Panels):
        return "panels"
    return "spread" if isinstance(part, DistributionTable) else "table"


def _pictures(parts: Sequence[Part]) -> Iterator[Picture]:
    for part in parts:
        if isinstance(part, Picture):
            yield part
        elif isinstance(part, Panels):
            for panel in part.panels:
                yield from _pictures(panel.parts)


def section_of(table: CallTable) -> Section:
    """A table that is a section of its own."""
    return Section(table.name, table.title, [table])
