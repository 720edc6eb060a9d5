"""Faults out of files and options, and every mistake in them."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.errors import ExitCode, SettingsError
from loadkit.gateway.command import add_arguments, run
from loadkit.gateway.faults.grammar import read_faults
from loadkit.gateway.faults.kinds import KINDS, Choppy, ErrorMessage, OneWay, Stall, keys_of
from loadkit.gateway.settings import GatewaySettings

WRONG = """
version = 2

[[fault]]
kind = "error"
at = "soon"
share = 1.5

[[fault]]
kind = "eror"
code = "X"

[[fault]]
kind = "choppy"
los = 0.1
jitter = true

[[fault]]
code = "X"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "faults.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes_of(folder: Path, text: str) -> list[str]:
    return read_faults(write(folder, text), [])[1]


def test_a_file_and_an_option_say_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, '[[fault]]\nkind = "error"\ncode = "X Y"\nat = 2.5\nshare = 0.1\n')
    faults, mistakes = read_faults(path, ["error code='X Y' at=2500ms share=10%"])
    assert mistakes == []
    assert faults == [ErrorMessage(code="X Y", at=2.5, share=0.1)] * 2


def test_times_and_shares_may_be_numbers_or_text() -> None:
    (choppy, one_way, stall), mistakes = read_faults(
        None, ["choppy loss=5% delay=80ms for=1m", "one-way lost=heard at=2", "stall for=0.5 every=3s"]
    )
    assert mistakes == []
    assert choppy == Choppy.model_validate({"loss": 0.05, "delay": 0.08, "for": 60})
    assert one_way == OneWay(lost="heard", at=2)
    assert stall == Stall.model_validate({"for": 0.5, "every": 3})


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, WRONG)
    mistakes = read_faults(path, [])[1]
    assert [mistake.removeprefix(f"--faults {path}, ") for mistake in mistakes] == [
        "version: only [[fault]] tables are allowed",
        "fault 1 (error), share = 1.5: input should be less than or equal to 1;"
        " share of the calls that have it, 0 to 1 or a percentage such as '10%' (default: 1)",
        "fault 1 (error), at = 'soon': 'soon' is not a duration; write 30, 30s, 250ms, 2m or 1h30m;"
        " when: 'offer', or seconds after the call was connected (default: 'offer')",
        "fault 1 (error), code: it is missing; code of the error, any text: AGENT_FAILURE, …; must be given",
        f"fault 2, kind: there is none of the name 'eror'; the kinds are {', '.join(KINDS)}",
        "fault 3 (choppy), jitter = True: it is a boolean; and by chance up to so much more, in seconds;"
        " the order stays (default: 0)",
        f"fault 3 (choppy), los: there is no such key; allowed are {', '.join(keys_of(Choppy))}",
        f"fault 4, kind: it is missing; the kinds are {', '.join(KINDS)}",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[fault]\nkind = 'silent'", "write [[fault]], with two brackets"),
        ("fault = [1]", "fault 1: it is no table"),
        ("[[fault]\n", "it is no TOML: "),
    ],
)
def test_a_file_of_another_form_is_told(tmp_path: Path, text: str, told: str) -> None:
    (mistake,) = mistakes_of(tmp_path, text)
    assert told in mistake


@pytest.mark.parametrize(("kind", "key"), [("silent", "for"), ("late-answer", "by"), ("stall", "for")])
def test_a_boolean_is_no_length_of_time(tmp_path: Path, kind: str, key: str) -> None:
    faults, mistakes = read_faults(write(tmp_path, f"[[fault]]\nkind = '{kind}'\n{key} = true"), [])
    assert faults == []
    assert f"{key} = True: it is a boolean" in mistakes[0]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    assert read_faults(missing, [])[1] == [
        f"--faults {missing}: it cannot be read: No such file or directory"
    ]
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'x = "\xe9"')
    assert read_faults(latin, [])[1] == [f"--faults {latin}: it is not UTF-8 text"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it names no fault"),
        ("silent at", "'at' is not of the form key=value"),
        ("silent at=1 at=2", "at: it is given twice"),
        ("error code='X", "it cannot be read: No closing quotation"),
        ("socket-close code=1006", "code: 1006 is no close code that may be sent"),
        ("choppy loss=80% burst=2", "burst: 2 is too short"),
        ("choppy burst=2", "burst: there are no bursts without a loss"),
        ("choppy duplicate=5% direction=heard", "duplicate: doubled packets are never heard"),
        ("stall for=2 every=1", "every: 1 s is not longer than the 2 s of a stall"),
        ("stall for=2 share=0.5", "share: a stall is of the whole process"),
        ("one-way lost=all", "lost = 'all': input should be 'sent' or 'heard'"),
        ("late-answer by=0", "by = '0': input should be greater than 0"),
        ("choppy loss=5% burst=inf", "burst = 'inf': input should be less than or equal to 1000000"),
    ],
)
def test_an_option_that_cannot_be_used_is_told(text: str, told: str) -> None:
    faults, mistakes = read_faults(None, [text])
    assert faults == []
    assert len(mistakes) == 1
    assert mistakes[0].startswith(f"--fault {text!r}")
    assert told in mistakes[0]


def test_mistakes_of_faults_and_of_other_settings_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        GatewaySettings(faults=write(tmp_path, WRONG), fault=("quiet",), port=-1)
    text = str(caught.value)
    assert text.startswith("10 settings cannot be used: ")
    assert "--port -1" in text
    assert "--fault 'quiet', kind" in text


def test_the_command_ends_with_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    code = run(parser.parse_args(["--faults", str(write(tmp_path, WRONG))]))
    assert code == ExitCode.BAD_SETTINGS
    assert "8 settings cannot be used" in capsys.readouterr().err


@given(st.text(max_size=60))
def test_any_text_is_a_fault_or_a_mistake(text: str) -> None:
    faults, mistakes = read_faults(None, [text])
    assert len(faults) + bool(mistakes) == 1
