"""The caller against a real Chromium: each end's own statistics say of the call what the other end's do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from loadkit.call.context import make_context
from loadkit.call.destination import Destination
from loadkit.call.lifetime import CallEnded
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.media.clock import MediaClock
from loadkit.media.samples import load_sample
from loadkit.records import CallRecord, Outcome
from loadkit.settings import make_settings
from tests.fakes import CERTIFICATE, ScriptedGateway
from tests.media_paths import MEDIA_PATHS
from tests.waiting import PATIENT, echo_was_held_up

from .answering_page import AnsweringPage, answering_chromium
from .chromium import needs_chromium
from .conftest import SPOKEN

# One loop for the module, because it has one browser.
pytestmark = [*needs_chromium, pytest.mark.asyncio(loop_scope="module")]


#: Packets on their way when figures are taken, or when a call begins or ends.
ON_THE_WAY = 100
#: Seconds, besides what the machine let packets wait. On loopback jitter and round trip are a few ms, on a busy machine
#: up to hundreds; in another unit they would be thousands of times as large.
SMALL_S = 1.0
#: Share of the sound that Chromium had to make up: a busy machine sends in fits and starts.
CONCEALED = 0.5

Figures = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Call:
    """One call as both ends saw it."""

    record: CallRecord
    before: Figures
    """Chromium's getStats() shortly before the end."""
    after: Figures
    """And after it."""
    changes: list[str]

    @property
    def small_s(self) -> float:
        """What a few ms may have become."""
        assert self.record.late_ms_max is not None
        return SMALL_S + self.record.late_ms_max / 1000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with answering_chromium(tmp_path_factory.mktemp("home")) as browser:
        yield browser


async def until(page: AnsweringPage, enough: Callable[[Figures], bool]) -> Figures:
    """Chromium's figures as soon as they are as they should be."""
    async with asyncio.timeout(60):
        while not enough(figures := await page.figures()):  # noqa: ASYNC110 - nobody tells that a report came
            # getStats() answers the same for 50 ms.
            await asyncio.sleep(0.1)
    return figures


async def call_chromium(browser: Browser, media_path: str) -> Call:
    """Talk until both ends know the round trip time, then hang up."""
    # A browser that comes up beside others takes its time over its first call.
    settings = make_settings({"auth_token": "token", "media_path": media_path, **PATIENT})
    clock = MediaClock()
    async with (
        AnsweringPage.opened(browser) as page,
        ScriptedGateway(page.script) as gateway,
    ):
        destination = Destination.of(f"ws://{gateway.address}", settings)
        context = make_context(settings, destination, certificate=CERTIFICATE, clock=clock)
        session = CallSession(CallSpec(time.monotonic(), call_sid="sid"), context)
        task = asyncio.create_task(session.run())
        await session.wait_connected()
        talking = asyncio.create_task(session.script.talk(load_sample(SPOKEN), 60))
        before = await until(
            page,
            lambda figures: (
                "roundTripTime" in figures.get("remote-inbound-rtp", {})
                and session.so_far().round_trip_time is not None
            ),
        )
        session.hang_up(Outcome.COMPLETED)
        record, _ = await task
        with pytest.raises(CallEnded):
            await talking
        # BYE takes the report of those packets away; a call that ends without leaves it there.
        after = await until(page, lambda figures: "remote-inbound-rtp" not in figures)
        changes = await page.changes()
    clock.close()
    return Call(record, before, after, changes)


@pytest.mark.parametrize("media_path", MEDIA_PATHS)
async def test_caller_and_chromium_measure_the_same_call_alike(
    browser: Browser, media_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadkit.call.media.REPORT_INTERVAL_S", 1.0)
    call = await call_chromium(browser, media_path)
    assert (call.record.outcome, call.record.media_path) == (Outcome.COMPLETED, media_path)
    assert_what_chromium_received(call)
    assert_reports_of_both(call)
    assert_what_we_received(call)
    assert_same_path(call)
    assert call.changes[-1] != "muted"


def assert_what_chromium_received(call: Call) -> None:
    received = call.after["inbound-rtp"]
    sent = call.record.packets_sent
    assert sent is not None
    assert received["packetsLost"] == 0
    assert sent - ON_THE_WAY <= received["packetsReceived"] <= sent
    assert 0 <= received["jitter"] < call.small_s
    # It could decode them: there was sound, little of it made up.
    assert received["totalAudioEnergy"] > 0
    assert received["totalSamplesReceived"] > 0
    assert received["concealedSamples"] < CONCEALED * received["totalSamplesReceived"]


def assert_reports_of_both(call: Call) -> None:
    sent, record = call.before["remote-outbound-rtp"], call.record
    assert sent["ssrc"] == call.before["inbound-rtp"]["ssrc"]
    assert 0 < sent["packetsSent"] <= (record.packets_sent or 0)
    assert 0 < sent["bytesSent"] <= (record.bytes_sent or 0)
    # A sender report's NTP time is that of the same machine's clock; webrtc-stats has ms.
    assert abs(sent["remoteTimestamp"] - sent["timestamp"]) < 5000
    ours = call.before["remote-inbound-rtp"]
    assert (ours["packetsLost"], ours["fractionLost"]) == (0, 0)
    assert 0 <= ours["jitter"] < call.small_s
    assert 0 < ours["roundTripTime"] < call.small_s
    assert record.round_trip_time is not None and 0 < record.round_trip_time < call.small_s
    assert record.remote_packets_lost == 0
    assert record.remote_jitter is not None and 0 <= record.remote_jitter < call.small_s


def assert_what_we_received(call: Call) -> None:
    record, sent = call.record, call.before["outbound-rtp"]["packetsSent"]
    assert record.packets_received is not None
    # It went on sending between its figures and the end of the call.
    assert sent - ON_THE_WAY <= record.packets_received <= call.after["outbound-rtp"]["packetsSent"]
    assert record.packets_lost == 0
    assert record.jitter is not None and 0 <= record.jitter < call.small_s
    assert record.silent_audio is False
    assert not (record.no_audio or record.one_way) or echo_was_held_up(record)


def assert_same_path(call: Call) -> None:
    record, transport = call.record, call.before["transport"]
    assert record.local_candidate_type == "host"
    # Each learns of the other's address from its check or from its candidate, whichever comes first.
    assert record.remote_candidate_type in ("host", "prflx")
    assert call.before["local-candidate"]["candidateType"] == "host"
    assert call.before["remote-candidate"]["candidateType"] in ("host", "prflx")
    assert {record.dtls_role, transport["dtlsRole"]} == {"client", "server"}
    assert record.srtp_cipher == transport["srtpCipher"]
    assert transport["dtlsState"] == "connected"
    assert call.after["transport"]["dtlsState"] == "closed"
    assert call.before["codec"]["mimeType"] == "audio/opus"
