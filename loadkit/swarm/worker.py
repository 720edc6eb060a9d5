"""What a worker does for its master: it forwards what its calls leave, hears the farewell, sees when nobody is there.

Locust's own stop of a worker comes afterwards, and finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from locust.env import Environment
from locust.runners import WorkerRunner

from loadkit.swarm.forwarding import FINISH, FINISHED, RecordForwarder
from loadkit.swarm.master_watch import MasterWatch


class Worker:
    """Of one Locust process that works for a master.

    :param master_timeout: seconds that the master may be silent.
    """

    def __init__(self, runner: WorkerRunner, master_timeout: Callable[[], float]) -> None:
        self._runner = runner
        #: In the records.
        self.name = f"worker-{runner.worker_index}"
        self.forwarder = RecordForwarder(runner, self.name)
        self._watch = MasterWatch(runner, master_timeout)
        runner.register_message(FINISH, self._finish, concurrent=True)

    def deaf(self) -> AbstractContextManager[None]:
        """While nobody reads what the master sends."""
        return self._watch.deaf()

    def _finish(self, environment: Environment, msg: Any) -> None:
        """The run is over: end the calls, and send their records."""
        if msg.data["at_once"]:
            environment.stop_timeout = 0.0
        self._runner.stop()
        # Until the master gives it anew, with its next run. Locust's stop would sleep for so long, deaf to the master,
        # who counts this worker out meanwhile.
        environment.stop_timeout = 0.0
        self.forwarder.flush()
        self._runner.send_message(FINISHED, None)
