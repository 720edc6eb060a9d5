"""Faults on demand: what goes wrong at the gateway, for which share of the calls, and when.

    kinds.py*          every kind of fault with its keys and their bounds
    grammar.py*        faults out of TOML and out of ``--fault``; every mistake at once
    plan.py*           which call has which faults: exact shares, the same ones for the same seed
    impairment.py*     loss, delay, jitter, order, duplicates of packets; stamps of a clock that drifts
    links.py           the same between a session's media and its peer
    clock.py           a 20 ms clock that runs too fast or too slow
    sockets.py         the ways in which a WebSocket ends
    stall.py           the whole process stands still
    hooks.py           the hooks of a session, and what they do without a fault: nothing
    planned_faults.py  the hooks of a call for which faults were chosen
    gateway_faults.py  the faults of a gateway, dealt out to its calls

``*`` pure: values, seeds and ``now`` in, values out.
"""
