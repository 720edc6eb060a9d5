"""``python -m loadkit.native``: build the compiled module, or say in a sentence why there is none.

Exit code 0 either way, as everything works in Python too; ``--required`` makes it 1 when there is none.
"""

from __future__ import annotations

import argparse
import sys

from loadkit.native.building import NotBuilt, build
from loadkit.native.library import why_not_usable


def main(arguments: list[str] | None = None) -> int:
    """Build; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m loadkit.native",
        description="Build the compiled module that carries media, with the system's C compiler.",
    )
    parser.add_argument("--required", action="store_true", help="exit with code 1 when it cannot be had")
    given = parser.parse_args(arguments)
    try:
        path = build()
    except NotBuilt as exc:
        reason: str | None = str(exc)
    else:
        reason = why_not_usable()
    if reason is None:
        print(f"media: native, {path.name}")
        return 0
    print(f"media: in Python, there is no compiled module: {reason}")
    return 1 if given.required else 0


if __name__ == "__main__":
    sys.exit(main())
