"""The gateway's page in Debian's Chromium, with a WAV as its microphone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from . import in_the_page
from .sound import Samples

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"

#: Waits are for events; this is how long a busy machine may take for one.
PATIENCE_MS = 60_000
#: And for the start of a browser.
START_MS = 120_000

#: A Chromium that asks nobody outside for anything.
QUIET_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    # Nothing is looked up, and a name that is no secure context leads here.
    "--host-resolver-rules=MAP gateway.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
]

#: On CI a missing browser is a failure, not a reason to leave tests out.
where_chromium_is: pytest.MarkDecorator = pytest.mark.skipif(
    not Path(CHROMIUM).exists() and not os.environ.get("CI"), reason="needs Debian's chromium"
)
needs_chromium = [pytest.mark.browser, where_chromium_is]

needs_certutil = pytest.mark.skipif(
    shutil.which("certutil") is None and not os.environ.get("CI"),
    reason="needs certutil: apt-get install libnss3-tools",
)


@contextmanager
def quiet_chromium() -> Iterator[Browser]:
    """A running Chromium for pages that need nothing but a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET_ARGUMENTS, timeout=START_MS)
        yield browser
        browser.close()


@contextmanager
def chromium(
    playwright: Playwright,
    microphone: Path | None,
    *,
    home: Path,
    allowed: bool = True,
    authority: Path | None = None,
) -> Iterator[Browser]:
    """A running Chromium.

    :param microphone: WAV that it hears again and again; None for a machine without microphone.
    :param home: an empty folder; its home.
    :param allowed: whether its user allows pages to use the microphone.
    :param authority: PEM of an authority that it trusts, also for TURN.
    """
    arguments = list(QUIET_ARGUMENTS)
    if microphone is not None:
        arguments += [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}",
        ]
        if allowed:
            arguments.append("--use-fake-ui-for-media-stream")
    if authority is not None:
        trust(authority, home)
    environment: dict[str, Any] = dict(os.environ) | {"HOME": str(home)}
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=arguments, env=environment, timeout=START_MS
    )
    try:
        yield browser
    finally:
        browser.close()


def trust(authority: Path, home: Path) -> None:
    """Let Chromium, when this is its home, trust an authority: Linux's has NSS's database for that."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    for command in (
        ["-N", "--empty-password"],
        ["-A", "-n", "loadkit test", "-t", "C,,", "-i", str(authority)],
    ):
        done = subprocess.run(
            ["certutil", "-d", f"sql:{database}", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr


class CallPage:
    """The gateway's page in a window of its own.

    :param url: the gateway's.
    :param context: options of the browser's context.
    """

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        #: Everything that the console was told.
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.add_init_script(f"({in_the_page.WITNESS})()")
        self.url = url.replace("ws", "http", 1)

    def __enter__(self) -> CallPage:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def open(self, url: str | None = None) -> CallPage:
        """Load the page."""
        self.page.goto((url or self.url) + "/")
        self.page.wait_for_selector("html[data-ready=yes]")
        return self

    def connect(
        self,
        mode: str = "echo",
        *,
        token: str = "a token of the test",
        path: str = "any",
        record: float = 0.0,
    ) -> None:
        """Fill the form and press Connect; with ``record``, keep so many seconds of what is heard."""
        page = self.page
        page.fill("#token", token)
        page.select_option("#mode", mode)
        page.select_option("#path", path)
        # What the microphone hears shall go out as it is.
        page.uncheck("#processing")
        if record:
            page.evaluate(in_the_page.START_RECORDING, record)
        page.click("#connect")

    def connected(self) -> None:
        """Wait until the gateway is heard."""
        self.page.wait_for_selector("#stages tr[data-stage='First packet'].done, #failure .bad")
        assert self.failure() == ""

    def ended(self) -> str:
        """Wait until the call has ended; what the page says of it."""
        expect(self.page.locator("#status-word")).to_have_text("Ended", timeout=PATIENCE_MS)
        return self.status()

    def status(self) -> str:
        """The status line."""
        return self.page.inner_text("#status")

    def failure(self) -> str:
        """The failure that is told; empty without one."""
        return self.page.inner_text("#failure")

    def recorded(self) -> Samples:
        """What was recorded since :meth:`connect`."""
        return in_the_page.samples_of(self.page.evaluate("window.recording"))

    def selected_pair(self) -> dict[str, str | None]:
        """Types of the selected pair and the protocol to the TURN server, out of getStats()."""
        found: dict[str, str | None] = json.loads(self.page.evaluate(in_the_page.SELECTED_PAIR))
        return found

    def log(self) -> list[tuple[str, str]]:
        """(direction, type) of every entry of the log."""
        rows = self.page.evaluate(
            "[...document.querySelectorAll('#log li')].map((row) => [row.querySelector('.way')"
            ".getAttribute('aria-label'), row.querySelector('.kind').textContent])"
        )
        return [(way, kind) for way, kind in rows]

    def assert_clean(self, *allowed: str) -> None:
        """Nothing on the console, and nothing that the policy refused, but what is allowed."""
        assert [c for c in self.complaints if not any(text in c for text in allowed)] == []
        assert self.page.evaluate("window.violations") == []
