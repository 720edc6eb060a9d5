"""What the README and the pages in docs/ promise is true of the code.

``python -m tests.test_docs`` writes the tables anew that are made from the code.
"""

from __future__ import annotations

import argparse
import ast
import enum
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import loadkit.compare.options
import loadkit.conformance.options
import loadkit.errors
from benchmarks import quoted, results
from loadkit.capacity import options as capacity
from loadkit.conformance.cases import CASES
from loadkit.errors import CODES, ExitCode
from loadkit.gateway.command import add_arguments
from loadkit.gateway.events import COMMON_FIELDS, EVENTS
from loadkit.gateway.settings import SPEECH_FOLDER, GatewaySettings
from loadkit.metrics.definitions import METRICS
from loadkit.probe import command as probe_command
from loadkit.settings import SAMPLES_DIR, Settings, env_var, flag
from loadkit.settings_model import shown_default
from loadkit.signaling.lenient_parser import parse_from_gateway
from loadkit.signaling.strict_parser import parse_from_client
from loadkit.thresholds.presets import PRESETS

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
ERRORS_PAGE = ROOT / "docs" / "errors.md"
CONFORMANCE_PAGE = ROOT / "docs" / "conformance.md"
CAPACITY_PAGE = ROOT / "docs" / "capacity.md"
THRESHOLDS_PAGE = ROOT / "docs" / "thresholds.md"
GATEWAY_PAGE = ROOT / "docs" / "gateway.md"
COSTS_PAGE = ROOT / "docs" / "costs.md"
EVENTS_PAGE = ROOT / "docs" / "events.md"
METRICS_PAGE = ROOT / "docs" / "metrics.md"
PROTOCOL_PAGE = ROOT / "docs" / "protocol.md"
PICTURE = ROOT / "docs" / "report.png"
PAGES = [
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "reports" / "README.md",
    ROOT / "audio_samples" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

#: Options of other programs that a page may name in a line of shell.
OTHER_PROGRAMS = ("pip install", "apt-get", "git ", "curl ")


# Reading


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", _text(page), re.DOTALL | re.MULTILINE)


def _shell_commands(page: Path) -> list[str]:
    """Commands in the page's blocks of shell, continued lines joined, comments left out."""
    text = "\n".join(_blocks(page, "sh")).replace("\\\n", " ")
    lines = (line.partition(" #")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not _of_another_program(line)]


def _of_another_program(line: str) -> bool:
    return any(program in line for program in OTHER_PROGRAMS)


def _locust() -> str:
    return str(Path(sys.executable).with_name("locust"))


def _run(command: list[str]) -> str:
    """Standard output of a command in the repository; it must end well."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LOCUST_", "LOADKIT_"))}
    environment |= {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


# Tables made from the code


def options_table() -> str:
    """Every setting: option, environment variable, default, meaning."""
    rows = [
        (f"`{flag(name)}`", f"`{env_var(name)}`", _default(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return _table(("option", "environment", "default", "meaning"), rows)


def gateway_options_table() -> str:
    """Every setting of the gateway: option, environment variable, default, meaning."""
    rows = [
        (
            f"`{GatewaySettings.flag(name)}`",
            f"`{GatewaySettings.env_var(name)}`",
            "" if field.default in (None, (), False, SPEECH_FOLDER) else _default(field.default),
            (field.description or "") + ("; may be repeated" if GatewaySettings.repeatable(name) else ""),
        )
        for name, field in GatewaySettings.model_fields.items()
    ]
    return _table(("option", "environment", "default", "meaning"), rows)


def metrics_table() -> str:
    """Every metric: both names, kind, unit, labels, meaning."""
    rows = [
        (
            f"`{metric.prometheus_name}`",
            f"`{metric.name}`",
            str(metric.kind),
            f"`{metric.unit}`" if metric.unit else "",
            ", ".join(f"`{label}`" for label in metric.labels),
            metric.meaning,
        )
        for metric in METRICS
    ]
    return _table(("Prometheus", "OpenTelemetry", "kind", "unit", "labels", "meaning"), rows)


def capacity_options_table() -> str:
    """Every setting of a search: option, environment variable, default, meaning."""
    options = capacity.CapacityOptions
    rows = [
        (
            f"`{options.flag(name)}`",
            f"`{options.env_var(name)}`",
            _default(field.default),
            (field.description or "") + ("; may be repeated" if options.repeatable(name) else ""),
        )
        for name, field in options.model_fields.items()
    ]
    return _table(("option", "environment", "default", "meaning"), rows)


def presets_table() -> str:
    """Every threshold of every preset."""
    names = dict.fromkeys(name for each in PRESETS.values() for name in each)
    cells = [[f"`{texts[name]}`" if name in texts else "" for texts in PRESETS.values()] for name in names]
    rows = [(name, *row) for name, row in zip(names, cells, strict=True)]
    return _table(("name", *(f"`{name}`" for name in PRESETS)), rows)


def exit_codes_table() -> str:
    """Every exit code: number, name, meaning."""
    words = _words_under(ExitCode)
    rows = [(f"{code.value}", f"`{code.name}`", words[code.name]) for code in ExitCode]
    return _table(("code", "name", "meaning"), rows)


def errors_table() -> str:
    """Every error code: code, origin, meaning, what to look at."""
    rows = [(f"`{code}`", row.origin, row.meaning, row.look_at) for code, row in CODES.items()]
    return _table(("code", "origin", "meaning", "what to look at"), rows)


def conformance_table() -> str:
    """Every case of ``python -m loadkit conformance``: id, kind, expectation, source."""
    rows = [
        (f"`{case.id}`", f"{case.kind}{', slow' if case.slow else ''}", case.expectation, case.source)
        for case in CASES
    ]
    return _table(("case", "kind", "expectation", "source"), rows)


def cost_table() -> str:
    """What the fast path costs, as ``make bench`` has found."""
    return _table(("figure", "measured"), quoted.headline_cells(results.read()))


def callers_table() -> str:
    """What a call costs each kind of caller, as ``make bench`` has found."""
    return _table(quoted.ROW_HEAD, quoted.row_cells(results.read()))


def event_fields_table() -> str:
    """Every field that all events of the gateway have."""
    return _table(("field", "meaning"), [(f"`{name}`", meaning) for name, meaning in COMMON_FIELDS.items()])


def events_table() -> str:
    """Every event of the gateway: name, when it is written, its own fields."""
    rows = [
        (
            f"`{name}`",
            kind.meaning,
            "<br>".join(f"`{field}`: {meaning}" for field, meaning in kind.fields.items()),
        )
        for name, kind in EVENTS.items()
    ]
    return _table(("event", "when", "its fields"), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _default(value: Any) -> str:
    if value in (None, ()):
        return ""
    if value == SAMPLES_DIR:
        value = SAMPLES_DIR.relative_to(ROOT)
    return f"`{shown_default(value)}`"


def _words_under(kind: type[enum.Enum]) -> dict[str, str]:
    """Member → the docstring under it."""
    words = {}
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    for member, below in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(member, ast.Assign) and isinstance(below, ast.Expr):
            assert isinstance(member.targets[0], ast.Name)
            words[member.targets[0].id] = " ".join(str(ast.literal_eval(below.value)).split())
    return words


#: (page, name of the table, what makes it)
TABLES: list[tuple[Path, str, Callable[[], str]]] = [
    (README, "options", options_table),
    (README, "exit codes", exit_codes_table),
    (README, "cost of a call", cost_table),
    (COSTS_PAGE, "callers", callers_table),
    (GATEWAY_PAGE, "gateway options", gateway_options_table),
    (CAPACITY_PAGE, "capacity options", capacity_options_table),
    (THRESHOLDS_PAGE, "presets", presets_table),
    (ERRORS_PAGE, "errors", errors_table),
    (CONFORMANCE_PAGE, "conformance cases", conformance_table),
    (EVENTS_PAGE, "event fields", event_fields_table),
    (EVENTS_PAGE, "events", events_table),
    (METRICS_PAGE, "metrics", metrics_table),
]


_END_OF_TABLE = "<!-- end of table -->"


def write_tables() -> None:
    """Write every table anew into its page."""
    for page, name, make in TABLES:
        before, begin, rest = _text(page).partition(f"<!-- table: {name} -->\n")
        _, end, after = rest.partition(_END_OF_TABLE)
        page.write_text(f"{before}{begin}\n{make()}\n\n{end}{after}", encoding="utf-8")


@pytest.mark.parametrize(("page", "name", "make"), TABLES, ids=[name for _, name, _ in TABLES])
def test_a_table_says_what_the_code_says(page: Path, name: str, make: Callable[[], str]) -> None:
    _, begin, rest = _text(page).partition(f"<!-- table: {name} -->\n")
    table, end, _ = rest.partition(_END_OF_TABLE)
    assert begin and end, f"{page.name} has no place for the table {name!r}"
    assert table.strip() == make(), (
        f"the table {name!r} in {page.name} is out of step; run python -m tests.test_docs, or write:\n{make()}"
    )


def test_every_exit_code_has_its_words() -> None:
    assert set(_words_under(ExitCode)) == {code.name for code in ExitCode}


def test_the_stages_named_in_the_errors_page_are_all_stages_in_their_order() -> None:
    sentence = re.search(r"The stages, in the order.*?;\s+and (`\w+`)", _text(ERRORS_PAGE), re.DOTALL)
    assert sentence is not None
    assert re.findall(r"`(\w+)`", sentence[0]) == [str(stage) for stage in loadkit.errors.Stage]


# Options, environment variables, commands


#: Locust's ``--help`` leaves out the options of a locustfile: ask its parser, in a process of its own.
_LIST_OPTIONS = """
import json, locust, loadkit.swarm.user
from locust.argument_parser import get_parser
actions = get_parser()._actions
print(json.dumps({name: getattr(action, "env_var", None) for action in actions for name in action.option_strings}))
"""


@cache
def locust_environment() -> dict[str, str | None]:
    """Option of Locust with loadkit's → its environment variable."""
    options: dict[str, str | None] = json.loads(_run([sys.executable, "-c", _LIST_OPTIONS]))
    return options


def locust_options() -> frozenset[str]:
    """Options of Locust with loadkit's, long and short."""
    return frozenset(locust_environment())


@cache
def gateway_options() -> frozenset[str]:
    """Options of ``python -m loadkit gateway``, out of its parser."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return frozenset(name for action in parser._actions for name in action.option_strings)


@cache
def call_options() -> frozenset[str]:
    """Options of ``python -m loadkit call``, out of its parser."""
    parser = argparse.ArgumentParser()
    probe_command.add_arguments(parser)
    return frozenset(name for action in parser._actions for name in action.option_strings)


@cache
def conformance_options() -> frozenset[str]:
    """Options of ``python -m loadkit conformance``, out of its parser."""
    parser = argparse.ArgumentParser()
    loadkit.conformance.options.add_arguments(parser)
    return frozenset(name for action in parser._actions for name in action.option_strings)


@cache
def capacity_options() -> frozenset[str]:
    """Options of ``python -m loadkit capacity``, out of its parser."""
    parser = argparse.ArgumentParser()
    capacity.add_arguments(parser)
    return frozenset(name for action in parser._actions for name in action.option_strings)


@cache
def compare_options() -> frozenset[str]:
    """Options of ``python -m loadkit compare``, out of its parser."""
    parser = argparse.ArgumentParser()
    loadkit.compare.options.add_arguments(parser)
    return frozenset(name for action in parser._actions for name in action.option_strings)


@cache
def benchmark_options() -> frozenset[str]:
    """Options of the programs in ``benchmarks/``, as they are written there."""
    return frozenset(
        name
        for program in (ROOT / "benchmarks").glob("*.py")
        for name in re.findall(r'add_argument\(\s*"(--[\w-]+)"', program.read_text(encoding="utf-8"))
    )


@cache
def subcommand_help(name: str) -> str:
    """What ``python -m loadkit <name> --help`` prints; a name that is no subcommand fails."""
    return _run([sys.executable, "-m", "loadkit", name, "--help"])


def _options_in(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"(?<![\w-])-{1,2}[A-Za-z][\w-]*", text))


def test_every_setting_is_an_option_of_locust_with_its_environment_variable() -> None:
    ours = {flag(name): env_var(name) for name in Settings.model_fields}
    assert ours == {option: locust_environment().get(option) for option in ours}


@each_page
def test_every_option_that_is_named_exists(page: Path) -> None:
    text = "\n".join(line for line in _text(page).splitlines() if not _of_another_program(line))
    named = {option for option in _options_in(text) if option.startswith("--")}
    ours = (
        gateway_options()
        | call_options()
        | conformance_options()
        | capacity_options()
        | benchmark_options()
        | compare_options()
    )
    ours |= {"--json", "--write"}  # of check
    assert named <= locust_options() | ours | {"--version"}, page.name


@each_page
def test_every_option_in_a_command_is_an_option_of_that_command(page: Path) -> None:
    for command in _shell_commands(page):
        if command.startswith(("locust ", ".venv/bin/locust ")):
            assert _options_in(command) <= locust_options(), command
        elif found := re.search(r"-m loadkit (\w+)(.*)", command):
            assert _options_in(found[2]) <= _options_in(subcommand_help(found[1])), command


@each_page
def test_every_subcommand_that_is_named_exists(page: Path) -> None:
    for name in set(re.findall(r"python -m loadkit (\w+)", _text(page))):
        assert f"python -m loadkit {name}" in subcommand_help(name)


@each_page
def test_every_module_that_is_named_to_be_run_exists(page: Path) -> None:
    for name in set(re.findall(r"python -m ((?:tests|loadkit)\.[\w.]+)", _text(page))):
        path = ROOT / name.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), name


@each_page
def test_every_environment_variable_that_is_named_exists(page: Path) -> None:
    known = {*locust_environment().values(), *map(GatewaySettings.env_var, GatewaySettings.model_fields)}
    known |= set(map(capacity.CapacityOptions.env_var, capacity.CapacityOptions.model_fields))
    assert set(re.findall(r"\b(?:LOADKIT|LOCUST)_[A-Z_]+\b", _text(page))) <= known, page.name


@each_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", _text(ROOT / "Makefile"), re.MULTILINE))
    code = "\n".join([*re.findall(r"`([^`\n]+)`", _text(page)), *_shell_commands(page)])
    assert set(re.findall(r"^make ([a-z-]+)", code, re.MULTILINE)) <= targets, page.name


def test_the_start_page_leaves_out_what_the_readme_says() -> None:
    source = ast.parse(_text(ROOT / "loadkit" / "swarm" / "options.py"))
    left_out = next(
        set(ast.literal_eval(node.value))
        for node in source.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NOT_ON_THE_PAGE"
    )
    sentence = re.search(r"All\s+but (.*?)\s+are\s+on Locust's start page", _text(README), re.DOTALL)
    assert sentence is not None
    assert _options_in(sentence[1]) == {flag(name) for name in left_out}


# Links, files, the map, the picture


@each_page
def test_every_relative_link_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", _text(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        assert file.is_relative_to(ROOT), f"{page.name}: {target}"
        if heading:
            titles = re.findall(r"^#+ (.+)$", _text(file), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles}, target


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\((docs/[a-z_-]+\.md)", _text(README)))
    assert linked == {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}


@each_page
def test_every_file_of_the_repository_that_is_named_exists(page: Path) -> None:
    for name in re.findall(r"`((?:loadkit|tests|docs|audio_samples)/[\w./-]*)`", _text(page)):
        assert (ROOT / name).exists(), f"{page.name}: {name}"


@each_page
def test_no_page_names_a_folder_of_somebodys_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w.])/(?:home|work|root|tmp|Users)/", _text(page))


def test_the_map_names_every_part_of_the_package_and_nothing_else() -> None:
    section = _text(README).partition("## Where things are")[2]
    blocks = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 1
    top = {line.split()[0] for line in blocks[0].splitlines() if not line.startswith(" ")}
    named = {line.split()[0] for line in blocks[0].splitlines() if line.startswith("    ")}
    assert all((ROOT / name).exists() for name in top), top
    package = ROOT / "loadkit"
    packages = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    modules = {path.stem for path in package.glob("*.py") if not path.stem.startswith("__")}
    assert named == packages | modules


def test_the_layers_on_the_architecture_page_are_those_that_are_checked() -> None:
    checked = re.search(r"^layers =\n((?:    .+\n)+)", _text(ROOT / ".importlinter"), re.MULTILINE)
    assert checked is not None
    lines = [line.strip().replace("loadkit.", "") for line in checked[1].splitlines()]
    page = _text(ROOT / "docs" / "architecture.md").partition("## Layers")[2]
    blocks = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    assert blocks[0].splitlines() == lines


def test_the_picture_is_a_png_of_reasonable_size() -> None:
    data = PICTURE.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(data) < 400_000
    assert int.from_bytes(data[16:20], "big") == 1280, "the README's picture is 1280 pixels wide"


# Examples


def _examples() -> list[Any]:
    return [
        pytest.param(code, id=f"{page.name}-{number}")
        for page in PAGES
        for number, code in enumerate(_blocks(page, "python"), 1)
        if "CallUser" in code
    ]


each_example = pytest.mark.parametrize("code", _examples())


@cache
def call_signatures() -> dict[str, dict[str, frozenset[str] | None]]:
    """Class → public name → names of its parameters, None when it is no method; out of the source alone.

    Importing the module would import locust, which patches the whole process.
    """
    tree = ast.parse(_text(ROOT / "loadkit" / "swarm" / "user.py"))
    found: dict[str, dict[str, frozenset[str] | None]] = {}
    for kind in tree.body:
        if isinstance(kind, ast.ClassDef):
            found[kind.name] = names = {}
            for node in ast.walk(kind):
                if isinstance(node, ast.FunctionDef):
                    is_property = any(ast.unparse(d) == "property" for d in node.decorator_list)
                    parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                    names[node.name] = None if is_property else frozenset(p.arg for p in parameters)
                elif isinstance(node, ast.AnnAssign | ast.Assign):
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    for target in targets:
                        text = ast.unparse(target).removeprefix("self.")
                        if text.isidentifier():
                            names.setdefault(text, None)
    return found


@cache
def offer_fields() -> frozenset[str]:
    """What ``call()`` takes beside its named parameters."""
    from loadkit.call.spec import OFFER_FIELDS

    return frozenset(OFFER_FIELDS)


def test_there_are_examples() -> None:
    assert len(_examples()) >= 2


@each_example
def test_an_example_uses_only_what_calls_and_callers_have(code: str) -> None:
    call, user = call_signatures()["Call"], call_signatures()["CallUser"]
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = {"call": call, "self": user}.get(node.value.id)
            assert names is None or (node.attr in names and not node.attr.startswith("_")), ast.unparse(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            signature = {"call": call, "self": user}.get(owner, {}).get(node.func.attr)
            if signature is not None:
                extra = offer_fields() if owner == "self" else frozenset()
                assert {str(keyword.arg) for keyword in node.keywords} <= signature | extra, ast.unparse(node)
                assert len(node.args) + len(node.keywords) < len(signature | extra), ast.unparse(node)


@each_example
def test_an_example_names_samples_that_are_there(code: str) -> None:
    named = {
        node.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Constant) and str(node.value).endswith(".wav")
    }
    assert all((SAMPLES_DIR / str(name)).exists() for name in named), named


@each_example
def test_an_example_is_a_locustfile_that_locust_takes(code: str, tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    (user,) = re.findall(r"class (\w+)\(CallUser\)", code)
    assert user in _run([_locust(), "-f", str(tmp_path / "example.py"), "--list"])


@each_page
def test_every_method_of_a_call_that_is_named_exists(page: Path) -> None:
    call, user = call_signatures()["Call"], call_signatures()["CallUser"]
    inline = re.findall(r"`(?:self\.)?(call|self)\.(\w+)(\([^`]*\))?", _text(page))
    for owner, name, arguments in inline:
        names = {"call": call, "self": user}[owner]
        assert name in names, f"{owner}.{name}"
        given = set(re.findall(r"\w+", re.sub(r'"[^"]*"', "", arguments)))
        assert given <= (names[name] or frozenset()), f"{owner}.{name}{arguments}"


def test_every_message_on_the_protocol_page_can_be_read() -> None:
    from_client = {"offer": True, "ping": True, "ice-candidate": True, "close": True}
    from_gateway = {"answer": True, "error": True, "pong": True, "ice-candidate": True, "close": True}
    shown = set()
    for block in _blocks(PROTOCOL_PAGE, "json"):
        document = json.loads(block)
        kind = document.get("type")
        if kind in from_client:
            parse_from_client(block)
        if kind in from_gateway:
            parse_from_gateway(block)
        shown.add(kind)
    assert shown - {None} == set(from_client) | set(from_gateway)


if __name__ == "__main__":
    write_tables()
