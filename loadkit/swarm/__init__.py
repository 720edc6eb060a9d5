"""Locust: users that place calls, the run's options, its beginning and its end.

    user.py        CallUser and Call: what a locustfile is written with
    options.py     the settings as Locust options
    known_options.py  Locust's own options, worked out once per process
    preflight.py   what is checked before the first call
    open_files.py  whether the machine lets a run have as many sockets open as it needs
    muster.py      a headless master until its workers are there
    spread.py      paths and local addresses, given to calls in turn
    arrivals.py    the arrivals of a run, drawn in one place; rates are in loadkit/arrival_rates.py
    offer.py       the traffic that they offer
    load.py        hands them out, counts them, watches the budget
    hands.py       to the callers of this process, or to those of the workers
    shares.py      which worker gets the next one
    run_clock.py   its moment on the worker's clock
    callers.py     starts a caller for each
    redial.py      how long a caller waits after a call that failed at once
    no_users.py    has Locust start no users of its own meanwhile
    dispatch.py    has Locust give users to every worker, and to none when a run is being ended
    talk_time.py   how long calls have been connected
    traffic.py     all of this for one process, one run after the other
    pool.py        the engines of this process, least loaded first
    media_path.py  says once what carries the media where it is not what carries most
    statistics.py  records as Locust's own table shows them
    forwarding.py  records from the workers to the master
    worker.py      what a worker does for its master
    master_watch.py  its eye on its master
    workers.py     what the master does about them: who takes part, who is gone too early, their end of a run
    watchdog.py    ends a run whose generator stands still
    abort.py       ends a run that is hopeless
    reachability.py  whether anything answers at the gateway's address
    own_figures.py what the Locust process itself costs
    health_look.py  one look at the gateway's /health
    health_poll.py  such looks while a run goes, and on until its sessions are gone
    run.py         the run's folder, on the process that reports
    subcommand.py  makes its report, and compares it, in a process of its own
    baseline.py    an earlier run that it is held against, before and after
    run_listener.py  what a listener of the run is told
    listeners.py   who listens to a run: all those below, and abort.py
    live.py        what is known of the run while it goes
    live_views.py  whether a terminal shows it, and how
    terminal_view.py  as a view at its bottom
    log_lines.py   as lines of the log
    last_word.py   how a run ended and where its report is, as the last line
    foreign_pages.py  keeps pages of other sites from starting and stopping runs
    calls_page.py  in a tab of Locust's page
    metrics.py     as metrics for Prometheus and OpenTelemetry
    planned_marks.py  makes the marks of --mark
    locusts_own.py  Locust's own options, where they would end in no call or a traceback
    configuration.py  settings, gateway and token as they are now, and what engines are told
    run_end.py     why it ends, and Locust with it
    course.py      one run after the other: begins, is being ended, has ended
    swarm.py       all that is held for one Locust environment
    patience.py    waits for what must not be ended half way
    lifecycle.py   Locust's events: what happens when

The only package that imports locust and gevent.
"""
