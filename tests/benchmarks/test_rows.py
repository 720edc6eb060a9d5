"""A measurement tells when its figures mean nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.rows import Row
from benchmarks.table import rows_table

#: Ten calls for ten seconds.
GOOD = Row(
    name="some caller",
    calls=10,
    seconds=10.0,
    cpu_share=0.05,
    gateway_share=0.1,
    due=5000,
    sent=4999,
    received=4990,
    at_gateway=4998,
    echoed=4998,
    threads=1,
)


def test_cpu_of_a_call_is_the_share_over_the_calls_and_calls_per_core_its_reverse() -> None:
    assert GOOD.faults == []
    assert GOOD.ms_per_call_second == pytest.approx(5.0)
    assert GOOD.calls_per_core == pytest.approx(200.0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sent": 4900}, "packets sent: 4,900, due: 5,000"),
        ({"at_gateway": 4900}, "packets that reached the gateway: 4,900, sent: 4,999"),
        ({"echoed": 4900}, "packets echoed: 4,900, that reached the gateway: 4,998"),
        ({"received": 4900}, "packets that came back: 4,900, echoed: 4,998"),
        ({"received": 5100}, "packets that came back: 5,100, echoed: 4,998"),
        ({"failures": {"MEDIA_LOST": 2}}, "2 calls failed: MEDIA_LOST"),
    ],
)
def test_a_measurement_without_its_packets_has_no_figures_and_says_why(
    change: dict[str, object], told: str
) -> None:
    row = replace(GOOD, **change)  # type: ignore[arg-type]
    assert row.faults[0] == told
    assert row.ms_per_call_second is None
    assert row.calls_per_core is None
    assert f"INVALID: some caller, 10 calls: {told}" in rows_table([row.document()])


def test_lateness_beyond_every_edge_is_told_as_the_last_edge_since_json_has_no_infinity() -> None:
    document = replace(GOOD, late_ms_p50=0.2, late_ms_p99=float("inf"), late_ms_max=float("inf")).document()
    assert document["late_ms_p99"] == 5000.0
    json.dumps(document, allow_nan=False)


def test_what_was_not_measured_is_shown_as_a_dash() -> None:
    line = rows_table([GOOD.document()]).splitlines()[1]
    assert line.split() == ["some", "caller", "10", "5.000", "200", "5.0%", "10.0%", "-", "1", "-", "-", "-"]


def test_other_work_on_the_machine_is_told_beside_the_figures_it_made_too_high() -> None:
    row = replace(GOOD, others_share=0.5)
    assert row.calls_per_core == pytest.approx(200.0)
    told = "DISTURBED: some caller, 10 calls: other work on the machine used 50.0% of a core meanwhile"
    assert told in rows_table([row.document()])
    assert "DISTURBED" not in rows_table([GOOD.document()])
