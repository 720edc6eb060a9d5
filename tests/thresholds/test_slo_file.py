"""Files and presets of thresholds: what they say, what replaces what, and every fault with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadkit.errors import SettingsError
from loadkit.settings import make_settings
from loadkit.thresholds.objectives import Objectives
from loadkit.thresholds.presets import PRESETS, preset
from loadkit.thresholds.resolved import objectives_of
from loadkit.thresholds.slo_file import read_slo_file


def resolved(path: Path, text: str | None = None, **settings: Any) -> Objectives:
    if text is not None:
        path.write_text(text)
        settings["slo_file"] = path
    return objectives_of(make_settings(settings))


def told(objectives: Objectives) -> dict[str, str]:
    return {one.name: str(one.threshold) for one in objectives.each}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_made_of_thresholds_with_names_and_speaks_of_failed_calls(name: str) -> None:
    objectives = resolved(Path(), slo_preset=name)
    assert objectives.each == preset(name) and objectives.preset == name
    assert any(one.threshold.measure.name == "failed" for one in objectives.each)


def test_a_file_has_names_a_warm_up_minimum_counts_and_a_preset_that_it_changes(tmp_path: Path) -> None:
    objectives = resolved(
        tmp_path / "slo.toml",
        """
        preset = "typical"
        warm_up = "1m30s"
        min_count = 50
        [thresholds]
        "set-up" = "setup_ms p95 < 1500"                                  # by its name
        fails = "failed < 2%"                                             # by what it is about
        "turns, half" = false
        tables = { slo = "failed < 3% where scenario = book_a_table", min_count = 200 }
        """,
    )
    names = told(objectives)
    assert "turns, half" not in names and "calls succeed" not in names
    assert names["set-up"] == "setup_ms p95 < 1500 ms"
    assert names["turns, nearly all"] == "turn_latency_ms p95 < 2500 ms"
    assert names["tables"] == "failed < 3% where scenario = book_a_table"
    assert {one.name: one.min_count for one in objectives.each if one.min_count != 50} == {"tables": 200}
    assert (objectives.warm_up_s, objectives.preset) == (90.0, "typical")
    assert Objectives.of_document(objectives.document()) == objectives


def test_what_is_given_by_option_replaces_the_same_in_file_and_preset(tmp_path: Path) -> None:
    objectives = resolved(
        tmp_path / "slo.toml",
        'preset = "typical"\nwarm_up = 10\n[thresholds]\nsetup = "setup_ms p95 < 2s"\n',
        slo=["setup_ms p95 <= 700", "setup_ms p95 > 1"],
        slo_preset="smoke",
        slo_warm_up="5s",
    )
    assert objectives.preset == "smoke" and objectives.warm_up_s == 5
    limits = [str(one.threshold) for one in objectives.each if one.threshold.subject == "setup_ms p95"]
    assert limits == ["setup_ms p95 <= 700 ms", "setup_ms p95 > 1 ms"]


def test_every_fault_of_a_file_is_told_with_file_key_and_place(tmp_path: Path) -> None:
    path = tmp_path / "slo.toml"
    path.write_text(
        """
        preset = "typicl"
        warm_up = true
        min_cont = 3
        [thresholds]
        a = "setup_ms p95 <"
        b = { slo = "failed < 1% where scenaro = x", min_count = -1, limit = 3 }
        c = 3
        d = false
        """
    )
    faults = [fault.removeprefix(f"{path}: ") for fault in read_slo_file(path).faults]
    assert [fault.split(": ")[0] for fault in faults] == [
        "min_cont",
        "preset",
        "thresholds.a",
        "thresholds.b.limit",
        "thresholds.b.min_count",
        "thresholds.b",
        "thresholds.c",
        "thresholds.d",
        "warm_up",
    ]
    assert faults[0] == "min_cont: there is no such key; did you mean min_count?"
    assert (
        faults[2] == "thresholds.a: 'setup_ms p95 <', at character 15: a limit, which is a number, is missing"
    )
    with pytest.raises(SettingsError) as caught:
        resolved(path, slo_file=path)
    assert caught.value.faults == [f"--slo-file {path}: {fault}" for fault in faults]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("thresholds = 3", "thresholds: it is no table"),
        ("[thresholds\n", "it is no TOML: expected ']' at the end of a table declaration (at line 1, column 12)"),
        ("x = '\udcff'", "it is no TOML: it is no text in UTF-8"),
        ("a = " + "[" * 3_000, "it is no TOML"),
        ("#" * 1_000_001, "it is larger than 1 MB"),
        ("warm_up = -5", "warm_up: '-5' is not a duration"),
        ('warm_up = "200h"', "warm_up: '200h' is no time to leave out"),
        ("", "there is no threshold in it, and no preset"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "slo.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SettingsError) as caught:
        resolved(path, slo_file=path)
    assert caught.value.faults[0].startswith(f"--slo-file {path}: {reason}")


def test_a_folder_is_no_file_of_thresholds(tmp_path: Path) -> None:
    assert read_slo_file(tmp_path).faults == (f"{tmp_path}: it cannot be read: Is a directory",)
