"""What ``--fail-on-drift`` makes of a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.analysis.verdict import Status, Verdict


def with_drift(verdict: Verdict, drift: Mapping[str, Any] | None, run: Mapping[str, Any]) -> Verdict:
    """The verdict, and what drift does to it when the run's settings ask for that: only a pass can be spoilt.

    What got worse fails; a run that was too short to say has no data, since no data is never a pass.

    :param drift: that part of the summary.
    :param run: the content of ``run.json``.
    """
    settings = run.get("settings")
    asked = isinstance(settings, Mapping) and settings.get("fail_on_drift") is True
    if not asked or verdict.status is not Status.PASS:
        return verdict
    if drift is None:
        return Verdict(Status.NO_DATA, f"Nobody can say whether anything drifted. {verdict.sentence}")
    if drift["status"] == "drifts" and drift["direction"] == "worse":
        return Verdict(Status.FAIL, f"{drift['sentence']} {verdict.sentence}")
    if drift["status"] == "too short to say":
        return Verdict(Status.NO_DATA, f"{drift['sentence']} {verdict.sentence}")
    return verdict
