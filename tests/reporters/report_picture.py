"""``python -m tests.reporters.report_picture`` takes the picture in README.md and docs/ anew: a run of 30 s, 10 callers
against the built-in gateway, and the top of its page."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.processes import ROOT
from tests.interop.chromium import CHROMIUM, QUIET_ARGUMENTS

PICTURE = ROOT / "docs" / "report.png"

_RUN = "-f locustfile.py --headless --only-summary -u 10 -r 5 -t 30s --call-mode end-to-end --run-id demo"
_ASKED = (
    "--slo",
    "setup_ms p95 < 800",
    "--slo",
    "failed < 1%",
    "--slo",
    "mos min > 4",
    "--mark",
    "12s:failover",
)


def take() -> None:
    """A real run, so that the picture shows what a reader will see."""
    with tempfile.TemporaryDirectory() as reports:
        locust = [sys.executable, "-m", "locust", *_RUN.split(), *_ASKED, "--reports-dir", reports]
        subprocess.run(locust, cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET_ARGUMENTS)
            page = browser.new_page(color_scheme="light", viewport={"width": 1280, "height": 1600})
            page.goto((Path(reports) / "demo" / "report.html").as_uri())
            page.wait_for_selector("html[data-drawn=yes]")
            page.screenshot(path=PICTURE)
            browser.close()


if __name__ == "__main__":
    take()
