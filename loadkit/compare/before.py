"""Why a run that has not begun cannot be compared with its baseline: all that is known without its calls.

The same reasons as :func:`~loadkit.compare.comparable.reasons_against` gives after the run, each with what to do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from loadkit.analysis.limits import Limits
from loadkit.compare.comparable import differing_hosts, differing_settings, fewer_callers, too_little, unfit
from loadkit.compare.run_data import read_run_data
from loadkit.runs.folder import RunFolder
from loadkit.runs.reader import read_run

#: The embedded gateway, which has no port yet.
_EMBEDDED = "ws://127.0.0.1"
_BASELINE = "the baseline"


def reasons_before(
    folder: RunFolder, settings: Mapping[str, Any], host: str | None, users: int | None = None
) -> list[str]:
    """Sentences for people; empty when nothing is known against the comparison yet.

    :param folder: of the baseline.
    :param settings: of the run, as ``run.json`` will have them.
    :param host: of the run; empty for the embedded gateway, None while a page may still say another.
    :param users: callers that there will be at most; None when nobody has said, or arrivals are the load.
    :raises RunFolderError: the baseline was written by a newer loadkit.
    """
    run = read_run(folder)
    before = run.get("settings")
    differing = differing_settings(before, settings) if isinstance(before, Mapping) else []
    hosts = [] if host is None else differing_hosts(run.get("host"), host or _EMBEDDED)
    return [
        *(f"{told}; name a run of the same test, or give this one the same" for told in differing),
        *(f"{told}; name a run against the same gateway, or call that one" for told in hosts),
        *_of_baseline(_summarised(folder, run) or _recorded(folder), users),
    ]


def _of_baseline(known: _Known, users: int | None) -> Iterator[str]:
    if users is not None and known.callers is not None:
        for told in fewer_callers(known.callers, users):
            yield f"{told}; ask for {known.callers:,} with -u, or name a run with fewer callers"
    for told in too_little(known.finished, _BASELINE):
        yield f"{told}; name a longer run"
    for told in unfit(known.fit, known.unfit_reasons, _BASELINE):
        yield f"{told.rstrip('.')}; name a run whose generator was fit, or make that one again when this is mended"


@dataclass(frozen=True)
class _Known:
    finished: int
    fit: bool | None
    unfit_reasons: tuple[str, ...]
    callers: int | None
    """None when its summary is older than this number."""


def _summarised(folder: RunFolder, run: Mapping[str, Any]) -> _Known | None:
    """Out of its summary, which is there at once, of a run of days too; None when there is none, or one that judged the
    generator by other limits than a comparison does."""
    try:
        summary = json.loads(folder.summary.read_bytes())
        calls, generator = summary["calls"], summary["generator"]
        if generator["limits"] != asdict(Limits.of(run.get("settings"))):
            return None
        finished = calls["completed"] + calls["failed"] + calls["hung_up"]
        callers = None if calls.get("callers") is None else int(calls["callers"])
        return _Known(int(finished), generator["fit"], tuple(map(str, generator["unfit_reasons"])), callers)
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None


def _recorded(folder: RunFolder) -> _Known:
    """Out of its raw files."""
    data = read_run_data(folder)
    return _Known(len(data.finished), data.fit, data.unfit_reasons, data.calls["user"].nunique())
