"""A locustfile whose callers do not wait between calls."""

from __future__ import annotations

from locust import task

from loadkit import CallUser


class Eager(CallUser):
    @task
    def talk(self) -> None:
        with self.call() as call:
            call.talk()
