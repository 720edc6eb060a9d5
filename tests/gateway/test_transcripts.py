"""Each hand-written conversation in tests/data/gateway is held with a real gateway over real sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadkit.errors import CODES

from .transcripts import play

FOLDER = Path(__file__).parents[1] / "data" / "gateway"
TRANSCRIPTS = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
async def test_the_gateway_follows_the_transcript(path: Path) -> None:
    await play(path)


def test_every_code_of_a_gateway_is_provoked_by_a_transcript() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in TRANSCRIPTS)
    codes = [code for code, row in CODES.items() if row.origin == "gateway"]
    assert [code for code in codes if f'"code":"{code}"' not in text] == []
