"""How many files and sockets this process may have open, and whether it has come to the end of them."""

from __future__ import annotations

import contextlib
import errno
import socket

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

_USED_UP = (errno.EMFILE, errno.ENFILE)


def raise_limit() -> int | None:
    """Raise the soft limit to the hard one, which any process may; children inherit it.

    :returns: the soft limit as it is now; None where there is none, or none that is told.
    """
    if resource is None:
        return None
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS names no limit but refuses more than it has.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return _known(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def hard_limit() -> int | None:
    """The hard limit: what the soft one can be raised to without rights; None where there is none."""
    return None if resource is None else _known(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def used_up(error: BaseException | None = None) -> bool:
    """Whether no descriptor is left: an error says so, or what it was raised from, or no socket can be opened."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in _USED_UP:
            return True
        error = error.__cause__ or error.__context__
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    except OSError as exc:
        return exc.errno in _USED_UP
    return False


def _known(limit: int) -> int | None:
    return None if resource is None or limit == resource.RLIM_INFINITY else limit
