"""Entry point of an engine process; the one argument is the number of the inherited socket."""

import sys

from loadkit.engine.process import main

main(int(sys.argv[1]))
