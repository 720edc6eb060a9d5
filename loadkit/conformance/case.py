"""What a case is, and the four ways in which it can end.

A case is a function that talks to the gateway and returns when the expectation holds. Otherwise it raises
:class:`ExpectationFailed`, or :class:`NotChecked` when it cannot tell. Whatever else it raises is the tester's
own fault: an error, never a failure of the gateway.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from loadkit.errors import LoadkitError

if TYPE_CHECKING:
    from loadkit.conformance.bench import Bench

#: Seconds for a case that says nothing else; single waits within it are shorter.
DEFAULT_TIMEOUT_S = 45.0


class Kind(enum.StrEnum):
    """How binding the source of an expectation is."""

    MUST = "must"
    """A document says so."""
    SHOULD = "should"
    """A document recommends it, or clients would stumble without it."""


class Verdict(enum.StrEnum):
    """How a case ended."""

    PASS = "pass"  # noqa: S105 - no password
    """The expectation holds."""
    FAIL = "fail"
    """The gateway did something else."""
    SKIP = "skip"
    """It was not checked; the reason says what would be needed."""
    ERROR = "error"
    """The tester failed: nothing is known about the gateway."""


class ExpectationFailed(LoadkitError):
    """The gateway did not do what is expected.

    :param expected: what it should have done here.
    :param seen: what it did; untrusted text may be in it.
    """

    def __init__(self, expected: str, seen: str) -> None:
        self.expected = expected
        self.seen = seen
        super().__init__(expected, seen)

    def __str__(self) -> str:
        return f"expected {self.expected}; seen: {self.seen}"


class NotChecked(LoadkitError):
    """A case cannot be decided here.

    :param reason: why, and what would be needed.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        return f"not checked: {self.reason}"


Check: TypeAlias = "Callable[[Bench], Awaitable[None]]"


@dataclass(frozen=True)
class Case:
    """One expectation, and the function that checks it."""

    id: str
    """Area and name: ``hostile.binary``."""
    title: str
    """One line."""
    expectation: str
    """What a gateway does, as a sentence."""
    source: str
    """The public document that says so."""
    kind: Kind
    check: Check
    timeout: float = DEFAULT_TIMEOUT_S
    """Seconds for the whole case."""
    slow: bool = False
    """It waits for the gateway's own time-outs, and is run on demand only."""
    alone: bool = False
    """No other case may run at the same time."""

    @property
    def area(self) -> str:
        """What stands before the dot of the id."""
        return self.id.partition(".")[0]


@dataclass(frozen=True)
class Result:
    """How one case ended."""

    case: Case
    verdict: Verdict
    seconds: float
    """Time that it took, what had to be put away included."""
    expected: str | None = None
    """What was expected at the point where it failed; None unless it failed."""
    seen: str | None = None
    """What was seen there; None unless it failed."""
    reason: str | None = None
    """Why it was not checked, or what went wrong with the tester; None otherwise."""


def case(
    id: str,
    title: str,
    *,
    expect: str,
    source: str,
    kind: Kind = Kind.MUST,
    timeout: float = DEFAULT_TIMEOUT_S,
    slow: bool = False,
    alone: bool = False,
) -> Callable[[Check], Case]:
    """Make a function that checks something a case."""

    def make(check: Check) -> Case:
        return Case(id, title, expect, source, kind, check, timeout, slow, alone)

    return make


def demand(condition: object, expected: str, seen: str) -> None:
    """Fail the case unless the condition holds.

    :raises ExpectationFailed: it does not.
    """
    if not condition:
        raise ExpectationFailed(expected, seen)


def shown(value: object, length: int = 120) -> str:
    """A value from the gateway, short enough for a table."""
    text = value if isinstance(value, str) else repr(value)
    text = text.replace("\r", "\\r").replace("\n", "\\n")
    return text if len(text) <= length else f"{text[:length]}…"
