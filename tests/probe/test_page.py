"""docs/call.md says what the command does."""

from __future__ import annotations

import re
from typing import Any

from loadkit.errors import ExitCode
from loadkit.records import CallRecord, TurnRecord, columns
from tests.fakes import Line, ScriptedGateway
from tests.probe.calling import TOKEN, call
from tests.probe.transcript import PAGE, in_the_page, shape


async def test_the_transcript_is_what_the_command_prints(gateway_url: str) -> None:
    left = await call(gateway_url, "--call-duration", "6")
    assert shape(left.out) == shape(in_the_page())


def documented(heading: str) -> set[str]:
    section = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `?([\w.]+)`? \|", section, re.MULTILINE)) - {"key", "code"}


def keys(document: dict[str, Any]) -> set[str]:
    found = set(document)
    for name in ("error", "audio"):
        found |= {f"{name}.{key}" for key in document[name] or ()}
    return found


async def test_every_key_of_the_document_is_on_the_page_and_no_other(gateway_url: str, tmp_path: Any) -> None:
    path = str(tmp_path / "heard.wav")
    good = await call(gateway_url, "--json", "--call-duration", "1", "--save-audio", path)
    bad = await call(gateway_url, "--json", token="another")
    assert keys(good.document) | keys(bad.document) == documented("The JSON document")
    for left in (good, bad):
        document = left.document
        assert document["exit_code"] == left.code
        assert set(document["record"]) == set(columns(CallRecord))
        assert all(set(turn) == set(columns(TurnRecord)) for turn in document["turns"])
        assert all(set(event) == {"event", "at_ms", "data"} for event in document["events"])
        assert left.err == ""
    assert good.document["error"] is None
    assert good.document["version"] == 1


def test_every_exit_code_on_the_page_is_one() -> None:
    assert documented("Exit codes") <= {str(code.value) for code in ExitCode}


async def test_the_document_of_a_gateway_that_repeats_the_token_is_without_it() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.send_error(f"NO {TOKEN}", f"not {TOKEN}")
        await line.listen()

    async with ScriptedGateway(script) as gateway:
        left = await call(f"ws://{gateway.address}", "--json", "-v")
    assert left.document["error"]["code"] == "NO ***"
    assert left.events("gateway_error") == [{"code": "NO ***", "message": "not ***"}]
