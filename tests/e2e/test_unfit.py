"""A generator over a limit makes the run unfit, from the option to the exit code."""

from __future__ import annotations

from pathlib import Path

from loadkit.errors import ExitCode
from tests.e2e.processes import headless, locust, summary


def test_a_generator_over_a_limit_ends_with_exit_code_4_and_says_what_to_do(tmp_path: Path) -> None:
    # The finest bucket of lateness ends at 0.1 ms: no machine keeps to this.
    with locust(tmp_path, *headless(1, 6), "--call-duration", "2s", "--limit-late-ms", "0.01") as command:
        assert command.wait() == ExitCode.UNFIT, command.output
    told = summary(tmp_path)
    assert told["verdict"]["status"] == "unfit generator"
    assert told["calls"]["failed"] == 0
    assert told["generator"]["limits"] == {"late_ms": 0.01, "loop_lag_ms": None, "cpu_share": None}
    sentence = (
        "The generator was the limit. Engine local.0 sent 100.0 % of its packets over 0.01 ms late or never"
    )
    assert sentence in told["verdict"]["sentence"]
    assert f"UNFIT GENERATOR: {sentence}" in command.output
    assert set(told["generator"]["processes"]) == {"local.0", "local.locust"}
