"""The programs on the pages about agents and events run as they are written."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from loadkit.gateway.settings import SPEECH_FOLDER
from loadkit.gateway.speaking import load_voice
from loadkit.media.samples import silence

from .callers import Caller, all_gone, voice
from .conftest import StartGateway
from .test_events import read, told

DOCS = Path(__file__).parents[2] / "docs"
SPEECH = load_voice(SPEECH_FOLDER).goodbye


def programs(page: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agents of the page, as files in the current folder."""
    monkeypatch.chdir(tmp_path)
    for program in programs("agents.md"):
        name = re.match(r'"""(\w+\.py)"""', program)
        assert name is not None
        (tmp_path / name[1]).write_text(program)
    return tmp_path


async def test_the_agent_that_answers_with_tones(folder: Path, start_gateway: StartGateway) -> None:
    path = folder / "events.jsonl"
    gateway = await start_gateway(agent="my_agent.py:ToneAgent", agent_turns=2, events=path)
    async with Caller(gateway) as caller:
        await caller.place("end-to-end")
        for _ in range(2):
            await caller.hears_out()
            await caller.say_all(SPEECH.packets)
        async with asyncio.timeout(60):
            while gateway.active_sessions:
                await caller.say_all((silence(),) * 5)
    events = await told(gateway, path)
    said = [event["sample"] for event in events if "sample" in event]
    assert said == ["300 Hz", "400 Hz", "500 Hz"]
    thinking = [event["stages_ms"] for event in events if event["event"] == "thinking"]
    assert thinking == [{"tuning": 250.0}] * 2


async def test_the_agent_that_sends_back_what_it_hears(folder: Path, start_gateway: StartGateway) -> None:
    path = folder / "events.jsonl"
    gateway = await start_gateway(agent="my_relay.py:LateEcho", events=path)
    async with Caller(gateway) as caller:
        await caller.place("traditional")
        await caller.say_all(SPEECH.packets)
        async with asyncio.timeout(60):
            while gateway.active_sessions:
                await caller.say_all((silence(),) * 5)
        heard = [packet.payload for packet, _ in caller.heard]
    await all_gone(gateway)
    assert [payload for payload in heard if payload in SPEECH.packets[10:40]] == list(SPEECH.packets[10:40])
    names = [event["event"] for event in await told(gateway, path)]
    assert names[-3:] == ["grew_tired", "hung_up", "session_ended"]


async def test_the_program_that_reads_events(start_gateway: StartGateway, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    short = voice(tmp_path, "goodbye")
    gateway = await start_gateway(events=path, agent_latency="100ms", agent_turns=1, speech_folder=short)
    async with Caller(gateway) as caller:
        await caller.place("end-to-end")
        await caller.hears_out()
        await caller.say_all(SPEECH.packets)
        async with asyncio.timeout(60):
            while gateway.active_sessions:
                await caller.say_all((silence(),) * 5)
    await gateway.close()
    (program,) = programs("events.md")
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    (latency,) = re.findall(r"\[([\d.]+)\]", done.stdout)
    assert float(latency) >= 600, read(path)
