"""Which cases are meant by ``--only``, ``--skip`` and ``--kind``."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from loadkit.conformance.case import Case, Kind
from loadkit.errors import SettingsError


def select(
    cases: Sequence[Case],
    *,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    kind: Kind | None = None,
) -> list[Case]:
    """The cases that are meant, in their order.

    A pattern is an id (``hostile.binary``), an area (``hostile``), or either with ``*`` and ``?`` in it.

    :param only: patterns; none means all cases.
    :param skip: patterns of cases to leave out.
    :param kind: cases of this kind alone.
    :raises SettingsError: a pattern that no case has, or nothing is left.
    """
    faults = [
        f"{option} {pattern!r}: no case is called so; --list shows all"
        for option, patterns in (("--only", only), ("--skip", skip))
        for pattern in patterns
        if not any(_matches(case, pattern) for case in cases)
    ]
    chosen = [
        case
        for case in cases
        if (not only or any(_matches(case, pattern) for pattern in only))
        and not any(_matches(case, pattern) for pattern in skip)
        and kind in (None, case.kind)
    ]
    if not faults and not chosen:
        faults.append("no case is left by --only, --skip and --kind together")
    if faults:
        raise SettingsError(faults)
    return chosen


def _matches(case: Case, pattern: str) -> bool:
    return fnmatchcase(case.id, pattern) or fnmatchcase(case.area, pattern)
