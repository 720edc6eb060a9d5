"""Whether one run is better or worse than another, measure by measure, or cannot be told apart from it.

    run_data    a run's tables, only the columns that are compared
    comparable  why two runs cannot be held against each other
    before      the same for a baseline, before the run that it is for has begun
    measures    what is compared, out of which column
    blocks      calls gathered by blocks of time, which is what is drawn anew
    bootstrap   the interval of a difference, and how sure it is that it lies beyond a floor
    floors      differences that nobody cares about, whatever their interval
    judgement   better, worse, cannot be told apart; with many measures in mind
    document    all of it as plain values; text, markdown and page tell them

``docs/compare.md`` is for people, and says how often it is wrong.
"""
