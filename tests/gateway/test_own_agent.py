from __future__ import annotations

from pathlib import Path

import pytest

from loadkit.errors import ExitCode, SettingsError
from loadkit.gateway.agent import AgentCall
from loadkit.gateway.events import SessionEvents
from loadkit.gateway.own_agent import load_own_agent
from loadkit.gateway.settings import GatewaySettings

from .callers import Caller, RawSocket, offer
from .conftest import StartGateway

QUIET = """
from loadkit.gateway.agent import Agent

class Quiet(Agent):
    def __init__(self, call):
        self.call = call
    def start(self, now): ...
    def packet_received(self, payload, now): ...
    def next_packet(self, now):
        return b"\\xf8\\xff\\xfe"

class Half(Agent):
    def start(self, now): ...
    def packet_received(self, payload, now): ...

def nobody(call):
    return None

async def soon(call):
    return Quiet(call)

class Waiting(Quiet):
    async def start(self, now): ...
    async def stop(self, now): ...

class Broken(Quiet):
    @property
    def hung_up(self):
        raise RuntimeError("it does not know")

NUMBER = 7
"""
CALL = AgentCall("end-to-end", "s", None, (0, 0), GatewaySettings(), SessionEvents(None, "s").note)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a module for this test alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [path for path in __import__("sys").path if path])
    (tmp_path / f"agents_{tmp_path.name}.py").write_text(QUIET)
    return tmp_path


def test_a_module_in_the_current_folder_and_a_file_are_found(folder: Path) -> None:
    module = f"agents_{folder.name}"
    for where in (module, f"{module}.py", str(folder / f"{module}.py")):
        agent = load_own_agent(f"{where}:Quiet")(CALL)
        assert agent.next_packet(0.0) == b"\xf8\xff\xfe"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("agents", "write module:Name or path/to/file.py:Name"),
        ("agents:", "write module:Name or path/to/file.py:Name"),
        ("no_such:Agent", "it cannot be imported: ModuleNotFoundError: No module named 'no_such'"),
        ("no_such.py:Agent", "it cannot be imported: FileNotFoundError: there is no such file"),
        ("HERE:Other", "there is no Other in HERE"),
        ("HERE:NUMBER", "NUMBER is neither a class nor a function that takes an AgentCall"),
        ("HERE:Half", "Half has no next_packet, which an agent must have"),
        ("HERE:soon", "soon is async; a class or a plain function makes agents"),
        ("HERE:Waiting", "Waiting has async start, stop; an agent's methods are plain functions"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(folder: Path, name: str, reason: str) -> None:
    here = f"agents_{folder.name}.py"
    name, reason = name.replace("HERE", here), reason.replace("HERE", here)
    with pytest.raises(SettingsError) as caught:
        load_own_agent(name)
    assert caught.value.faults == [f"--agent {name}: {reason}"]
    assert caught.value.exit_code == ExitCode.BAD_SETTINGS


def test_a_module_that_raises_says_what(folder: Path) -> None:
    (folder / "broken.py").write_text("import nothing_of_that_name")
    with pytest.raises(SettingsError, match=r"ModuleNotFoundError: No module named 'nothing_of_that_name'"):
        load_own_agent("broken.py:Agent")


async def test_what_is_no_agent_costs_its_own_call(folder: Path, start_gateway: StartGateway) -> None:
    gateway = await start_gateway(agent=f"agents_{folder.name}.py:nobody")
    async with RawSocket(gateway) as socket:
        refusal = "AGENT_FAILURE", "the agent could not be made; see the gateway's log"
        assert await socket.refusal(offer(mode="end-to-end")) == refusal


async def test_an_agent_that_cannot_say_whether_it_has_hung_up_ends_its_call(
    folder: Path, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(agent=f"agents_{folder.name}.py:Broken")
    async with Caller(gateway) as caller:
        await caller.place("end-to-end")
        error = await caller.socket.receive("error")
        assert error["data"] == {"code": "AGENT_FAILURE", "message": "the agent failed in mid-call"}
