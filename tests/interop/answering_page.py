"""A page in Chromium as the other side of a call: it answers the caller's offer and sends back what it hears."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.fakes import Line

from .chromium import CHROMIUM, PATIENCE_MS, QUIET_ARGUMENTS, START_MS

#: Answered by the test itself, so that the page is a secure context of 127.0.0.1 and no server is needed.
_PAGE = "http://127.0.0.1:9/answering"

#: What comes in goes through WebAudio and out again. Chromium feeds remote sound into WebAudio only while an audio
#: element plays it, too.
_SCRIPT = """
window.answer = async (offer) => {
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  microphone.getTracks().forEach((track) => track.stop());
  const context = new AudioContext({ sampleRate: 48000 });
  const back = context.createMediaStreamDestination();
  const peer = window.peer = new RTCPeerConnection({ iceServers: [] });
  window.changes = [];
  const note = (what) => window.changes.push(what);
  peer.addEventListener("connectionstatechange", () => note(`connection ${peer.connectionState}`));
  peer.addEventListener("icecandidate", ({ candidate }) => window.trickle(candidate ? candidate.candidate : ""));
  peer.addEventListener("track", ({ track }) => {
    track.addEventListener("mute", () => note("muted"));
    track.addEventListener("unmute", () => note("unmuted"));
    track.addEventListener("ended", () => note("ended"));
    const stream = new MediaStream([track]);
    window.sound = new Audio();
    window.sound.srcObject = stream;
    window.sound.play();
    new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(back);
  });
  await peer.setRemoteDescription({ type: "offer", sdp: offer });
  peer.getTransceivers()[0].direction = "sendrecv";
  await peer.getTransceivers()[0].sender.replaceTrack(back.stream.getAudioTracks()[0]);
  await peer.setLocalDescription(await peer.createAnswer());
  return peer.localDescription.sdp;
};
window.add = (candidate) => window.peer.addIceCandidate({ candidate, sdpMid: "0", sdpMLineIndex: 0 });
window.entries = async () => {
  const entries = [];
  (await window.peer.getStats()).forEach((entry) => entries.push(entry));
  return JSON.stringify(entries);
};
"""


@contextlib.asynccontextmanager
async def answering_chromium(home: Path) -> AsyncIterator[Browser]:
    """A Chromium whose pages may use a microphone, which lets them tell their addresses.

    :param home: an empty folder; its home.
    """
    arguments = [
        *QUIET_ARGUMENTS,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=arguments, env={"HOME": str(home)}, timeout=START_MS
        )
        try:
            yield browser
        finally:
            await browser.close()


class AnsweringPage:
    """One call in a page of its own; :meth:`script` is what the gateway in front of it does."""

    def __init__(self, page: Page) -> None:
        self.page = page
        #: Candidates of Chromium; "" is their end.
        self.candidates: asyncio.Queue[str] = asyncio.Queue()

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, browser: Browser) -> AsyncIterator[AnsweringPage]:
        """A page that waits for an offer."""
        context = await browser.new_context()
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        await page.route(
            "**/*", lambda route: route.fulfill(content_type="text/html", body="<!doctype html>")
        )
        answering = cls(page)
        await page.expose_function("trickle", answering.candidates.put_nowait)
        await page.goto(_PAGE)
        await page.evaluate(f"() => {{ {_SCRIPT} }}")
        try:
            yield answering
        finally:
            await context.close()

    async def script(self, line: Line) -> None:
        """Hand offer, answer and candidates over, both ways, until the caller leaves."""
        offer = await line.take_offer()
        answer = await self.page.evaluate("(offer) => window.answer(offer)", offer["data"]["sdp"])
        await line.send_sdp(answer)
        trickling = asyncio.create_task(self._trickle(line))
        try:
            while True:
                data = (await line.message("ice-candidate"))["data"]
                if data["candidate"]:
                    await self.page.evaluate("(candidate) => window.add(candidate)", data["candidate"])
        finally:
            trickling.cancel()

    async def _trickle(self, line: Line) -> None:
        """Only what is on loopback: the machine's other addresses would do, too, but are nobody's business here."""
        while candidate := await self.candidates.get():
            if candidate.split()[4].startswith("127."):
                await line.send_candidate(candidate)
        await line.send_candidate("")

    async def figures(self) -> dict[str, dict[str, Any]]:
        """getStats(), by type; of several of a type the last."""
        entries = json.loads(await self.page.evaluate("window.entries()"))
        return {entry["type"]: entry for entry in entries}

    async def changes(self) -> list[str]:
        """What became of connection and track, in order."""
        noted: list[str] = await self.page.evaluate("window.changes")
        return noted
