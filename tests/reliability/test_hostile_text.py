"""A gateway that sends a new error for each call, control characters, formulas, or our own token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from loadkit.call.kept_text import without_token
from loadkit.printable import MOST_CODES, OTHER_CODES, FewCodes
from loadkit.records import to_row
from loadkit.reporters.run_report import write_reports
from loadkit.reporters.text_summary import text_summary
from loadkit.runs import RunFolder, RunWriter
from tests.call.test_session import TOKEN, caller_of
from tests.fakes import Line, ScriptedGateway
from tests.swarm.inside_locust import inside_locust
from tests.synthetic import call_row, figures_row

HOSTILE = "<script>alert(1)</script>\x1b[31m\x1b]0;title\x07"

_COUNT = """
from locust.env import Environment
from locust.stats import get_error_report_summary
from loadkit.swarm import statistics
environment = Environment(events=locust.events)
environment.events.request.add_listener(lambda **e: environment.stats.log_error(
    e["request_type"], e["name"], e["exception"]))
call = {{"outcome": "failed", "duration_ms": 1.0, "bytes_received": 0}}
for number in range(10_000):
    statistics.count(environment, {{"call": {{**call, "error_code": f"{{number}}" + {hostile!r}}}, "turns": []}})
result = [len(environment.stats.errors), "\\n".join(get_error_report_summary(environment.stats))]
"""


def test_10_000_codes_are_a_hundred_lines_of_locusts_table_and_none_moves_a_cursor() -> None:
    lines, table = inside_locust(_COUNT.format(hostile=HOSTILE))
    assert lines == MOST_CODES + 1
    assert OTHER_CODES in table
    assert all(char.isprintable() or char == "\n" for char in table)


def test_names_from_a_gateway_are_few() -> None:
    codes = FewCodes(most=2)
    assert [codes.name(code) for code in "abcab"] == ["a", "b", OTHER_CODES, "a", "b"]


def test_10_000_errors_make_no_larger_report(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "run")
    writer = RunWriter(folder)
    for number in range(10_000):
        text = f"={number}{HOSTILE}"
        writer.write_call(call_row(number, outcome="failed", error_code=text, error_message=text))
    writer.write_figures(figures_row(0))
    writer.close()
    summary = write_reports(folder)
    assert sum(summary["errors"].values()) == 10_000
    assert len(summary["errors"]) == MOST_CODES + 1
    assert folder.summary.stat().st_size < 200_000
    assert folder.report.stat().st_size < 3_000_000
    assert "<script>alert" not in folder.report.read_text(encoding="utf-8")
    assert b"\x1b" not in folder.report.read_bytes() + folder.summary.read_bytes()
    shown = text_summary(summary, folder.report)
    assert len(shown) < 5_000
    assert "\x1b" not in shown
    # A spreadsheet shows it, and runs nothing.
    assert "'=0<script>" in folder.calls_csv.read_text(encoding="utf-8")


async def _take_offer_and_answer_with_the_token(line: Line) -> None:
    offer = await line.take_offer()
    token = offer["authToken"]
    assert token == TOKEN
    await line.websocket.send(
        json.dumps(
            {"type": "answer", "sessionId": f"session-of-{token}", "data": {"type": "answer", "sdp": token}}
        )
    )
    await line.listen()


async def test_a_token_in_a_session_id_or_an_sdp_is_in_no_record() -> None:
    async with (
        ScriptedGateway(_take_offer_and_answer_with_the_token) as gateway,
        caller_of(gateway, answer_timeout=10) as caller,
    ):
        session = caller.call()
        record = await caller.end()
    assert record.error_code == "ANSWER_INVALID"
    kept: dict[str, Any] = {**to_row(record), **session.end_message()}
    assert not [name for name, value in kept.items() if TOKEN in str(value)]
    assert record.session_id == "session-of-***"


def test_a_token_in_a_url_is_masked_as_it_stands_there() -> None:
    assert without_token("a b/c", "at /x?token=a%20b%2Fc and a b/c") == "at /x?token=*** and ***"
    assert without_token("", "no token, no mask") == "no token, no mask"
