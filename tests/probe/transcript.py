"""The transcript in docs/call.md is what the command prints.

``python -m tests.probe.transcript`` writes it anew.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from loadkit.gateway.embedded import EmbeddedGateway
from tests.probe.calling import TOKEN, call

PAGE = Path(__file__).resolve().parents[2] / "docs" / "call.md"
BEGIN, END = "<!-- transcript -->\n", "<!-- end of transcript -->"

#: Lines that a call may be without: whether they come depends on its timing.
_OPTIONAL = ("no more remote candidates", "speech is heard", "silence again", "To note", "  - ")

_UNREPORTED = (
    ("round trip –", "round trip 0 ms"),
    ("lost –;", "lost 0;"),
    ("misses –", "misses 0, sees a jitter of 0 ms"),
    ("round trip: – (no RTCP report came in time)", "round trip: 0 ms"),
)


def in_the_page() -> str:
    """The transcript of the page."""
    section = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    return section.partition("```text\n")[2].partition("```")[0]


def shape(transcript: str) -> set[str]:
    """Its lines, folded ones joined, numbers and names of sessions left out."""
    # A line goes on below its text, a note below its dash.
    joined = re.sub(r"\n {12}", " ", transcript)
    joined = re.sub(r"(?m)^(  - .*)(?:\n    (?! ).*)+", r"\1", joined)
    lines = (line for line in joined.splitlines() if not any(text in line for text in _OPTIONAL))
    without_ids = (re.sub(r"session [0-9a-f-]{36}", "session ID", line) for line in lines)
    plain = {" ".join(re.sub(r"[\d,.]*\d", "0", line).split()) for line in without_ids}
    # Whether a report of the gateway came in time is a matter of luck.
    for luck, none in _UNREPORTED:
        plain = {line.replace(luck, none) for line in plain}
    return plain


async def _record() -> str:
    gateway = EmbeddedGateway()
    try:
        url = gateway.start([TOKEN])
        left = await call(url, "--call-duration", "6")
    finally:
        gateway.stop()
    return left.out.replace(url.rpartition(":")[2], "8080")


def write() -> None:
    """Place a call and put what it prints into the page."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    text = asyncio.run(_record())
    PAGE.write_text(f"{before}{begin}\n```text\n{text}```\n\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    write()
