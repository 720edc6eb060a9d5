"""What all pages have in common: their templates and files, and a policy that lets them ask for nothing.

The policy forbids every request and every script and style but the ones whose hashes it names.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from loadkit.reporters.chart_style import Picture
from loadkit.reporters.vega_bundle import vega_bundle

#: Scripts of a page with pictures, in their order; each does nothing where its part of the page is not there.
SCRIPTS = ("page.js", "zoom.js", "numbers.js", "reading.js")


def rendered(name: str, drawn: Sequence[Picture], /, **values: Any) -> str:
    """A whole page out of a template.

    :param drawn: its pictures that have a specification; without any it carries no Vega.
    :param values: what the template asks for besides.
    """
    css, script = asset("page.css"), page_script()
    bundle = vega_bundle() if drawn else ""
    return template(name).render(
        policy=policy([bundle, script] if drawn else [script], css),
        css=Markup(css),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        bundle=Markup(bundle),  # noqa: S704 - vl-convert's file
        specs=pictures_json(drawn),
        **values,
    )


@cache
def template(name: str) -> jinja2.Template:
    """A template of this package; everything that it shows is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("loadkit.reporters", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def asset(name: str) -> str:
    """Text of a file of this package."""
    return resources.files("loadkit.reporters").joinpath(name).read_text(encoding="utf-8")


def page_script() -> str:
    """All that a page runs, but for Vega."""
    return "\n".join(asset(name) for name in SCRIPTS)


def policy(scripts: Sequence[str], css: str) -> str:
    """The Content-Security-Policy of a page with these scripts and this style."""
    hashes = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(css)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def json_in_html(value: Any) -> Markup:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704 - escaped above


def pictures_json(pictures: Sequence[Picture]) -> Markup:
    """The pictures' specifications by name, for ``pictures-data``.

    What they share is there once, and rows are lists under one list of names: ``page.js`` unfolds both.
    """
    specs = {picture.name: picture.spec for picture in pictures if picture.spec}
    config: Mapping[str, Any] = next((spec["config"] for spec in specs.values() if "config" in spec), {})
    folded = {name: _folded(spec, config) for name, spec in specs.items()}
    return json_in_html({"config": config, "pictures": folded})


def _folded(spec: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in spec.items() if key != "config" or value != config}
    datasets = {}
    for name, rows in spec.get("datasets", {}).items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        datasets[name] = {
            "columns": columns,
            "rows": [[row.get(column) for column in columns] for row in rows],
        }
    return {**kept, "datasets": datasets}
