"""How often a comparison is wrong, and what it finds: pairs of runs out of seeds, the tables of ``docs/compare.md``.

    python -m benchmarks.compare_errors                            # 400 pairs a line without a change, 60 with one
    python -m benchmarks.compare_errors --pairs 20 --sizes 1000    # 20 pairs, of 1,000 calls a run

``benchmarks/noisy_runs.py`` makes the runs. Each baseline is held against a run without a change, and against runs in
which several measures are changed at once: the set-up slower, more failed calls, a lower MOS. Words are those of the
command, with all measures in mind.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.noisy_runs import RATE, Noise, noisy_run
from loadkit.compare.blocks import block_width
from loadkit.compare.floors import Floors
from loadkit.compare.gathering import sides
from loadkit.compare.judgement import Word, judge, together
from loadkit.compare.measures import measures

SIZES = (100, 200, 500, 1_000, 5_000)
SEED = 5
CALL_S = 5.0

_BASELINE: Mapping[str, Any] = {"failing": 0.005, "mos": 4.2}
#: What is changed in the second run → how the run is made.
_CHANGES: Mapping[str, Mapping[str, Any]] = {
    "nothing": {},
    "set-up +5 %, failed +1 point, MOS −0.1": {"slower": 1.05, "failing": 0.015, "mos": 4.1},
    "set-up +10 %, failed +2 points, MOS −0.2": {"slower": 1.1, "failing": 0.025, "mos": 4.0},
    "set-up +20 %": {"slower": 1.2},
    "answers +10 %": {"answers": 1.1},
}
#: What is changed → beginnings of the names of the measures that it touches.
_SETUP = ("setup_ms", "websocket_ms", "gathering_ms", "answer_ms", "ice_ms", "dtls_ms")
_TOUCHED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_CHANGES, (*_SETUP, "failed", "mos")),
    "nothing": (),
    "set-up +20 %": _SETUP,
    "answers +10 %": ("setup_ms", "answer_ms"),
}

#: Heading → measure whose word is counted.
_COUNTED = {
    "set-up p50": "setup_ms p50",
    "set-up p95": "setup_ms p95",
    "answer p50": "answer_ms p50",
    "failed calls": "failed",
    "MOS": "mos mean",
}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--pairs", type=int, default=400, help="pairs a line without a change")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="calls of a run")
    parser.add_argument("--noise", nargs="+", choices=list(Noise), default=list(Noise))
    parser.add_argument("--changed", type=int, default=60, help="pairs a line with a change")
    options = parser.parse_args()
    print(f"| noise | calls | changed | any worse | any better | {' | '.join(_COUNTED)} | untouched |")
    print("| --- | ---: | --- |" + " ---: |" * (len(_COUNTED) + 3), flush=True)
    for noise in options.noise:
        for calls in options.sizes:
            for line in lines(Noise(noise), calls, options.pairs, options.changed):
                print(line, flush=True)


def lines(noise: Noise, calls: int, pairs: int, changed: int) -> Iterator[str]:
    """A row of the table for each change; the first pairs have all of them."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for pair in range(pairs):
        for change, words in _words(noise, calls, pair, list(_CHANGES)[: None if pair < changed else 1]):
            counts = found[change]
            counts["pairs"] += 1
            counts["worse"] += Word.WORSE in words.values()
            counts["better"] += Word.BETTER in words.values()
            for heading, measure in _COUNTED.items():
                counts[heading] += words[measure] is Word.WORSE
            counts["untouched"] += any(
                word in (Word.WORSE, Word.BETTER)
                for measure, word in words.items()
                if not measure.startswith(_TOUCHED[change])
            )
    for change, counts in found.items():
        shares = [counts[key] / counts["pairs"] * 100 for key in ("worse", "better", *_COUNTED, "untouched")]
        yield f"| {noise} | {calls:,} | {change} | {' | '.join(f'{share:.3g} %' for share in shares)} |"


def _words(
    noise: Noise, calls: int, pair: int, changes: Sequence[str]
) -> Iterator[tuple[str, dict[str, Word]]]:
    """For each change, the word of each measure; the same luck for all changes of a pair."""
    floors, wanted = Floors(), measures(["ANSWER_TIMEOUT"])
    key = [SEED, pair, calls, list(Noise).index(noise)]
    a = noisy_run(np.random.default_rng([*key, 0]), calls, noise, **_BASELINE)
    width = block_width(calls / RATE, CALL_S)
    blocks = int(calls / RATE // width) + 1
    of_a = sides(a, wanted, width, blocks, 0)
    for change in changes:
        b = noisy_run(np.random.default_rng([*key, 1]), calls, noise, **{**_BASELINE, **_CHANGES[change]})
        of_b = sides(b, wanted, width, blocks, 0)
        judged = [judge(one, floors.of(one), of_a.get(one.name), of_b.get(one.name)) for one in wanted]
        yield change, {one.measure.name: one.word for one in together(judged)}


if __name__ == "__main__":
    main()
