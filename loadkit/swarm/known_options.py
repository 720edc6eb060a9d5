"""Locust's own options, worked out once per process.

A worker that is told to start users asks for their names anew for each option that the master sends
(``WorkerRunner.handle_message``): a parser is built a hundred times over. That takes half a second of CPU in which the
worker sends no heartbeat; a busy machine makes seconds of it, and the master takes the worker for dead.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from locust import argument_parser


def work_out_once() -> None:
    """Have Locust remember them; they come from its code and the environment, and stay as they are."""
    worked_out = cache(argument_parser.default_args_dict)

    def default_args_dict() -> dict[str, Any]:
        return dict(worked_out())

    argument_parser.default_args_dict = default_args_dict
