"""What happens in a Locust process from beginning to end; the rest is in tests/e2e."""

from __future__ import annotations

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
