"""Work that Locust must not end half way.

Locust kills the greenlets of users, and the one that starts them: when its time is over, when the page says Stop, when
a user calls ``runner.quit()``. What begins or ends a run may be called in one of these, and the first wait of any kind
would end it there.
"""

from __future__ import annotations

import gevent


def wait_whatever_happens(work: gevent.Greenlet) -> None:
    """Wait until it is done; who is killed meanwhile ends after that.

    :raises gevent.GreenletExit: the one who waits was killed.
    """
    killed = False
    while not work.ready():
        try:
            work.join()
        except gevent.GreenletExit:
            killed = True
    if killed:
        raise gevent.GreenletExit
