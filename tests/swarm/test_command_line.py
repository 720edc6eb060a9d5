"""What a run keeps of its command line."""

from __future__ import annotations

import pytest

from loadkit.swarm.run import _command


@pytest.mark.parametrize(
    ("program", "called"),
    [
        ("/usr/local/bin/locust", ["locust"]),
        ("/usr/lib/python3/site-packages/locust/__main__.py", ["python", "-m", "locust"]),
    ],
)
def test_the_command_can_be_given_again_and_does_not_hold_the_token(
    monkeypatch: pytest.MonkeyPatch, program: str, called: list[str]
) -> None:
    monkeypatch.setattr(
        "sys.argv", [program, "-f", "locustfile.py", "--auth-token=secret", "--slo", "failed < 1%"]
    )
    assert _command("secret") == [*called, "-f", "locustfile.py", "--auth-token=***", "--slo", "failed < 1%"]
