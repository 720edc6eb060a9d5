"""Paths and addresses go round, so that a run of any length is spread as evenly as it can be."""

from __future__ import annotations

import collections

from loadkit.call.spec import CallSpec
from loadkit.swarm.spread import Spread

ADDRESSES = ("127.0.0.1", "127.0.0.2")


def spec(ice_path: str | None = None) -> CallSpec:
    return CallSpec(intended=0.0, ice_path=ice_path)


def test_paths_are_taken_in_turn() -> None:
    spread = Spread(("any", "relay-udp", "relay-tls"), ())
    placed = [spread.over(spec()) for _ in range(7)]
    assert [call.ice_path for call in placed] == ["any", "relay-udp", "relay-tls"] * 2 + ["any"]
    assert {call.local_address for call in placed} == {None}


def test_call_keeps_everything_else() -> None:
    asked = spec()
    placed = Spread(("direct",), ADDRESSES).over(asked)
    assert placed.call_id == asked.call_id
    assert (placed.ice_path, placed.local_address) == ("direct", "127.0.0.1")


def test_path_that_a_locustfile_names_wins_and_its_lists_go_round_apart() -> None:
    spread = Spread(("any", "direct"), ())
    named = [spread.over(spec(path)).ice_path for path in ("relay-tls", None, "relay-udp,relay-tcp", None)]
    assert named == ["relay-tls", "any", "relay-udp", "direct"]
    assert spread.over(spec("relay-udp,relay-tcp")).ice_path == "relay-tcp"


def test_addresses_are_spread_over_the_calls_of_each_path() -> None:
    spread = Spread(("any", "direct"), ADDRESSES)
    placed = [spread.over(spec()) for _ in range(8)]
    counts = collections.Counter((call.ice_path, call.local_address) for call in placed)
    assert set(counts.values()) == {2}
    assert len(counts) == 4


def test_as_many_addresses_as_paths_do_not_meet_in_the_same_pairs() -> None:
    paths = ("any", "direct", "relay-udp")
    spread = Spread(paths, ("127.0.0.1", "127.0.0.2", "127.0.0.3"))
    placed = [spread.over(spec()) for _ in range(9)]
    assert len({(call.ice_path, call.local_address) for call in placed}) == 9
    first_round = {call.local_address for call in placed[:3]}
    assert len(first_round) == 3


def test_workers_begin_at_different_places() -> None:
    firsts = [Spread(("any", "direct", "relay-udp"), ADDRESSES, worker).over(spec()) for worker in range(3)]
    assert [call.ice_path for call in firsts] == ["any", "direct", "relay-udp"]
    assert [call.local_address for call in firsts] == ["127.0.0.1", "127.0.0.2", "127.0.0.1"]


def test_names_may_repeat_to_weigh_more() -> None:
    spread = Spread(("any", "any", "relay-udp"), ())
    assert [spread.over(spec()).ice_path for _ in range(3)] == ["any", "any", "relay-udp"]
