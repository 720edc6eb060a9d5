"""What a Locust process has to load."""

from __future__ import annotations

from tests.swarm.inside_locust import inside_locust


def test_a_locust_process_loads_no_pandas_and_no_scipy_not_even_for_those_who_listen_to_a_run() -> None:
    # They take seconds of CPU, in the greenlet that begins a run while its time is already counted.
    heavy = inside_locust(
        """
        import loadkit.swarm.lifecycle
        import loadkit.swarm.abort
        import loadkit.swarm.health_poll
        import loadkit.swarm.live_views
        import loadkit.swarm.planned_marks
        result = sorted({"pandas", "scipy", "pyarrow", "altair"} & set(sys.modules))
        """
    )
    assert heavy == []
