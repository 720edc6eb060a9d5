"""From the settings to what a run is held against: the preset, the file, and what is given one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from loadkit.errors import SettingsError
from loadkit.thresholds.objectives import Objective, Objectives, merged, objectives_of_texts
from loadkit.thresholds.presets import preset
from loadkit.thresholds.slo_file import SloFile, read_slo_file


class Asked(Protocol):
    """The settings of that name."""

    @property
    def slo(self) -> tuple[str, ...]: ...
    @property
    def slo_file(self) -> Path | None: ...
    @property
    def slo_preset(self) -> str | None: ...
    @property
    def slo_warm_up(self) -> float | None: ...


def objectives_of(settings: Asked) -> Objectives:
    """What a run is held against; what is said later replaces what is said before of the same thing.

    :raises SettingsError: with every fault of the file.
    """
    file = SloFile() if settings.slo_file is None else read_slo_file(settings.slo_file)
    if settings.slo_file is not None and file.faults:
        raise SettingsError(_with_option(file))
    given, faults = objectives_of_texts(settings.slo)
    if faults:
        raise SettingsError([f"--slo {fault}" for fault in faults])
    base = settings.slo_preset or file.preset
    begun = [] if base is None else [one for one in preset(base) if one.name not in file.left_out]
    each = merged(merged(begun, file.thresholds), given)
    warm_up = settings.slo_warm_up if settings.slo_warm_up is not None else file.warm_up_s or 0.0
    if settings.slo_file is not None and not each:
        raise SettingsError([f"--slo-file {settings.slo_file}: there is no threshold in it, and no preset"])
    return Objectives(tuple(_at_least(one, file.min_count) for one in each), warm_up, base)


def faults_of_slo_file(path: Path) -> list[str]:
    """What is wrong with a file, each fault with the option that names it."""
    return _with_option(read_slo_file(path))


def _with_option(file: SloFile) -> list[str]:
    return [f"--slo-file {fault}" for fault in file.faults]


def _at_least(one: Objective, count: int) -> Objective:
    return replace(one, min_count=max(one.min_count, count))
