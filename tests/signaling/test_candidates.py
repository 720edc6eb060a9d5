"""When remote candidates pass to ICE."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadkit.signaling.candidates import RemoteCandidates
from loadkit.signaling.messages import IceCandidate


def candidate(number: int) -> IceCandidate:
    return IceCandidate(f"candidate:{number}")


def test_candidates_wait_for_the_answer() -> None:
    remote = RemoteCandidates()
    assert remote.candidate_received(candidate(1), now=0)
    assert remote.poll(0) == ([], False)
    remote.answer_applied(candidates_in_sdp=False)
    assert remote.poll(0) == ([candidate(1)], False)
    assert remote.poll(0) == ([], False), "each passes once"


def test_end_waits_for_quiet_after_the_last_candidate() -> None:
    remote = RemoteCandidates(quiet_s=1.0)
    remote.answer_applied(candidates_in_sdp=False)
    remote.end_received(now=10)
    assert remote.next_deadline() is None, "with no candidate the end is never believed"
    remote.candidate_received(candidate(1), now=12)
    assert remote.next_deadline() == 13
    assert remote.poll(12.9) == ([candidate(1)], False)
    assert remote.poll(13) == ([], True)
    assert remote.poll(14) == ([], False), "the end passes once"
    assert remote.next_deadline() is None


def test_candidate_in_the_sdp_is_enough_for_the_end() -> None:
    remote = RemoteCandidates(quiet_s=1.0)
    remote.end_received(now=10)
    remote.answer_applied(candidates_in_sdp=True)
    assert remote.poll(11) == ([], True)


def test_end_said_again_and_again_is_not_put_off() -> None:
    remote = RemoteCandidates(quiet_s=1.0)
    remote.answer_applied(candidates_in_sdp=True)
    for now in (10, 10.5, 10.9):
        remote.end_received(now)
    assert remote.next_deadline() == 11


def test_candidate_after_the_end_passed_is_dropped() -> None:
    remote = RemoteCandidates()
    remote.answer_applied(candidates_in_sdp=True)
    remote.end_received(now=0)
    assert remote.poll(5) == ([], True)
    assert not remote.candidate_received(candidate(1), now=6)


def test_it_is_known_whether_the_end_came_before_a_candidate() -> None:
    remote = RemoteCandidates()
    assert remote.end_came_early is None
    remote.candidate_received(candidate(1), now=0)
    assert remote.end_came_early is None
    remote.end_received(1)
    assert remote.end_came_early is False
    remote.candidate_received(candidate(2), now=1.5)
    remote.end_received(2)
    assert remote.end_came_early is True


def test_no_more_than_the_limit_are_taken_whether_held_or_passed() -> None:
    remote = RemoteCandidates(limit=3)
    assert [remote.candidate_received(candidate(n), now=0) for n in range(2)] == [True, True]
    remote.answer_applied(candidates_in_sdp=False)
    remote.poll(0)
    assert [remote.candidate_received(candidate(n), now=0) for n in range(2)] == [True, False]


steps = st.lists(st.sampled_from(["candidate", "end", "applied", "poll", "wait"]), max_size=40)


@given(steps)
def test_candidates_pass_in_order_exactly_once_and_the_end_last(script: list[str]) -> None:
    remote = RemoteCandidates(quiet_s=1.0, limit=1000)
    now = 0.0
    taken: list[IceCandidate] = []
    passed: list[IceCandidate] = []
    ends = 0
    for number, step in enumerate([*script, "applied", "poll"]):
        match step:
            case "candidate":
                if remote.candidate_received(candidate(number), now):
                    taken.append(candidate(number))
            case "end":
                remote.end_received(now)
            case "applied":
                remote.answer_applied(candidates_in_sdp=False)
            case "wait":
                now += 0.6
            case _:
                deadline = remote.next_deadline()
                new, end = remote.poll(now)
                assert not (new and ends), "nothing passes after the end"
                assert end == (deadline is not None and now >= deadline)
                passed += new
                ends += end
    assert passed == taken
    assert ends <= 1
