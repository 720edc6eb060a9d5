"""``python -m tests.interop.page_picture`` takes the picture in the gateway's documentation anew.

A real call in a real Chromium, through a real coturn over TLS.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from loadkit.gateway.coturn import Coturn
from loadkit.gateway.embedded import EmbeddedGateway
from loadkit.gateway.self_signed import write_self_signed

from .chromium import CallPage, chromium
from .conftest import ROOT, SPOKEN

PICTURE = ROOT / "docs" / "gateway-page.png"

_BOTH_ARE_HEARD = """
() => ["own-level", "remote-level"].every((id) => +document.getElementById(id).getAttribute("aria-valuenow") > -30)
  && document.getElementById("round-trip-detail").textContent === "by RTCP"
"""


def take() -> None:
    """Place the call and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        certificate, key = write_self_signed(home, ["127.0.0.1"])
        secret = secrets.token_hex()
        coturn = Coturn(secret, certificate=(certificate, key))
        os.environ["LOADKIT_GATEWAY_TURN_SECRET"] = secret
        gateway = EmbeddedGateway([f"--turn-url={url}" for url in coturn.urls])
        try:
            coturn.start()
            url = gateway.start([])
            _photograph(url, certificate, home)
        finally:
            gateway.stop()
            coturn.stop()


def _photograph(url: str, authority: Path, home: Path) -> None:
    size = {"width": 1200, "height": 900}
    with (
        sync_playwright() as playwright,
        chromium(playwright, SPOKEN, home=home, authority=authority) as browser,
        CallPage(browser, url, viewport=size, color_scheme="light") as call,
    ):
        call.open()
        call.connect("echo", path="relay-tls")
        call.connected()
        call.page.wait_for_function(_BOTH_ARE_HEARD)
        call.page.screenshot(path=PICTURE, full_page=True)


if __name__ == "__main__":
    take()
