"""A run while it goes: what is told of it, folded into one small state, and shown.

state.py*      what is known of a run: records, figures, arrivals and marks in, a view out
plan.py*       what a run means to do: how long, with which limits
recent.py*     the last minute of a latency, the last seconds of a count
failures.py*   failed calls by code, and the newest of them; bounded whatever a gateway sends
generator.py*  engines and Locust processes against their limits
wording.py*    numbers as people read them
lines.py*      a view as lines of a log
screen.py      a view as a screen of a terminal
page/          a view as a page

Nothing here knows Locust, sockets or clocks: ``now`` is handed in. ``swarm/live`` feeds and shows it.
"""
