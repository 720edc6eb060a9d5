"""``python -m tests.swarm.calls_page_picture`` takes the picture in docs/live.md anew: a run that is made up."""

from __future__ import annotations

import subprocess
import sys

from tests.e2e.processes import ROOT, free_port
from tests.interop.chromium import quiet_chromium

PICTURE = ROOT / "docs" / "calls-tab.png"


def take() -> None:
    """Locust's page with the tab chosen."""
    port = free_port()
    command = [sys.executable, "-m", "tests.swarm.served_calls_page", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            with quiet_chromium() as browser:
                page = browser.new_page(color_scheme="light", viewport={"width": 1280, "height": 1460})
                page.goto(f"http://127.0.0.1:{port}/?tab=calls")
                page.frame_locator("iframe[title]").locator("html[data-ready=yes]").wait_for()
                page.mouse.move(0, 0)
                page.wait_for_timeout(1500)
                page.screenshot(path=PICTURE)
        finally:
            process.kill()


if __name__ == "__main__":
    take()
