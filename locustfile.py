"""The load test: what each caller does. Edit it; the options are in the README.

Mode, sample and length of a call come from ``--call-mode``, ``--sample`` and ``--call-duration``.
"""

from locust import between, task

from loadkit import CallUser


class Caller(CallUser):
    """Places one call after the other."""

    wait_time = between(1, 3)

    @task
    def place_a_call(self) -> None:
        """An echo is talked to; an agent is talked with, turn by turn, until the time is over."""
        with self.call() as call:
            if not call.is_agent:
                call.talk()
                return
            call.wait_for_agent()
            while call.time_left > 0:
                call.say()
                call.wait_for_reply()
