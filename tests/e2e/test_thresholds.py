"""Thresholds from the option to the exit code."""

from __future__ import annotations

from pathlib import Path

from loadkit.cli import main
from loadkit.errors import ExitCode
from tests.e2e.processes import TO_THE_END, headless, locust, run_document, summary


def test_thresholds_that_cannot_be_read_end_the_command_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "slo.toml"
    file.write_text('preset = "lax"\n')
    options = ["--slo", "setup_ms p95 << 3; failed < 1%", "--slo-file", str(file)]
    with locust(tmp_path, *headless(1, 5), *options) as command:
        assert command.wait() == ExitCode.BAD_SETTINGS, command.output
    assert (
        "2 settings cannot be used: --slo 'setup_ms p95 << 3': at character 14: '<<' is no operator"
        in command.output
    )
    assert (
        f"--slo-file {file}: preset: there is no preset 'lax'; there are smoke, typical, strict"
        in command.output
    )
    assert not (tmp_path / "run").exists()


def test_a_broken_threshold_ends_with_1_and_one_without_data_with_3_also_when_its_file_is_gone(
    tmp_path: Path,
) -> None:
    file = tmp_path / "slo.toml"
    file.write_text('preset = "smoke"\n[thresholds]\n"no time at all" = "setup_ms mean < 0.001ms"\n')
    slo = "failed < 1% where scenario = nobody"
    options = ("--call-duration", "1s", "--slo", slo, "--slo-file", str(file))
    with locust(tmp_path, *headless(1, 4), *TO_THE_END, *options) as command:
        assert command.wait() == ExitCode.FAILED, command.output
    told = summary(tmp_path)
    assert {row["name"]: row["status"] for row in told["thresholds"]} == {
        "no call fails": "pass",
        "every call is set up": "pass",
        "every call is heard": "pass",
        "no time at all": "fail",
        slo: "no data",
    }
    assert "is broken: no time at all, setup_ms mean < 0.001 ms is " in told["verdict"]["sentence"]
    assert "threshold     FAIL    no time at all: setup_ms mean < 0.001 ms: broken, it is " in command.output
    assert run_document(tmp_path)["settings"]["slo"] == slo

    file.unlink()
    folder = str(tmp_path / "run")
    assert main(["check", folder]) == ExitCode.FAILED
    assert main(["check", folder, "--slo", slo]) == ExitCode.NO_DATA
    assert main(["check", folder, "--slo-preset", "smoke"]) == ExitCode.PASSED
