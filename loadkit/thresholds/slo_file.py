"""A file of thresholds, in TOML.

preset = "typical"              # smoke, typical or strict: what holds where the file says nothing else
warm_up = "30s"                 # calls that were meant to start in these first seconds are left out
min_count = 50                  # values without which no threshold is decided

[thresholds]
"set-up" = "setup_ms p95 < 1500"
"turns, half" = false           # the preset's threshold of that name, left out
tables = { slo = "failed < 2% where scenario = book_a_table", min_count = 200 }
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadkit.settings_model import parse_duration
from loadkit.thresholds.grammar import ThresholdError, parse_threshold
from loadkit.thresholds.objectives import Objective
from loadkit.thresholds.presets import PRESETS, check_preset

_KEYS = ("preset", "warm_up", "min_count", "thresholds")
_KEYS_OF_ONE = ("slo", "min_count")
_MOST_BYTES = 1_000_000
_LONGEST_S = 7 * 86_400


@dataclass(frozen=True)
class SloFile:
    """What a file says, as far as it can be read."""

    preset: str | None = None
    warm_up_s: float | None = None
    min_count: int = 0
    thresholds: tuple[Objective, ...] = ()
    left_out: tuple[str, ...] = ()
    """Names of the preset's thresholds that do not count."""
    faults: tuple[str, ...] = ()
    """Each with the file, the key and, in a threshold, the place; nothing may start with one."""


def read_slo_file(path: Path) -> SloFile:
    """Read a file; what is wrong with it is told in ``faults``, all of it at once."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            return SloFile(faults=(f"{path}: it is larger than 1 MB, which no file of thresholds is",))
        document = tomllib.loads(text.decode())
    except OSError as exc:
        return SloFile(faults=(f"{path}: it cannot be read: {exc.strerror or exc}",))
    except tomllib.TOMLDecodeError as exc:
        reason = str(exc)
        return SloFile(faults=(f"{path}: it is no TOML: {reason[:1].lower()}{reason[1:]}",))
    except (UnicodeDecodeError, RecursionError):
        return SloFile(faults=(f"{path}: it is no TOML: it is no text in UTF-8",))
    return _Reading(path).read(document)


class _Reading:
    """One file as it is read, with the faults found so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._faults: list[str] = []

    def read(self, document: Mapping[str, Any]) -> SloFile:
        self._known(document, _KEYS, "")
        preset = document.get("preset")
        if preset is not None:
            try:
                check_preset(preset if isinstance(preset, str) else repr(preset))
            except ValueError as exc:
                self._fault("preset", str(exc))
                preset = None
        table = document.get("thresholds", {})
        if not isinstance(table, dict):
            self._fault(
                "thresholds", 'it is no table; write [thresholds] and below it name = "setup_ms p95 < 1500"'
            )
            table = {}
        found, left_out = [], []
        for name, entry in table.items():
            if entry is False:
                left_out.append(name)
            elif one := self._one(name, entry):
                found.append(one)
        self._check_left_out(left_out, preset)
        return SloFile(
            preset,
            self._seconds(document.get("warm_up")),
            self._count("min_count", document.get("min_count")),
            tuple(found),
            tuple(left_out),
            tuple(self._faults),
        )

    def _fault(self, key: str, reason: str) -> None:
        self._faults.append(f"{self._path}: {key}: {reason}")

    def _known(self, table: Mapping[str, Any], known: tuple[str, ...], at: str) -> None:
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                self._fault(f"{at}{key}", f"there is no such key; {hint}")

    def _one(self, name: str, entry: Any) -> Objective | None:
        key = f"thresholds.{name}"
        text, min_count = entry, 0
        if isinstance(entry, dict):
            self._known(entry, _KEYS_OF_ONE, f"{key}.")
            text, min_count = entry.get("slo"), self._count(f"{key}.min_count", entry.get("min_count"))
        if not isinstance(text, str):
            self._fault(
                key, 'it is no threshold; write "setup_ms p95 < 1500" or { slo = "…", min_count = 100 }'
            )
            return None
        try:
            return Objective(name, parse_threshold(text), min_count)
        except ThresholdError as exc:
            self._fault(key, str(exc))
            return None

    def _seconds(self, given: Any) -> float | None:
        if given is None:
            return None
        try:
            seconds = parse_duration(given if isinstance(given, str) else f"{given}")
        except ValueError as exc:
            self._fault("warm_up", str(exc))
            return None
        if isinstance(given, bool) or seconds > _LONGEST_S:
            self._fault("warm_up", f"{given!r} is no time to leave out")
            return None
        return seconds

    def _count(self, key: str, given: Any) -> int:
        if given is None:
            return 0
        if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= 10**9:
            self._fault(key, f"{given!r} is no number of values")
            return 0
        return given

    def _check_left_out(self, names: list[str], preset: str | None) -> None:
        known = PRESETS[preset] if preset else {}
        for name in names:
            if name not in known and not (preset is None and any(name in each for each in PRESETS.values())):
                choice = f"it has {', '.join(known)}" if preset else "no preset is named in the file"
                self._fault(f"thresholds.{name}", f"false leaves out a threshold of the preset, and {choice}")
