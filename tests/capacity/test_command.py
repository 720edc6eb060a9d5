"""The whole command against a real gateway whose limit is known."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loadkit import cli
from loadkit.errors import ExitCode
from loadkit.gateway.embedded import EmbeddedGateway
from tests.e2e.processes import PATIENT, ROOT, TOKEN, Command, free_port, wait_until

#: A busy machine must not make the generator unfit here, and one engine starts faster than two.
QUICK = (
    *(
        "--hold",
        "2s",
        "--ramp",
        "1s",
        "--drain",
        "3s",
        "--call-duration",
        "2s",
        "--engines",
        "1",
        "--repeats",
        "1",
    ),
    *("--limit-late-ms", "0", "--limit-loop-lag-ms", "0", "--limit-cpu-share", "0"),
)
LIMIT = 12


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """A gateway that refuses calls above :data:`LIMIT`."""
    embedded = EmbeddedGateway(["--fault", f"error code=FULL above={LIMIT}"])
    yield embedded.start([TOKEN])
    embedded.stop()


@contextmanager
def capacity(folder: Path, *arguments: str) -> Iterator[Command]:
    """``python -m loadkit capacity`` with its reports in ``folder``."""
    command = Command(
        [
            *(sys.executable, "-m", "loadkit", "capacity", "-f", str(ROOT / "locustfile.py")),
            *("--reports-dir", str(folder), "--run-id", "search", *arguments),
        ],
        cwd=folder,
        PYTHONPATH=str(ROOT),
        **PATIENT,
    )
    try:
        yield command
    finally:
        command.end()


def document(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "search" / "capacity.json").read_text(encoding="utf-8"))
    return told


@pytest.mark.timeout(420)
def test_the_limit_of_a_gateway_is_found_by_real_runs_from_above(tmp_path: Path, gateway: str) -> None:
    slo = ("--slo", "failed < 1%", "--slo", "setup_ms p50 < 30s")
    # A machine that stood still for a second places too little load: most of three trials decide.
    majority = ("--repeats", "3", "--start", "13", "--factor", "1.05")
    with capacity(tmp_path, *QUICK, *slo, "--host", gateway, *majority) as command:
        command.wait_for("step ")
        code = command.wait(360)
    assert code == ExitCode.PASSED, command.output
    command.assert_no_process_left()
    told = document(tmp_path)
    assert told["result"]["sentence"].startswith("12 calls held, 13 calls did not")
    assert (told["result"]["low"], told["result"]["high"]) == (LIMIT, LIMIT + 1)
    broken = [step for step in told["steps"] if step["outcome"] == "broken"]
    assert {step["load"] for step in broken} == {LIMIT + 1}
    assert all(step["errors"].keys() == {"FULL"} for step in broken)
    # How near to it is the machine's matter: set-ups that take long leave gaps between calls.
    assert 0.5 * LIMIT <= told["result"]["carried"] <= LIMIT
    for step in told["steps"]:
        assert (tmp_path / "search" / step["run"] / "report.html").exists()
    assert told["result"]["sentence"] in (tmp_path / "search" / "capacity.html").read_text(encoding="utf-8")
    for path in (tmp_path / "search").rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes(), path.name
    assert TOKEN not in command.output


def test_ctrl_c_ends_the_step_and_tells_what_is_known(tmp_path: Path, gateway: str) -> None:
    with capacity(tmp_path, *QUICK, "--hold", "60s", "--slo", "failed < 1%", "--host", gateway) as command:
        wait_until(
            lambda: list((tmp_path / "search").glob("step-*/records.jsonl")), "the first step places calls"
        )
        assert not any(TOKEN in " ".join(process.cmdline()) for process in command.children("locust"))
        command.signal(signal.SIGINT)
        assert command.wait() == ExitCode.INTERRUPTED, command.output
    command.assert_no_process_left()
    told = document(tmp_path)
    assert told["steps"] == []
    assert told["result"]["ending"] == "interrupted"
    assert "Nothing is known: no step was judged." in command.output
    assert (tmp_path / "search" / "capacity.html").exists()


@pytest.fixture
def search_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str]]]:
    """Runs the command in this process, which is sooner there, with its reports in ``tmp_path``; code and output."""
    monkeypatch.setenv("LOADKIT_AUTH_TOKEN", TOKEN)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def search(*arguments: str) -> tuple[int, str]:
        folder = ("-f", str(ROOT / "locustfile.py"), "--reports-dir", str(tmp_path), "--run-id", "search")
        code = cli.main(["capacity", *folder, *arguments])
        return code, capsys.readouterr().out

    yield search
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_a_gateway_that_is_not_there_is_told_before_any_call(
    tmp_path: Path, search_here: Callable[..., tuple[int, str]]
) -> None:
    host = f"ws://127.0.0.1:{free_port()}"
    code, output = search_here("--slo", "failed < 1%", "--host", host)
    assert code == ExitCode.GATEWAY_UNREACHABLE, output
    assert f"nothing answers at {host}: Connection refused" in output
    assert document(tmp_path)["result"]["ending"] == "unreachable"


def test_a_step_whose_run_cannot_begin_is_told_with_its_own_words(
    tmp_path: Path, search_here: Callable[..., tuple[int, str]]
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_that_name\n", encoding="utf-8")
    code, output = search_here("--slo", "failed < 1%", "-f", str(broken))
    assert code != ExitCode.PASSED
    assert "step 1 (10 calls)" in output
    assert "nothing_of_that_name" in output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "--slo is missing: say what has to hold"),
        (
            ("--slo", "setup p95 < 1"),
            "--slo 'setup p95 < 1', at character 1: there is no measure 'setup'; did you mean setup_ms",
        ),
        (("--slo", "failed < 1%", "--start", "2000"), "--start 2000: it is above --max-calls 1000"),
        (("--slo", "failed < 1%", "--at-least", "2.5"), "--at-least 2.5: it is no whole number of calls"),
        (("--slo", "failed < 1%", "--resolution", "2"), "--resolution '2': "),
        (("--slo", "failed < 1%", "--call-duration", "soon"), "--call-duration 'soon': "),
        (("--slo", "failed < 1%", "-f", "nowhere.py"), "--locustfile 'nowhere.py': there is no such file"),
        (("--slo", "failed < 1%", "--host", "ftp://x"), "--host 'ftp://x': "),
        (("--slo", "failed < 1%", "--", "-u", "5"), "-u after --: the search gives it to each step itself"),
        (
            ("--slo", "failed < 1%", "--", "--auth-token=secret"),
            "give the token by environment, LOADKIT_AUTH_TOKEN",
        ),
    ],
)
def test_what_cannot_be_used_is_told_before_anything_starts(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    folder = ("--reports-dir", str(tmp_path), "-f", str(ROOT / "locustfile.py"))
    assert cli.main(["capacity", *folder, *arguments[:at], *arguments[at:]]) == ExitCode.BAD_SETTINGS
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_all_that_cannot_be_used_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["capacity", "--slo", "x < 1", "--slo", "failed <", "--factor", "1", "--ice-path", "there"])
    told = capsys.readouterr().err
    assert told.startswith("loadkit: 4 settings cannot be used: ")
