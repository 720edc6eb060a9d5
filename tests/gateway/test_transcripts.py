"""Each hand-written conversation in tests/data/gateway is held with a real gateway over real sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from .transcripts import play

FOLDER = Path(__file__).parents[1] / "data" / "gateway"
TRANSCRIPTS = sorted(FOLDER.glob("*.txt"))

#: Every code of the protocol is provoked by at least one of them.
CODES = (
    "UNAUTHORIZED",
    "FORBIDDEN",
    "INVALID_ARGUMENT",
    "INVALID_MESSAGE",
    "HANDLER_ERROR",
    "MEDIA_BRIDGE_FAILURE",
    "AGENT_FAILURE",
)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_the_gateway_follows_the_transcript(path: Path) -> None:
    await play(path)


def test_every_code_is_in_a_transcript() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in TRANSCRIPTS)
    assert [code for code in CODES if f'"code":"{code}"' not in text] == []
