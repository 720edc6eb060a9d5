"""How many calls until it breaks: runs of the load test, one after the other, with more or fewer calls.

    search.py*        which load to try next, and where the limit is
    options.py        what can be asked for
    locust_run.py     one step: the locust command in a process of its own
    step.py*          what came of a step: its calls held against the thresholds
    driver.py         step after step, until the search ends
    narration.py      what the terminal shows
    document.py       capacity.json
    command.py        python -m loadkit capacity

``*`` pure: values in, values out.
"""
