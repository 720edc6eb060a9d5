"""What happens in a Locust process from beginning to end; the rest is in tests/e2e."""

from __future__ import annotations

from pathlib import Path

from loadkit.errors import ExitCode
from tests.e2e.processes import summary
from tests.swarm.inside_locust import inside_locust


def test_ctrl_c_reaches_the_main_greenlet_whatever_runs_when_it_comes() -> None:
    caught, survived = inside_locust(
        """
        import os, signal, threading
        import gevent
        from loadkit.swarm.lifecycle import _interrupt

        gevent.signal_handler(signal.SIGINT, _interrupt, None)
        survived = threading.Event()

        def reader():
            os.kill(os.getpid(), signal.SIGINT)
            sum(range(100_000))
            gevent.sleep(0)
            survived.set()

        threading.Thread(target=reader, daemon=True).start()
        try:
            gevent.sleep(20)
            caught = False
        except KeyboardInterrupt:
            caught = True
        result = [caught, survived.wait(5)]
        """
    )
    assert caught
    assert survived


_NO_ROOM_FOR_THE_PAGE = """
from loadkit.settings import Settings
from loadkit.swarm.run import Run
from tests.synthetic import call_row

unjudged = {{"limit_late_ms": 0, "limit_loop_lag_ms": 0, "limit_cpu_share": 0}}
run = Run(Settings(reports_dir={folder!r}, run_id="run", **unjudged), "ws://gateway.test", 0)
run.record({{"call": call_row(0), "turns": []}})
(run.path / "report.html").mkdir()
result = int(run.finish("run_time"))
"""


def test_a_run_whose_report_could_not_be_made_is_never_green(tmp_path: Path) -> None:
    code = inside_locust(_NO_ROOM_FOR_THE_PAGE.format(folder=str(tmp_path)))
    assert summary(tmp_path)["verdict"]["status"] == "pass"
    assert code == ExitCode.FAILED


def test_what_locust_kills_while_a_report_is_written_ends_and_is_waited_for_by_nobody() -> None:
    """A greenlet of Locust's own, such as the one that has missed the last worker, finds the end under way."""
    ended, killed = inside_locust(
        """
        from types import SimpleNamespace
        import gevent
        from gevent.pool import Group
        from loadkit.swarm.course import Course

        runner, ended = SimpleNamespace(greenlet=Group()), []

        def end(_):
            gevent.sleep(0.1)
            ended.append(True)

        course = Course(runner, lambda: True, end)

        def heartbeats():
            while True:
                course.stop()
                gevent.sleep(0.01)

        watching = runner.greenlet.spawn(heartbeats)
        gevent.sleep(0)
        watching.kill(block=True, timeout=20)
        result = [ended == [True], watching.ready()]
        """
    )
    assert ended
    assert killed


def test_a_run_that_began_late_has_ended_by_its_time() -> None:
    busy, master, early = inside_locust(
        """
        import time
        from types import SimpleNamespace
        from locust.runners import MasterRunner
        from loadkit.swarm.run_end import RunEnd

        def ended(runner, run_time):
            options = SimpleNamespace(headless=True, run_time=run_time)
            end = RunEnd(SimpleNamespace(stop_timeout=0, parsed_options=options, runner=runner))
            end._prepared -= 30
            end.begin()
            return end.natural(workers_left=True)

        result = [ended(None, 30), ended(MasterRunner.__new__(MasterRunner), 30), ended(None, 60)]
        """
    )
    assert (busy, master, early) == ("run_time", "stopped", "stopped")


def test_a_worker_that_starts_its_engines_does_not_take_its_master_for_dead() -> None:
    while_deaf, afterwards = inside_locust(
        """
        from types import SimpleNamespace
        import gevent
        from locust.event import Events
        from loadkit.swarm.master_watch import _LOOK_S, MasterWatch

        ended = gevent.event.Event()
        environment = SimpleNamespace(events=Events(), process_exit_code=None)
        runner = SimpleNamespace(environment=environment, last_heartbeat_timestamp=None, quit=ended.set)
        watch = MasterWatch(runner, lambda: 0.1)
        environment.events.heartbeat_received.fire(client_id="", timestamp=0.0)
        with watch.deaf():
            gevent.sleep(2 * _LOOK_S)
            while_deaf = ended.is_set()
        result = [while_deaf, ended.wait(20)]
        """
    )
    assert not while_deaf
    assert afterwards
