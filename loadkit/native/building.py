"""The compiled module: where it is kept, and how it is made.

It is kept under a name that holds a digest of its sources, so that an older one is never loaded: beside the sources
where that folder can be written to, in the user's cache folder otherwise.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from loadkit.user_cache import cache_folder, nobody_else_wrote

_FOLDER = Path(__file__).parent
_SOURCE = "media.c"
_FILES = (_SOURCE, "meter.h")
#: FP contraction would make figures differ from Python's in the last digits, where there is a fused multiply-add.
_FLAGS = ("-std=c11", "-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-ffp-contract=off")
_COMPILERS = ("cc", "gcc", "clang")
_COMPILING_S = 120.0


class NotBuilt(Exception):
    """The module could not be made; the sentence says why."""


@functools.cache
def _name() -> str:
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update((_FOLDER / name).read_bytes())
    return f"media-{platform.machine()}-{digest.hexdigest()[:16]}.so"


def _folders() -> tuple[Path, Path]:
    return _FOLDER / "built", cache_folder()


def built_module() -> Path | None:
    """The module of these sources; None when it was not built."""
    for folder in _folders():
        path = folder / _name()
        if nobody_else_wrote(path):
            return path
    return None


def why_not_built() -> str | None:
    """Why there is no compiled module; None when there is one."""
    if not sys.platform.startswith("linux"):
        return f"the compiled module needs Linux's epoll, and this is {sys.platform}"
    if built_module() is None:
        return "the compiled module was not built: python -m loadkit.native builds it"
    return None


def build() -> Path:
    """Make the module, unless it is there.

    :raises NotBuilt: there is no compiler, it failed, or no folder can be written to.
    """
    if not sys.platform.startswith("linux"):
        raise NotBuilt(f"it needs Linux's epoll, and this is {sys.platform}")
    there = built_module()
    if there is not None:
        return there
    compiler = os.environ.get("CC") or next((name for name in _COMPILERS if shutil.which(name)), None)
    if compiler is None:
        raise NotBuilt(
            f"there is no C compiler ({', '.join(_COMPILERS)}); on Debian: apt-get install gcc libc6-dev"
        )
    refused = []
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return compile_module(compiler, folder / _name())
        except OSError as exc:
            refused.append(f"{folder} ({exc.strerror or exc})")
    raise NotBuilt(f"it cannot be written: {', '.join(refused)}")


def compile_module(compiler: str, target: Path, *, flags: tuple[str, ...] = ()) -> Path:
    """Compile into ``target``, whole or not at all: others may be loading it, or building it too.

    :raises NotBuilt: the compiler failed; its own first words are in the sentence.
    """
    descriptor, name = tempfile.mkstemp(dir=target.parent, suffix=".so.part")
    os.close(descriptor)
    try:
        command = [*compiler.split(), *_FLAGS, *flags, "-o", name, str(_FOLDER / _SOURCE), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILING_S, check=False)
        if done.returncode != 0:
            said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
            raise NotBuilt(f"{compiler} failed with code {done.returncode}: {said[:300]}")
        os.chmod(name, 0o644)
        os.replace(name, target)
    except FileNotFoundError as exc:
        raise NotBuilt(f"there is no compiler {compiler!r}") from exc
    except subprocess.TimeoutExpired as exc:
        raise NotBuilt(f"{compiler} took over {_COMPILING_S:g} s") from exc
    finally:
        Path(name).unlink(missing_ok=True)
    return target
