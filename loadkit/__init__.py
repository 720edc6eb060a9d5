"""Load and soak tests for WebRTC voice gateways.

A **call** talks **signaling** and **media** to a gateway and leaves one **record**. An **engine** process
holds many calls. A **swarm** of Locust users places them. A **run** keeps their records, **analysis** judges
the run, **reporters** tell. A **gateway** is there to practise against.

    swarm/      Locust: users, options, run          gateway/    the reference gateway
    engine/     a process that holds calls           reporters/  page, JSON, text
    call/       one call, from start to record       runs/       the folder of a run
    transport/  SDP, ICE, DTLS, SRTP                 analysis/   summary, fitness
    signaling/  the wire protocol, no I/O in it      media/      samples, clock, RTP, voice
    thresholds/ what is good enough                  compare/    two runs, side by side
    live/       a run while it goes                  metrics/    the same for Prometheus and OpenTelemetry
    records     what is kept of a call               settings    what can be set
    arrival_rates, distributions   when calls arrive, how long they are talked
    errors      error tree, codes, exit codes        cli         python -m loadkit

Start to read at ``locustfile.py``, then ``swarm/user.py`` and ``call/session.py``.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadkit.swarm.user import Call as Call
    from loadkit.swarm.user import CallUser as CallUser

__all__ = ["Call", "CallUser"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Only on demand: importing locust monkey-patches the process, which engines and gateways must not be.
    if name in __all__:
        try:
            from loadkit.collector import collector_off

            with collector_off():
                from loadkit.swarm import user
        except KeyboardInterrupt:
            print("loadkit: interrupted before the first call", file=sys.stderr)
            raise SystemExit(130) from None
        return getattr(user, name)
    raise AttributeError(f"module 'loadkit' has no attribute {name!r}")
