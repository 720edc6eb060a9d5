"""Entry point of an engine process; the one argument is the number of the inherited socket."""

import signal
import sys

# Before the imports, which take a moment: Ctrl-C in a terminal reaches this process, too, and is Locust's matter.
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)

from loadkit.collector import collector_off  # noqa: E402

with collector_off():
    from loadkit.engine.process import main

main(int(sys.argv[1]))
