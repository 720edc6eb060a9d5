"""``docs/faults.md`` out of the kinds of faults and of a real run; ``python -m tests.gateway.faults.page`` writes it.

The run takes about half a minute. Figures differ from run to run; what is said to hold for every call does not.
"""

from __future__ import annotations

import asyncio
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from loadkit.gateway.faults.grammar import read_faults
from loadkit.gateway.faults.kinds import KINDS, Fault, keys_of
from loadkit.records import CallRecord, to_row
from tests.gateway.faults.demonstrations import DEMONSTRATIONS, Demonstration, complaints, demonstrate

PAGE = Path(__file__).parents[3] / "docs" / "faults.md"

_HEAD = """# Faults on demand

The reference gateway breaks calls in a given way, in a given share of the calls and at a given time, so that it can be
seen what a load test says of it, and what a client does.

```sh
python -m loadkit gateway --port 8080 --fault "error code=AGENT_FAILURE share=10%"
python -m loadkit gateway --port 8080 --fault "late-answer by=2s" --fault "choppy loss=5% burst=4"
python -m loadkit gateway --port 8080 --faults faults.toml --fault-seed 7
```

A file has one table for each fault, with the same keys:

```toml
[[fault]]
kind = "error"
code = "AGENT_FAILURE"
share = "10%"

[[fault]]
kind = "choppy"
loss = 0.05
burst = 4
at = "5s"
for = "2s"
```

The gateway that a load test starts by itself takes them from the environment: `LOADKIT_GATEWAY_FAULTS` names a file,
`LOADKIT_GATEWAY_FAULT` holds faults separated by commas.

- Times are seconds, `250ms`, `2s` or `1m`; shares are 0 to 1, or a percentage.
- `share` is exact and not left to chance: with 10 %, 2 of any 20 calls in a row have the fault. Calls are counted as
  their offers are accepted. `--fault-seed` decides which ones, and what is left to chance within a call; the same seed
  gives the same again.
- `above` lets a fault set in above a number of calls in progress: with `error code=FULL above=40`, 40 calls are held
  and those that would be the 41st are refused. A share is then one of those calls. That is a gateway of a known limit,
  to try [the search for it](capacity.md) on.
- A call may have several faults. Of those that decide about its offer, the first one counts.
- `at` and `for` count from the end of the DTLS handshake at the gateway.
- Each fault works in every mode.
- All mistakes are told at once, each with the file, the number of the fault, the key and what is allowed, and the
  gateway ends with exit code 2.
- The gateway says in its log, when it starts, that it has faults on demand.

Below is, for each kind, what a caller's record said in a real run, in mode `echo` unless another is named, with
time-outs that are shorter than the usual ones. The columns are those of [record.md](record.md), the codes those of
[errors.md](errors.md). This page is made by `python -m tests.gateway.faults.page`; tests place the same calls
again and check what the last column says.
"""


def page(records: Sequence[CallRecord]) -> str:
    """The whole page, with a record for each demonstration."""
    shown = list(zip(DEMONSTRATIONS, records, strict=True))
    parts = [_HEAD, _overview()]
    for kind, fault in KINDS.items():
        own = [(demonstration, record) for demonstration, record in shown if kind_of(demonstration) == kind]
        parts.append(_section(kind, fault, own))
    return "\n".join(parts)


def kind_of(demonstration: Demonstration) -> str:
    """The kind of its fault."""
    return demonstration.fault.split()[0]


def _overview() -> str:
    rows = []
    for demonstration in DEMONSTRATIONS:
        outcome, stage, code = demonstration.ends
        how = f"`{outcome}`" + (f" in `{stage}`: `{code}`" if code else "")
        told = ", ".join(f"`{column}`" for column in demonstration.tells)
        rows.append((f"`{demonstration.fault}`", how, told))
    return "## At a glance\n\n" + _table(("fault", "how the call ends", "what tells it, besides"), rows)


def _section(kind: str, fault: type[Fault], shown: Iterable[tuple[Demonstration, CallRecord]]) -> str:
    keys = [(f"`{name}`", meaning) for name, meaning in keys_of(fault).items()]
    parts = [f"## {kind}\n\n{_wrapped(fault.__doc__ or '').rstrip()}\n", _table(("key", "meaning"), keys)]
    parts += [_demonstration(demonstration, record) for demonstration, record in shown]
    return "\n".join(parts)


def _demonstration(demonstration: Demonstration, record: CallRecord) -> str:
    row = to_row(record)
    ends = ("outcome", "failed_stage", "error_code")
    figures = [
        (f"`{column}`", _figure(row[column]), f"= {value}")
        for column, value in zip(ends, demonstration.ends, strict=True)
        if value is not None
    ]
    figures += [
        (f"`{column}`", _figure(row[column]), condition) for column, condition in demonstration.tells.items()
    ]
    table = _table(("column", "in this run", "in every call"), figures)
    note = demonstration.note
    if demonstration.mode != "echo":
        note += f"{' ' if note else ''}The mode is `{demonstration.mode}`."
    return f"{_toml(demonstration)}\n{_wrapped(note)}{table}"


def _wrapped(text: str) -> str:
    """A paragraph; nothing for no text."""
    return "\n".join(textwrap.wrap(" ".join(text.split()), 120)) + "\n\n" if text else ""


def _toml(demonstration: Demonstration) -> str:
    """The fault as a table, with the option that does the same."""
    kind, *keys = demonstration.fault.split()
    lines = [f'# or: --fault "{demonstration.fault}"', "[[fault]]", f'kind = "{kind}"']
    for key in keys:
        name, _, value = key.partition("=")
        lines.append(f"{name} = {value}" if re.fullmatch(r"-?[\d.]+", value) else f'{name} = "{value}"')
    return "```toml\n" + "\n".join(lines) + "\n```\n"


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:.1f}"
    return str(value)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def figures_on_page(text: str) -> Mapping[str, dict[str, tuple[str, str]]]:
    """Fault, as in ``--fault`` → column → (figure, what is said to hold in every call)."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for part in re.split(r"(?m)^# or: ", text)[1:]:
        fault = re.match(r'--fault "(.*)"', part)
        assert fault is not None
        table = part.partition("| --- | --- | --- |\n")[2].partition("\n\n")[0]
        rows = re.findall(r"(?m)^\| `(\w+)` \| (.*?) \| (.*?) \|$", table)
        found[fault[1]] = {column: (figure, condition) for column, figure, condition in rows}
    return found


def toml_on_page(text: str) -> list[str]:
    """Every block of TOML."""
    return re.findall(r"(?ms)^```toml\n(.*?)^```", text)


def _main() -> int:
    records = asyncio.run(demonstrate())
    wrong = [
        f"{demonstration.fault}: {complaint}"
        for demonstration, record in zip(DEMONSTRATIONS, records, strict=True)
        for complaint in complaints(demonstration, record)
    ]
    if wrong:
        print("the page was not written:", *wrong, sep="\n", file=sys.stderr)
        return 1
    for demonstration in DEMONSTRATIONS:
        assert not read_faults(None, [demonstration.fault])[1]
    PAGE.write_text(page(records), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
