"""Files of other versions: older ones are read, what they lack is not measured; newer ones are refused.

A column that is missing is ``None`` throughout, one that is unknown is left out: that much every version allows. A
version goes up when a column changes its *meaning*; to read such a file as if it had not would be a wrong verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from loadkit import __version__
from loadkit.errors import RunFolderError
from loadkit.records import RECORD_VERSION

#: Of run.json.
RUN_VERSION = 1


def check_record_version(versions: pd.Series[Any]) -> None:
    """See that the meaning of the columns is known.

    :raises RunFolderError: a call was recorded by a newer loadkit.
    """
    if not versions.notna().any():
        return
    newest = int(versions.max())
    if newest > RECORD_VERSION:
        raise RunFolderError(_too_new("records.jsonl", newest, RECORD_VERSION))


def check_run_version(run: Mapping[str, Any]) -> None:
    """The same for ``run.json``.

    :raises RunFolderError: it was written by a newer loadkit.
    """
    version = run.get("version")
    if isinstance(version, int) and version > RUN_VERSION:
        raise RunFolderError(_too_new("run.json", version, RUN_VERSION))


def _too_new(name: str, version: int, known: int) -> str:
    return (
        f"{name} is of version {version}, and this loadkit, {__version__}, reads versions up to {known}: what its "
        "columns mean may have changed; use the loadkit that made it, or a newer one"
    )
