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
