"""An agent of the user's own, by name: ``module:Name``, or ``path/to/file.py:Name``."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from loadkit.errors import SettingsError
from loadkit.gateway.agent import Agent, AgentCall, AgentFactory

#: What is called of an agent.
_CALLED = ("start", "packet_received", "next_packet", "stop")
_FORM = "write module:Name or path/to/file.py:Name"


def load_own_agent(name: str) -> AgentFactory:
    """The factory of that name; modules are looked for in the current folder, too.

    What it makes is checked at each call: anything but an :class:`~loadkit.gateway.agent.Agent` is refused.

    :raises SettingsError: it cannot be imported, or is nothing that makes agents.
    """
    where, colon, attribute = name.rpartition(":")
    if not colon or not where or not attribute.isidentifier():
        raise _refusal(name, _FORM)
    try:
        module = _module_of_file(Path(where)) if where.endswith(".py") else _module(where)
    except Exception as exc:
        raise _refusal(name, f"it cannot be imported: {type(exc).__name__}: {exc}") from exc
    make = getattr(module, attribute, None)
    if make is None:
        raise _refusal(name, f"there is no {attribute} in {where}")
    if inspect.iscoroutinefunction(make):
        raise _refusal(name, f"{attribute} is async; a class or a plain function makes agents")
    if not callable(make):
        raise _refusal(name, f"{attribute} is neither a class nor a function that takes an AgentCall")
    if inspect.isclass(make) and issubclass(make, Agent) and inspect.isabstract(make):
        missing = ", ".join(sorted(make.__abstractmethods__))
        raise _refusal(name, f"{attribute} has no {missing}, which an agent must have")
    if waiting := [method for method in _CALLED if inspect.iscoroutinefunction(getattr(make, method, None))]:
        # Called and never awaited, it would do nothing and say nothing.
        raise _refusal(
            name, f"{attribute} has async {', '.join(waiting)}; an agent's methods are plain functions"
        )
    return _checked(make)


def _checked(make: Callable[[AgentCall], Any]) -> AgentFactory:
    def make_agent(call: AgentCall) -> Agent:
        agent = make(call)
        if not isinstance(agent, Agent):
            raise TypeError(f"--agent made a {type(agent).__name__}, which is no loadkit.gateway.agent.Agent")
        return agent

    return make_agent


def _module(name: str) -> ModuleType:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(name)


def _module_of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError("there is no such file")
    # Beside it may be what it imports.
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    # A name of its own, so that a file named like a module that is loaded does not take its place.
    name = f"own_agent_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickle look their module up by its name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _refusal(name: str, reason: str) -> SettingsError:
    return SettingsError([f"--agent {name}: {reason}"])
