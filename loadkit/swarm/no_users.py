"""Keeps Locust from starting users of its own in a run by arrivals, and from stopping those that have arrived.

Locust asks its dispatcher how many users of each class there should be, at the start of a run and whenever a worker
comes or goes. In a run by arrivals the answer is: none to begin with, and then as many as there are. A load shape
would be asked only once a second, would set numbers of users rather than start callers, and would make Locust ignore
``-t``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from locust import User
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, Runner, WorkerRunner

from loadkit.swarm.dispatch import Dispatcher


class NoUsersDispatcher(Dispatcher):
    """Asks for no users at all."""

    def __init__(self, *, runner: Runner, **options: Any) -> None:
        super().__init__(**options)
        self._runner = runner

    def new_dispatch(
        self,
        target_user_count: int,  # noqa: ARG002 - Locust's names
        spawn_rate: float,
        user_classes: list[type[User]] | None = None,
    ) -> None:
        """Whatever is asked for, none are dispatched."""
        # A master waits a second, deaf to its workers, until they report as many users as it has asked for.
        self._runner.target_user_count = self._runner.user_count
        super().new_dispatch(0, spawn_rate, user_classes)

    def __next__(self) -> dict[str, dict[str, int]]:
        counts = super().__next__()
        if isinstance(self._runner, LocalRunner):
            # What Locust's keys (w, s) and its page ask for in mid-run must not stop who has arrived.
            return {node: dict(self._runner.user_classes_count) for node in counts}
        return counts


def start_no_users(environment: Environment, arriving: bool) -> None:
    """Have the run that is about to start dispatch users as ever, or none."""
    runner = environment.runner
    assert runner is not None
    environment.dispatcher_class = Dispatcher
    if arriving:
        environment.dispatcher_class = partial(NoUsersDispatcher, runner=runner)  # type: ignore[assignment]
    if isinstance(runner, MasterRunner):
        # A master makes its dispatcher before it says that the run starts, everybody else right after it.
        clients = runner.clients
        runner._users_dispatcher = environment.dispatcher_class(
            worker_nodes=clients.ready + clients.running + clients.spawning, user_classes=runner.user_classes
        )


def keep_who_is_there(runner: WorkerRunner, kept: Callable[[], bool]) -> None:
    """Have a worker that is told its number of users in mid-run start and stop nobody, when ``kept`` says so."""
    start_worker = runner.start_worker

    def start(user_classes_count: dict[str, int], **options: Any) -> None:
        counts = dict(runner.user_classes_count) if kept() else user_classes_count
        start_worker(counts, **options)

    runner.start_worker = start  # type: ignore[method-assign]
