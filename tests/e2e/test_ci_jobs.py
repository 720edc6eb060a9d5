"""The jobs of docs/ci.md do what they say: their commands are run as they stand, with fewer and shorter calls."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml

from loadkit.errors import ExitCode
from loadkit.settings import Settings, env_var
from tests.e2e.processes import NOT_JUDGED, PATIENT, ROOT, TOKEN

_JOBS = ROOT / "docs" / "ci"
#: What a test changes of a job, and the machine it runs on: its load, and no judgement of the machine.
_SHORT = {
    "LOADKIT_SLO": "failed < 1%; setup_ms p50 < 20s",
    "LOADKIT_CALL_DURATION": "1s",
    "LOADKIT_ENGINES": "1",
    "LOCUST_USERS": "2",
    "LOCUST_RUN_TIME": "5s",
    "LOCUST_STOP_TIMEOUT": "60s",
    **NOT_JUDGED,
    **PATIENT,
}
_OURS = {"locustfile.py", "loadkit", "audio_samples", "requirements.txt"}


def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((_JOBS / name).read_text(encoding="utf-8"))
    return document


def github_job() -> dict[str, Any]:
    (job,) = _document("github.yml")["jobs"].values()
    return dict(job)


def gitlab_job() -> dict[str, Any]:
    (job,) = _document("gitlab.yml").values()
    return dict(job)


class Machine:
    """A checked-out repository, and an environment as bare as a runner's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in _OURS:
            (folder / name).symlink_to(ROOT / name)
        tools = folder / "bin"
        tools.mkdir()
        pip = tools / "pip"
        # Installed is everything already; that what it is told to install is there, it still has to find.
        pip.write_text('#!/bin/sh\n[ "$1" = install ] && [ "$2" = -r ] && [ -s "$3" ] && [ $# = 3 ]\n')
        pip.chmod(0o755)
        self.summary = folder / "step_summary.md"
        binaries = Path(sys.executable).parent
        self._environment = {
            "PATH": os.pathsep.join([str(tools), str(binaries), "/usr/bin", "/bin"]),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "LOADKIT_AUTH_TOKEN": TOKEN,
        }

    def run(self, script: str, variables: dict[str, str]) -> int:
        """As runners do: bash, which ends at the first command that fails."""
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env={**self._environment, **variables},
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        return done.returncode


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """On which the GitHub job has run to its end, once for all tests."""
    folder = tmp_path_factory.mktemp("runner")
    machine = Machine(folder)
    for step in github_job()["steps"]:
        if "run" in step:
            variables = {**_variables(github_job()["env"], "run-7-1"), "KEPT": "https://example.invalid/kept"}
            assert machine.run(step["run"], variables) == ExitCode.PASSED, step["name"]
    yield machine
    shutil.rmtree(folder)


def _variables(given: dict[str, str], run_id: str) -> dict[str, str]:
    """Those of a job, expressions of the server filled in; and what a test changes."""
    known = {name: "" if "$" in str(value) else str(value) for name, value in given.items()}
    known.pop("LOADKIT_AUTH_TOKEN", None)
    return {**known, "LOADKIT_RUN_ID": run_id, **_SHORT}


def test_the_github_job_passes_and_leaves_what_it_keeps_and_shows(machine: Machine) -> None:
    (upload,) = (step for step in github_job()["steps"] if "upload-artifact" in step.get("uses", ""))
    kept = machine.folder / upload["with"]["path"].replace("${{ env.LOADKIT_RUN_ID }}", "run-7-1")
    assert {"junit.xml", "summary.md", "summary.json", "report.html", "records.jsonl"} <= set(
        os.listdir(kept)
    )
    shown = machine.summary.read_text(encoding="utf-8")
    assert shown.startswith("## ✅ loadkit: PASS")
    assert "`failed < 1%`" in shown
    assert shown.endswith("[The report and all data](https://example.invalid/kept)\n")


def test_what_comes_after_a_run_in_the_github_job_works_when_there_was_none(machine: Machine) -> None:
    after = [step for step in github_job()["steps"] if step.get("if") == "always()" and "run" in step]
    assert len(after) == 2
    for step in after:
        assert machine.run(step["run"], _variables(github_job()["env"], "no-run")) == 0
    assert machine.summary.read_text(encoding="utf-8").endswith("There was no run: see the log.\n")


def test_the_gitlab_job_runs_the_same_and_its_files_are_there(machine: Machine) -> None:
    job = gitlab_job()
    (run,) = (step["run"] for step in github_job()["steps"] if "locust" in step.get("run", ""))
    assert job["script"] == [run], "else it has to be run here, too"
    variables = _variables(job["variables"], "run-7-1")
    for line in (*job["before_script"], *job["after_script"]):
        assert machine.run(line, variables) == 0
    assert machine.run(job["after_script"][0], {**variables, "LOADKIT_RUN_ID": "no-run"}) == 0
    (path,) = job["artifacts"]["paths"]
    assert (machine.folder / path.replace("$LOADKIT_RUN_ID", "run-7-1") / "report.html").exists()
    junit = machine.folder / job["artifacts"]["reports"]["junit"].replace("$LOADKIT_RUN_ID", "run-7-1")
    cases = [case for suite in JUnitXml.fromfile(str(junit)) for case in suite]
    assert [case.name for case in cases][-1] == "verdict"
    assert all(case.is_passed for case in cases)
    assert job["allow_failure"]["exit_codes"] == ExitCode.UNFIT


def test_the_token_of_a_job_is_in_no_file_that_is_kept(machine: Machine) -> None:
    files = [path for path in (machine.folder / "reports").rglob("*") if path.is_file()]
    assert len(files) >= 9
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


def test_jobs_name_variables_that_exist_and_fetch_nothing_from_elsewhere() -> None:
    ours = {env_var(name) for name in Settings.model_fields}
    for given in (github_job()["env"], gitlab_job()["variables"]):
        assert {name for name in given if name.startswith("LOADKIT_")} <= ours
    for path in _JOBS.iterdir():
        assert not re.search(r"https?:|index-url|\.(io|com|org)\b", path.read_text(encoding="utf-8"))


def test_the_thresholds_of_the_jobs_are_thresholds() -> None:
    for given in (github_job()["env"], gitlab_job()["variables"]):
        assert Settings(slo=given["LOADKIT_SLO"]).slo == ("failed < 1%", "setup_ms p95 < 1500 ms")
