"""An engine: a process of its own that holds many calls, and the pipe to it.

    process.py  what ``python -m loadkit.engine`` runs: one loop, not monkey-patched, uvloop where it installs
    service.py  commands in, calls held, replies, records and figures out
    figures.py  the engine's own cost and lateness, once a second
    process_figures.py  what a process costs: CPU, memory, descriptors, sockets, threads
    call_counts.py  what it tells of its calls once a second
    link.py     the messages on the pipe, both ways
    client.py   the other end of the pipe, in plain blocking Python
    lost_calls.py  the records of calls that no engine can tell of

The pipe is a Unix socket pair with MessagePack on it, inherited by the child: when either process dies the
other one reads end-of-file at once. No name in the file system, no port, no heartbeat, no orphan.
"""
