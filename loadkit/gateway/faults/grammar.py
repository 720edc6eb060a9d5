"""Faults out of a TOML file and out of ``--fault`` options; every mistake is told at once.

A file is a list of tables, an option is a kind and its keys::

    [[fault]]                       --fault "error code=AGENT_FAILURE at=2s share=10%"
    kind = "error"
    code = "AGENT_FAILURE"
    at = "2s"
    share = "10%"

Kinds and keys are those of :mod:`~loadkit.gateway.faults.kinds`.
"""

from __future__ import annotations

import os
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from loadkit.gateway.faults.kinds import KINDS, Fault, keys_of


def read_faults(path: Path | None, texts: Sequence[str]) -> tuple[list[Fault], list[str]]:
    """The faults of a file and of options, in this order, and a sentence for each mistake."""
    faults, mistakes = ([], []) if path is None else _read_file(path)
    for text in texts:
        table, wrong = _split(text)
        where = f"--fault {text!r}"
        mistakes += [f"{where}: {what}" for what in wrong]
        if not wrong:
            _read_table(table, where, faults, mistakes)
    return faults, mistakes


def _read_file(path: Path) -> tuple[list[Fault], list[str]]:
    where = f"--faults {path}"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        return [], [f"{where}: it cannot be read: {os.strerror(exc.errno) if exc.errno else exc}"]
    except UnicodeDecodeError:
        return [], [f"{where}: it is not UTF-8 text"]
    except tomllib.TOMLDecodeError as exc:
        return [], [f"{where}: it is no TOML: {exc}"]
    faults: list[Fault] = []
    mistakes = [f"{where}, {name}: only [[fault]] tables are allowed" for name in document if name != "fault"]
    tables = document.get("fault", [])
    if not isinstance(tables, list):
        # [fault] instead of [[fault]]
        mistakes.append(f"{where}, fault: write [[fault]], with two brackets, for each fault")
        return [], mistakes
    for number, table in enumerate(tables, 1):
        if isinstance(table, dict):
            _read_table(table, f"{where}, fault {number}", faults, mistakes)
        else:
            mistakes.append(f"{where}, fault {number}: it is no table; write [[fault]] and its keys below")
    return faults, mistakes


def _split(text: str) -> tuple[dict[str, Any], list[str]]:
    """Kind and keys of an option, and what is wrong with it."""
    try:
        words = shlex.split(text)
    except ValueError as exc:
        return {}, [f"it cannot be read: {exc}"]
    if not words:
        return {}, [f"it names no fault; the kinds are {', '.join(KINDS)}"]
    table: dict[str, Any] = {"kind": words[0]}
    wrong = []
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals:
            wrong.append(f"{word!r} is not of the form key=value")
        elif name in table:
            wrong.append(f"{name}: it is given twice")
        table[name] = value
    return table, wrong


def _read_table(table: Mapping[str, Any], where: str, faults: list[Fault], mistakes: list[str]) -> None:
    """One fault, appended to ``faults``; or all its mistakes, appended to theirs."""
    keys = dict(table)
    kind = keys.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        what = "it is missing" if kind is None else f"there is none of the name {kind!r}"
        mistakes.append(f"{where}, kind: {what}; the kinds are {', '.join(KINDS)}")
        return
    try:
        faults.append(KINDS[kind](**keys))
    except ValidationError as exc:
        mistakes += [f"{where} ({kind}), {_sentence(error, kind)}" for error in exc.errors()]


def _sentence(error: Any, kind: str) -> str:
    allowed = keys_of(KINDS[kind])
    reason = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        # Of two keys together; it names the one to change.
        return reason
    name = str(error["loc"][0])
    if name not in allowed:
        return f"{name}: there is no such key; allowed are {', '.join(allowed)}"
    if error["type"] == "missing":
        return f"{name}: it is missing; {allowed[name]}"
    return f"{name} = {error['input']!r}: {reason[0].lower()}{reason[1:]}; {allowed[name]}"
