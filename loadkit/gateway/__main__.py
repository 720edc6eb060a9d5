"""``python -m loadkit.gateway``: the gateway without the other commands and what they import."""

import argparse
import sys

from loadkit.collector import collector_off

with collector_off():
    from loadkit.gateway.command import add_arguments, run

parser = argparse.ArgumentParser(
    prog="python -m loadkit.gateway", description="A voice gateway to practise against."
)
add_arguments(parser)
sys.exit(run(parser.parse_args()))
