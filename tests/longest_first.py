"""The order of test files: those that take long come first, so that at the end no worker is alone with one of them.

``make test`` hands out whole files. xdist itself begins with those that hold many tests, which are the quick ones:
files of two or three whole runs would be left for the end, one worker busy with each and the others idle.
"""

from __future__ import annotations

#: Files that take more than about twenty seconds, by what ``--durations`` said. One that is missing here costs seconds.
LONGEST_FIRST = (
    "tests/e2e/test_exit_codes.py",
    "tests/e2e/test_locustfile.py",
    "tests/e2e/test_paths.py",
    "tests/e2e/test_web_page.py",
    "tests/e2e/test_endings.py",
    "tests/e2e/test_headless_run.py",
    "tests/e2e/test_arrivals.py",
    "tests/e2e/test_workers.py",
    "tests/capacity/test_command.py",
    "tests/conformance/test_broken_gateways.py",
    "tests/conformance/test_command.py",
    "tests/interop/test_page_in_chromium.py",
    "tests/reliability/test_workers.py",
    "tests/reliability/test_one_long_run.py",
    "tests/reporters/test_page_in_browser.py",
    "tests/e2e/test_thresholds.py",
    "tests/e2e/test_tls.py",
    "tests/e2e/test_watchdog.py",
    "tests/e2e/test_live.py",
    "tests/e2e/test_metrics.py",
    "tests/e2e/test_ci_jobs.py",
    "tests/e2e/test_soak.py",
    "tests/gateway/test_broken_calls.py",
    "tests/gateway/faults/test_page.py",
    "tests/interop/test_page_in_firefox.py",
    "tests/interop/test_page_and_gateway.py",
    "tests/interop/test_page_looks.py",
    "tests/interop/test_page_through_turn.py",
    "tests/swarm/test_health_poll.py",
    "tests/swarm/test_options.py",
    "tests/swarm/test_calls_page.py",
    "tests/probe/test_command.py",
    "tests/compare/test_command.py",
    "tests/gateway/test_truth.py",
    "tests/reporters/test_docs.py",
)

_PLACES = {path: place for place, path in enumerate(LONGEST_FIRST)}


def place_of(node_id: str) -> int:
    """Where a test's file stands in the order; quick files are behind all others."""
    return _PLACES.get(node_id.partition("::")[0], len(_PLACES))
