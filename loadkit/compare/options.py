"""What ``python -m loadkit compare`` can be asked for."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add its arguments to a parser."""
    parser.add_argument("baseline", type=Path, metavar="<baseline>", help="run folder to compare with")
    parser.add_argument("folder", type=Path, metavar="<run folder>", help="run folder that is judged")
    parser.add_argument(
        "--floor",
        action="append",
        default=[],
        metavar="<floor>",
        help="difference that does not matter: 5%%,5ms for times (the default), or of other measures: "
        "shares=0.5pp, setup_ms=10%%,20ms, mos=0.1; may be repeated",
    )
    parser.add_argument(
        "--anyway", action="store_true", help="compare also what is not comparable, and say why it is not"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON in place of text")
    form.add_argument("--markdown", action="store_true", help="print Markdown in place of text")
    parser.add_argument(
        "--html", type=Path, metavar="<file>", help="write a page with both runs in each picture"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="write compare.json, compare.md and compare.html into the folder of the run that is judged",
    )
