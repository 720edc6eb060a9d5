"""All cases, a file for each area, in the order in which they are run."""

from __future__ import annotations

from loadkit.conformance.case import Case
from loadkit.conformance.cases import (
    agents,
    answers,
    candidates,
    closing,
    failures,
    health,
    hostile,
    http,
    ice_servers,
    media,
    offers,
    pings,
    reconnect,
    refusals,
    rtcp,
    websocket,
)

_MODULES = (
    health,
    http,
    ice_servers,
    websocket,
    pings,
    offers,
    answers,
    refusals,
    hostile,
    candidates,
    media,
    rtcp,
    agents,
    reconnect,
    closing,
    failures,
)


def _cases_in(module: object) -> list[Case]:
    found: list[Case] = []
    for value in vars(module).values():
        found += [value] if isinstance(value, Case) else []
        found += value if isinstance(value, list) and all(isinstance(v, Case) for v in value) else []
    return found


#: Every case there is.
CASES: tuple[Case, ...] = tuple(case for module in _MODULES for case in _cases_in(module))
