"""What is good enough, said before a run and judged after it; docs/thresholds.md is the page for users.

    measures.py     what can be held against a limit, and the columns that a filter can name
    threshold.py    one threshold that was understood: its parts, and its one form as text
    grammar.py      from text to threshold; every fault with its place
    objectives.py   all thresholds of a run, with the warm-up that is left out: one document in run.json
    resolved.py     from the settings to these
    abort.py        a threshold that ends a run when it holds for some time
    presets.py      smoke, typical, strict
    slo_file.py     a file of thresholds

Nothing here knows a table: what a threshold comes to is said by :mod:`loadkit.analysis.threshold_checks`.
"""

from loadkit.thresholds.grammar import ThresholdError, parse_threshold, parse_thresholds
from loadkit.thresholds.threshold import Threshold

__all__ = ["Threshold", "ThresholdError", "parse_threshold", "parse_thresholds"]
