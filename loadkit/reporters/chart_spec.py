"""Finished specifications taken apart, for what is added to every picture whoever drew it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

_OF_A_LAYER = ("data", "mark", "encoding", "params", "transform")


def layered(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A copy whose drawing is a list of layers."""
    copied: dict[str, Any] = copy.deepcopy(dict(spec))
    copied.setdefault("datasets", {})
    if "layer" not in copied:
        copied["layer"] = [{key: copied.pop(key) for key in _OF_A_LAYER if key in copied}]
    return copied


def nodes(spec: Mapping[str, Any]) -> Iterator[Any]:
    """The specification itself and all layers in it."""
    yield spec
    for layer in spec.get("layer", ()):
        yield from nodes(layer)
