"""``summary.json`` as text: strict JSON, which has no NaN, and the same text for the same summary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def json_document(summary: Mapping[str, Any]) -> str:
    """The summary as indented JSON with a newline at its end.

    :raises ValueError: it holds NaN or infinity, which is a fault of the analysis.
    """
    return json.dumps(summary, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
