"""What is common to the subcommands of ``python -m loadkit``."""

from __future__ import annotations

import pytest

from loadkit.cli import main
from loadkit.errors import ExitCode


@pytest.mark.parametrize(
    "command", [["gateway"], ["call", "ws://127.0.0.1:1"], ["conformance", "ws://127.0.0.1:1"]]
)
def test_an_option_that_is_none_is_told_with_the_usage_of_its_command(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--no-such-option"])
    assert ended.value.code == ExitCode.BAD_SETTINGS
    told = capsys.readouterr().err
    assert told.startswith(f"usage: python -m loadkit {command[0]} ")
    assert told.endswith("unrecognized arguments: --no-such-option\n")
