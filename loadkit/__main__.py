"""``python -m loadkit``."""

import sys

from loadkit.collector import collector_off

with collector_off():
    from loadkit.cli import main

sys.exit(main())
