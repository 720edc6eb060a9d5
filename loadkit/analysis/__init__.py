"""Folds over the rows of a run: percentiles, calls in progress, fitness of the generator, verdict, summary.

Tables in, plain values out; nothing here reads a file or a clock.
"""

from loadkit.analysis.fitness import Fitness, judge_fitness
from loadkit.analysis.percentiles import distribution, quantile
from loadkit.analysis.summary import SUMMARY_VERSION, summarise
from loadkit.analysis.verdict import Verdict, judge

__all__ = [
    "SUMMARY_VERSION",
    "Fitness",
    "Verdict",
    "distribution",
    "judge",
    "judge_fitness",
    "quantile",
    "summarise",
]
