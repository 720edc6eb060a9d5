"""``python -m tests.reporters.report_picture`` takes the picture in README.md and docs/ anew: a run of a minute, two
callers a second against the built-in gateway, and the top of its page; with a run folder, the top of that run's."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.e2e.processes import ROOT
from tests.interop.chromium import quiet_chromium

PICTURE = ROOT / "docs" / "report.png"

_RUN = (
    "-f locustfile.py --headless --only-summary --arrival-rate 2/s --call-duration 15s"
    " -t 60s --stop-timeout 30 --call-mode end-to-end --run-id demo"
)
_ASKED = (
    "--slo",
    "setup_ms p95 < 800",
    "--slo",
    "failed < 1%",
    "--slo",
    "mos min > 4",
    "--mark",
    "40s:failover",
)


def run_to(reports: Path) -> Path:
    """A real run, so that the picture shows what a reader will see."""
    locust = [sys.executable, "-m", "locust", *_RUN.split(), *_ASKED, "--reports-dir", str(reports)]
    subprocess.run(locust, cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
    return reports / "demo"


def take(folder: Path) -> None:
    """The top of the page of a run."""
    with quiet_chromium() as browser:
        page = browser.new_page(color_scheme="light", viewport={"width": 1280, "height": 2150})
        page.goto((folder.resolve() / "report.html").as_uri())
        page.wait_for_selector("html[data-drawn=yes]")
        page.screenshot(path=PICTURE)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        take(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as reports:
            take(run_to(Path(reports)))
