"""The error tree and its two tables: codes and exit codes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import loadkit
from loadkit import errors
from loadkit.errors import (
    CODES,
    CallError,
    EngineError,
    ExitCode,
    GatewayError,
    GatewayStartError,
    LoadkitError,
    RunFolderError,
    SampleError,
    SettingsError,
    SignalingError,
    Stage,
    TransportError,
)

SOURCES = sorted(Path(loadkit.__file__).parent.rglob("*.py"))
RAISED = {"CallError", "SignalingError", "TransportError", "GatewayError", "IceServersUnavailable"}
RAISED |= {"fail_here", "within"}
CODE = re.compile(r"[A-Z]+(?:_[A-Z]+)*")


def codes_in_the_source() -> dict[str, str]:
    """Every code that is given to a call's error as text, and where."""
    found = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            with_stage = any(ast.unparse(argument).startswith("Stage.") for argument in node.args)
            if name in RAISED or with_stage:
                for text in texts:
                    if CODE.fullmatch(text):
                        found[text] = f"{path.name}:{node.lineno}"
    return found


def test_every_code_in_the_source_is_in_the_table() -> None:
    found = codes_in_the_source()
    assert {"ANSWER_TIMEOUT", "ICE_FAILED", "DTLS_FAILED", "NO_AUDIO", "INTERNAL"} <= set(found)
    missing = {code: where for code, where in found.items() if code not in CODES}
    assert not missing, f"codes that errors.CODES does not explain: {missing}"


def test_every_code_of_ours_is_used_somewhere() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES if path.name != "errors.py")
    unused = [code for code, row in CODES.items() if row.origin == "loadkit" and f'"{code}"' not in text]
    # It is recorded in a column of its own, and ends no call.
    assert set(unused) <= {"ICE_SERVERS_UNAVAILABLE"}


@pytest.mark.parametrize("code", CODES)
def test_code_says_what_it_means_and_what_to_look_at(code: str) -> None:
    row = CODES[code]
    assert row.origin in ("gateway", "loadkit")
    assert len(row.meaning) > 10
    assert len(row.look_at) > 5
    assert CODE.fullmatch(code)


def test_options_that_the_table_names_exist() -> None:
    from loadkit.settings import Settings, flag

    options = {flag(name) for name in Settings.model_fields} | {"--host"}
    for code, row in CODES.items():
        for option in re.findall(r"--[a-z-]+", row.meaning + row.look_at):
            assert option in options, (code, option)


def test_documented_codes_of_the_gateway_are_there() -> None:
    assert {code for code, row in CODES.items() if row.origin == "gateway"} == {
        "UNAUTHORIZED",
        "FORBIDDEN",
        "INVALID_ARGUMENT",
        "INVALID_MESSAGE",
        "HANDLER_ERROR",
        "MEDIA_BRIDGE_FAILURE",
        "AGENT_FAILURE",
    }


@pytest.mark.parametrize(
    ("error", "sentence", "exit_code"),
    [
        (SettingsError(["--x 1: no"]), "a setting cannot be used: --x 1: no", ExitCode.BAD_SETTINGS),
        (
            SettingsError(["--x 1: no", "--y 2: no"]),
            "2 settings cannot be used: --x 1: no; --y 2: no",
            ExitCode.BAD_SETTINGS,
        ),
        (
            SampleError("a.wav", "the file is empty"),
            "audio sample a.wav: the file is empty",
            ExitCode.BAD_SETTINGS,
        ),
        (RunFolderError("the folder is gone"), "the folder is gone", ExitCode.BAD_SETTINGS),
        (GatewayStartError("the port is taken"), "the port is taken", ExitCode.GATEWAY_UNREACHABLE),
        (EngineError("it did not start"), "it did not start", ExitCode.BAD_SETTINGS),
        (
            TransportError(Stage.ICE, "ICE_FAILED", "no candidate pair worked"),
            "ICE_FAILED in stage ice: no candidate pair worked",
            ExitCode.FAILED,
        ),
        (
            GatewayError(Stage.ANSWER, "FORBIDDEN", "echo is for debugging"),
            "FORBIDDEN in stage answer: echo is for debugging",
            ExitCode.FAILED,
        ),
    ],
)
def test_error_is_a_sentence_with_an_exit_code(
    error: LoadkitError, sentence: str, exit_code: ExitCode
) -> None:
    assert str(error) == sentence
    assert error.exit_code is exit_code


def test_tree_is_as_it_is_drawn() -> None:
    assert errors.__doc__ is not None
    for error, parent in (
        (SettingsError, LoadkitError),
        (SampleError, LoadkitError),
        (RunFolderError, LoadkitError),
        (GatewayStartError, LoadkitError),
        (EngineError, LoadkitError),
        (CallError, LoadkitError),
        (SignalingError, CallError),
        (GatewayError, SignalingError),
        (TransportError, CallError),
    ):
        assert error.__base__ is parent
        assert error.__name__ in errors.__doc__
