"""Locust: users that place calls, the run's options, its beginning and its end.

    user.py        CallUser and Call: what a locustfile is written with
    options.py     the settings as Locust options
    preflight.py   what is checked before the first call
    spread.py      paths and local addresses, given to calls in turn
    pool.py        the engines of this process, least loaded first
    statistics.py  records as Locust's own table shows them
    forwarding.py  records from the workers to the master
    run.py         the run's folder, on the process that reports
    lifecycle.py   Locust's events: what happens when

The only package that imports locust and gevent.
"""
