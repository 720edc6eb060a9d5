"""Debian's Firefox without a screen, driven over WebDriver BiDi (W3C): JSON over a WebSocket of its own.

Only what the page's tests need: one window, scripts in it, what its console was told.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

FIREFOX = shutil.which("firefox-esr") or "/usr/bin/firefox-esr"
_START_S = 120.0
_ANSWER_S = 120.0
_STOP_S = 20.0

needs_firefox = [
    pytest.mark.browser,
    # On CI a missing browser is a failure, not a reason to leave tests out.
    pytest.mark.skipif(
        not Path(FIREFOX).exists() and not os.environ.get("CI"), reason="needs Debian's firefox-esr"
    ),
]

_NOWHERE = ""
#: A microphone that hums at 1 kHz, candidates on loopback, and not one request to anybody's servers.
_PREFERENCES: dict[str, bool | int | str] = {
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    # Only a page that may use the microphone is given more than the default route's address.
    "permissions.default.microphone": 1,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "media.gmp-manager.url": _NOWHERE,
    "media.gmp-manager.updateEnabled": False,
    "app.update.disabledForTesting": True,
    "app.normandy.enabled": False,
    "browser.newtabpage.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "browser.search.update": False,
    "browser.region.network.url": _NOWHERE,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "captivedetect.canonicalURL": _NOWHERE,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.trr.mode": 5,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": _NOWHERE,
    "toolkit.telemetry.unified": False,
    # What is left that would ask out finds no way.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.no_proxies_on": "127.0.0.1",
}


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """A running Firefox.

    :param folder: an empty one, for its home and profile.
    """
    profile = folder / "profile"
    profile.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in _PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = folder / "firefox.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(os.environ) | {"HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"},
        )
    try:
        address = _address(process, said) + "/session"
        # A busy Firefox may leave pings unanswered.
        with connect(address, max_size=None, proxy=None, open_timeout=_START_S, ping_interval=None) as socket:
            yield Firefox(socket)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], said: Path) -> str:
    """The WebSocket that it says it listens at."""
    deadline = time.monotonic() + _START_S
    while True:
        text = said.read_text(encoding="utf-8", errors="replace")
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", text):
            return found[1]
        assert process.poll() is None, f"Firefox ended: {text}"
        assert time.monotonic() < deadline, f"Firefox did not come up: {text}"
        time.sleep(0.05)


class Firefox:
    """One window of a Firefox."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        #: Errors and warnings of the console.
        self.complaints: list[str] = []
        self._ask("session.new", capabilities={})
        self._ask("session.subscribe", events=["log.entryAdded"])
        self._window = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def before_each_page(self, function: str) -> None:
        """Run a JavaScript function before each page's own script."""
        self._ask("script.addPreloadScript", functionDeclaration=function)

    def open(self, url: str) -> None:
        """Load a page."""
        self._ask("browsingContext.navigate", context=self._window, url=url, wait="complete")

    def run(self, function: str, *values: str | float) -> Any:
        """Call a JavaScript function in the page and await it; its result must be text, a number or nothing."""
        kinds = {str: "string", int: "number", float: "number"}
        answer = self._ask(
            "script.callFunction",
            functionDeclaration=function,
            awaitPromise=True,
            target={"context": self._window},
            arguments=[{"type": kinds[type(value)], "value": value} for value in values],
            userActivation=True,
        )
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return answer["result"].get("value")

    def wait_for(self, expression: str, timeout: float = 60.0) -> None:
        """Wait until a JavaScript expression is true in the page."""
        deadline = time.monotonic() + timeout
        while not self.run(f"() => Boolean({expression})"):
            assert time.monotonic() < deadline, f"{expression} did not become true"
            time.sleep(0.1)

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=_ANSWER_S))
            if message.get("method") == "log.entryAdded" and message["params"]["level"] in ("error", "warn"):
                self.complaints.append(f"{message['params']['level']}: {message['params']['text']}")
            if message.get("id") == number:
                assert message["type"] == "success", message
                result: dict[str, Any] = message["result"]
                return result
