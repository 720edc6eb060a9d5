"""What a Locust process has to load."""

from __future__ import annotations

from tests.swarm.inside_locust import inside_locust


def test_a_locust_process_loads_nothing_heavy_that_no_option_asks_for() -> None:
    # They take seconds of CPU, in the greenlet that begins a run while its time is already counted.
    heavy = inside_locust(
        """
        import loadkit.swarm.lifecycle
        heavy = {"pandas", "scipy", "pyarrow", "altair", "rich", "prometheus_client", "opentelemetry", "jsonschema",
                 "aiortc"}
        result = sorted(heavy & set(sys.modules))
        """
    )
    assert heavy == []
