"""How often a comparison is wrong, and what it finds: pairs of runs out of seeds, with and without a difference.

    python -m benchmarks.compare_errors [--pairs 200]

Each run has 300 calls of 5 s in five minutes, set up in 130 ms in the median; what calls have in common wanders by a
tenth over about ten seconds. ``no floors`` asks for any difference at all, ``calls one by one`` is what not to do.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.paired_runs import run_of
from loadkit.compare.document import compare
from loadkit.compare.floors import Floors
from loadkit.compare.gathering import sides
from loadkit.compare.judgement import Word, judge, together
from loadkit.compare.measures import measures
from loadkit.compare.run_data import RunData

_NO_FLOORS = ("0%,0ms", "shares=0%,0pp", "loss=0%,0pp")

#: The words of one pair: measure → word, of those that have one.
Words = dict[str, str]


def main() -> None:
    """Print a row for each kind of pair."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200, help="pairs of each kind")
    number = parser.parse_args().pairs
    print(f"{number} pairs each\n")
    print("| pair | any measure worse | any better | set-up p50 worse | failed calls worse |")
    print("| --- | ---: | ---: | ---: | ---: |", flush=True)
    for name, changes, judged in _KINDS:
        found: Counter[str] = Counter()
        for seed in range(number):
            a, b = run_of(2 * seed), run_of(2 * seed + 1, **changes)
            words = judged(a, b)
            found["worse"] += Word.WORSE in words.values()
            found["better"] += Word.BETTER in words.values()
            found["setup"] += words.get("setup_ms p50") == Word.WORSE
            found["failed"] += words.get("failed") == Word.WORSE
        cells = [f"{found[key] / number * 100:.1f} %" for key in ("worse", "better", "setup", "failed")]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _usual(a: RunData, b: RunData) -> Words:
    return {one["name"]: one["word"] for one in compare(a, b)["measures"]}


def _without_floors(a: RunData, b: RunData) -> Words:
    return {one["name"]: one["word"] for one in compare(a, b, Floors(_NO_FLOORS))["measures"]}


def _one_by_one(a: RunData, b: RunData) -> Words:
    """Without floors, and in blocks so short that each holds a call or none."""
    floors, wanted = Floors(_NO_FLOORS), measures(["ANSWER_TIMEOUT"])
    of_a, of_b = sides(a, wanted, 0.2, 0), sides(b, wanted, 0.2, 1)
    judged = [judge(one, floors.of(one), of_a.get(one.name), of_b.get(one.name)) for one in wanted]
    return {one.measure.name: str(one.word) for one in together(judged)}


#: Name, what the second run has that the first has not, and how they are judged.
_KINDS: Sequence[tuple[str, dict[str, Any], Callable[[RunData, RunData], Words]]] = (
    ("no difference", {}, _usual),
    ("no difference, no floors", {}, _without_floors),
    ("no difference, no floors, calls one by one", {}, _one_by_one),
    ("set-up 10 % slower", {"slower": 1.13}, _usual),
    ("set-up 20 % slower", {"slower": 1.26}, _usual),
    ("5 % of calls fail, before none", {"failing": 0.05}, _usual),
)


if __name__ == "__main__":
    main()
