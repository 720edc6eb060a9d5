"""Paths and local addresses, taken in turn by the calls of a run.

Each list is gone round in its order, so that any number of calls is spread as evenly as it can be. Addresses go round
for each path apart, and each path begins at another address: otherwise five paths and five addresses would always
meet in the same pairs.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from loadkit.call.spec import CallSpec
from loadkit.setting_values import ice_paths


class Spread:
    """Of one run in one Locust process.

    :param paths: for calls that name none.
    :param addresses: local addresses; empty to leave them to the system.
    :param first: place in the lists to begin at.
    """

    def __init__(self, paths: Sequence[str], addresses: Sequence[str], first: int = 0) -> None:
        self._paths = ",".join(paths)
        self._addresses = list(addresses)
        self._first = first
        self._rounds: dict[str, Iterator[str]] = {}
        self._rounds_of_addresses: dict[str, Iterator[str]] = {}

    def over(self, spec: CallSpec) -> CallSpec:
        """The call with one path, and with its local address."""
        path = self._next_path(spec.ice_path or self._paths)
        return dataclasses.replace(spec, ice_path=path, local_address=self._next_address(path))

    def _next_path(self, names: str) -> str:
        if names not in self._rounds:
            self._rounds[names] = _round(ice_paths(names), self._first)
        return str(next(self._rounds[names]))

    def _next_address(self, path: str) -> str | None:
        if not self._addresses:
            return None
        if path not in self._rounds_of_addresses:
            self._rounds_of_addresses[path] = _round(
                self._addresses, self._first + len(self._rounds_of_addresses)
            )
        return next(self._rounds_of_addresses[path])


def _round(entries: Sequence[str], first: int) -> Iterator[str]:
    start = first % len(entries)
    return itertools.cycle([*entries[start:], *entries[:start]])
