"""What the report of a run of 72 h with a million calls costs, and how quickly the page opens.

    python -m benchmarks.million_calls [--calls 1000000] [--hours 72] [--keep FOLDER] [--screenshot FILE]

The raw files are written first (about 2.5 GB). ``python -m loadkit report`` then runs in a process of its own: CPU and
wall time, and the most memory that it held at once. Chromium opens the page from the disk: until its text is there
(DOMContentLoaded), until the last picture is drawn, and how much memory its scripts hold then.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.long_run import write_long_run

ROOT = Path(__file__).resolve().parent.parent
_CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"

#: What is promised: seconds of wall time, bytes of memory, bytes of page.
MOST_SECONDS = 60.0
MOST_MEMORY = 2_000_000_000
MOST_PAGE = 5_000_000


@dataclass(frozen=True)
class Cost:
    """Of one report."""

    exit_code: int
    wall_s: float
    cpu_s: float
    memory_bytes: int


@dataclass(frozen=True)
class Opening:
    """Of one page."""

    text_ms: float
    drawn_ms: float
    heap_bytes: float
    pictures: int
    complaints: list[str]


def main() -> int:
    """Write, report, open, and print a table; returns 0 when all promises hold."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_000_000, help="calls of the run")
    parser.add_argument("--hours", type=float, default=72.0, help="length of the run")
    parser.add_argument("--keep", type=Path, help="folder of the run; used as it is when it is there")
    parser.add_argument("--screenshot", type=Path, help="file for a picture of the page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = options.keep or Path(temporary) / "million"
        if not folder.exists():
            write_long_run(folder, options.calls, options.hours)
        cost = report_cost(folder)
        opening = open_page(folder / "report.html", options.screenshot)
        page_bytes = (folder / "report.html").stat().st_size
        raw = sum(
            (folder / name).stat().st_size for name in ("records.jsonl", "figures.jsonl", "arrivals.jsonl")
        )
    rows = [
        ("raw files", f"{raw / 1e6:,.0f} MB", ""),
        ("exit code of report", str(cost.exit_code), ""),
        ("wall time", f"{cost.wall_s:.1f} s", f"under {MOST_SECONDS:g} s"),
        ("CPU time", f"{cost.cpu_s:.1f} s", ""),
        ("most memory", f"{cost.memory_bytes / 1e6:,.0f} MB", f"under {MOST_MEMORY / 1e6:,.0f} MB"),
        ("report.html", f"{page_bytes / 1e6:.2f} MB", f"under {MOST_PAGE / 1e6:g} MB"),
        ("text is there", f"{opening.text_ms:,.0f} ms", ""),
        (f"{opening.pictures} pictures are drawn", f"{opening.drawn_ms:,.0f} ms", ""),
        ("memory of its scripts", f"{opening.heap_bytes / 1e6:.0f} MB", ""),
    ]
    print("| figure | measured | promised |\n| --- | --- | --- |")
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))
    for complaint in opening.complaints:
        print(f"the page complains: {complaint}")
    held = cost.wall_s < MOST_SECONDS and cost.memory_bytes < MOST_MEMORY and page_bytes < MOST_PAGE
    return 0 if held and not opening.complaints else 1


def report_cost(folder: Path) -> Cost:
    """Of ``python -m loadkit report`` on a run folder, as the kernel counted it."""
    began = time.monotonic()
    command = [sys.executable, "-m", "loadkit", "report", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pid = os.posix_spawn(sys.executable, command, environment)
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - began
    # Linux counts ru_maxrss in KiB.
    return Cost(
        os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1_024
    )


def open_page(path: Path, screenshot: Path | None = None) -> Opening:
    """How long a fresh Chromium takes for the page."""
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        began = time.monotonic()
        page.goto(path.resolve().as_uri(), wait_until="domcontentloaded", timeout=120_000)
        text_ms = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        page.wait_for_selector("html[data-drawn=yes]", state="attached", timeout=120_000)
        drawn_ms = (time.monotonic() - began) * 1e3
        heap = page.evaluate("performance.memory.usedJSHeapSize")
        pictures = page.locator(".picture svg").count()
        if screenshot is not None:
            page.screenshot(path=str(screenshot), full_page=True)
        browser.close()
    return Opening(float(text_ms), drawn_ms, float(heap), pictures, complaints)


if __name__ == "__main__":
    raise SystemExit(main())
