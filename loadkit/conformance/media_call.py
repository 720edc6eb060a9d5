"""One call with real ICE, DTLS, SRTP and sound, its signaling written by hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from loadkit.conformance.case import ExpectationFailed, NotChecked
from loadkit.conformance.offers import OfferSdp, offer_text
from loadkit.conformance.peers import make_peer
from loadkit.conformance.target import ECHO, Target
from loadkit.conformance.wire import Message, Wire, described
from loadkit.errors import TransportError
from loadkit.media.rtp import RtpPacket, RtpSource, parse_rtp
from loadkit.media.samples import EncodedSample, load_sample
from loadkit.settings import SAMPLES_DIR
from loadkit.signaling.ice_servers import IceServer
from loadkit.transport.dtls import DtlsOutcome
from loadkit.transport.sdp import RemoteDescription, read_candidate, read_sdp, write_candidate

#: What is said in every call.
_SAMPLE = "book_a_table.wav"
#: So long nothing may come for a stream to count as ended.
SILENCE_S = 1.0


@dataclass(frozen=True)
class Manner:
    """How the caller offers and trickles; by default as the official clients do."""

    when: Literal["after the answer", "before the answer", "in the offer"] = "after the answer"
    mid: str | None = "0"
    index: int | None = 0
    end: Mapping[str, Any] = field(default_factory=lambda: {"candidate": ""})
    """``data`` of the end of candidates, but for mid and index."""
    more: Sequence[str] = ()
    """Candidate lines that are sent before the real ones."""
    payload_type: int = 111
    fingerprint: str | None = None
    """In place of our own."""


class MediaCall:
    """One call; see :meth:`connect`. Made by :meth:`~.bench.Bench.call`, which also puts it away."""

    def __init__(
        self, target: Target, wire: Wire, mode: str, manner: Manner, servers: Sequence[IceServer]
    ) -> None:
        self.wire = wire
        self.mode = mode
        self.session_id = ""
        self.remote: RemoteDescription | None = None
        self.dtls: DtlsOutcome | None = None
        self.heard: list[RtpPacket] = []
        """RTP packets in the order of their arrival."""
        self.rtcp: list[bytes] = []
        """Compound RTCP packets."""
        self.sent: list[bytes] = []
        """Payloads, in the order in which they were sent."""
        self.answer_sdp = ""
        self._target = target
        self._manner = manner
        self._arrived = asyncio.Event()
        self._last_rtp = 0.0
        self._candidates: asyncio.Queue[Message] = asyncio.Queue()
        self._feeder: asyncio.Task[None] | None = None
        self.peer = make_peer(target, servers, on_rtp=self._rtp, on_rtcp=self._rtcp)
        self.source = RtpSource(self.peer.ssrc, manner.payload_type)
        self._sample: EncodedSample = load_sample(SAMPLES_DIR / _SAMPLE)

    # Set-up

    async def connect(self) -> MediaCall:
        """Offer, trickle, ICE, DTLS; from then on 20 ms of speech every 20 ms.

        :raises ExpectationFailed: the gateway did not do its part.
        :raises NotChecked: the gateway does not permit the mode, or has no agent.
        """
        await self.offer()
        await self.trickle()
        await self.join()
        self._target.clock.add(self._tick)
        return self

    async def offer(self) -> None:
        """Gather, offer, and take the answer."""
        manner = self._manner
        await self.peer.gather(lambda _candidate: None)
        sdp = self.offer_sdp(self._lines() if manner.when == "in the offer" else ())
        fields = {"authToken": self._target.token, "mode": self.mode, **self._target.offer_fields}
        await self.wire.send(offer_text(sdp.text(), fields))
        if manner.when == "before the answer":
            await self._send_candidates("")
        answer = await take_answer(self.wire, self.mode)
        self.session_id = str(answer.get("sessionId") or "")
        self.answer_sdp = answer_sdp(answer)
        try:
            self.remote = read_sdp(self.answer_sdp)
        except ValueError as exc:
            raise ExpectationFailed("an SDP answer that a call can be made with", str(exc)) from None

    def offer_sdp(self, candidates: Sequence[str] = ()) -> OfferSdp:
        """Our description; with candidates it says that they are all."""
        return OfferSdp(
            ufrag=str(self.peer.ice_parameters.usernameFragment),
            pwd=str(self.peer.ice_parameters.password),
            fingerprint=self._manner.fingerprint or self.peer.dtls_parameters.fingerprints[0].value,
            ssrc=self.peer.ssrc,
            cname=self.peer.cname,
            payload_type=self._manner.payload_type,
            candidates=candidates,
            complete=bool(candidates),
        )

    async def trickle(self) -> None:
        """Send our candidates, unless they went before, and take theirs."""
        if self._manner.when == "after the answer":
            await self._send_candidates(self.session_id)
        self._feeder = asyncio.create_task(self._feed())
        self.wire.hand_candidates_to(self._candidates.put_nowait)

    async def join(self) -> None:
        """ICE and DTLS."""
        assert self.remote is not None, "offer() comes first"
        await self._stage("an ICE candidate pair that works", self.peer.connect(self.remote.ice))
        self.dtls = await self._stage("a DTLS handshake", self.peer.handshake(self.remote.dtls))

    async def _stage(self, expected: str, step: Coroutine[Any, Any, Any]) -> Any:
        try:
            async with asyncio.timeout(self._target.plan.wait):
                return await step
        except TransportError as exc:
            raise ExpectationFailed(expected, exc.message) from None
        except TimeoutError:
            errors = [described(message) for message in self.wire.untaken("error")]
            seen = f"none within {self._target.plan.wait:g} s"
            raise ExpectationFailed(expected, "; ".join([seen, *errors])) from None

    def _lines(self) -> list[str]:
        return [write_candidate(candidate) for candidate in self.peer.local_candidates]

    async def _send_candidates(self, session_id: str) -> None:
        manner = self._manner
        place = {"sdpMid": manner.mid, "sdpMLineIndex": manner.index}
        for line in [*manner.more, *self._lines()]:
            await self.wire.say("ice-candidate", session_id, data={"candidate": line, **place})
        await self.wire.say("ice-candidate", session_id, data={**manner.end, **place})

    async def _feed(self) -> None:
        """Hand their candidates to ICE; whether each is well-formed is for another case to say."""
        assert self.remote is not None
        for candidate in self.remote.candidates:
            await self.peer.add_remote_candidate(candidate)
        while True:
            message = await self._candidates.get()
            data = message.get("data")
            line = data.get("candidate") if isinstance(data, dict) else None
            # Never the end of them: aioice would believe one that comes too early.
            if isinstance(line, str) and line:
                with contextlib.suppress(ValueError):
                    await self.peer.add_remote_candidate(read_candidate(line))

    # Media

    async def hears(self, packets: int, expected: str) -> list[RtpPacket]:
        """Wait until so many packets more have come; returns them.

        :raises ExpectationFailed: they did not in time.
        """
        before = len(self.heard)
        await self._until(lambda: len(self.heard) >= before + packets, expected)
        return self.heard[before:]

    async def hears_report(self, wanted: Callable[[bytes], bool], expected: str, *, wait: float) -> bytes:
        """Wait for an RTCP packet, of those that came already too."""
        await self._until(lambda: any(map(wanted, self.rtcp)), expected, wait)
        return next(filter(wanted, self.rtcp))

    async def falls_silent(self, expected: str) -> None:
        """Wait until no RTP has come for a second, while we go on sending."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._target.plan.wait + SILENCE_S
        self._last_rtp = loop.time()
        while (quiet := loop.time() - self._last_rtp) < SILENCE_S:
            if loop.time() > deadline:
                raise ExpectationFailed(expected, f"RTP still comes after {self._target.plan.wait:g} s")
            await asyncio.sleep(SILENCE_S - quiet)

    async def _until(self, condition: Callable[[], bool], expected: str, wait: float | None = None) -> None:
        seconds = self._target.plan.wait if wait is None else wait
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            errors = [described(message) for message in self.wire.untaken("error")]
            seen = (
                f"within {seconds:g} s: {len(self.heard)} RTP and {len(self.rtcp)} RTCP"
                f" packets in all, {len(self.sent)} sent"
            )
            raise ExpectationFailed(expected, "; ".join([seen, *errors])) from None

    def _tick(self, frames: int, skipped: int, late: float) -> None:  # noqa: ARG002 - the clock's own shape
        self.source.skip(skipped)
        for _ in range(frames):
            payload = self._sample.packets[len(self.sent) % len(self._sample.packets)]
            self.sent.append(payload)
            self.peer.send_rtp(self.source.packet(payload, marker=not self.source.packets_sent))

    def _rtp(self, packet: bytes, now: float) -> None:  # noqa: ARG002 - the peer's own shape
        self._last_rtp = asyncio.get_running_loop().time()
        with contextlib.suppress(ValueError):
            self.heard.append(parse_rtp(packet))
        self._arrived.set()

    def _rtcp(self, packet: bytes, now: float) -> None:  # noqa: ARG002 - the peer's own shape
        self.rtcp.append(packet)
        self._arrived.set()

    # The end

    async def hang_up(self) -> None:
        """Say ``close``; media goes on, as far as we are concerned."""
        await self.wire.say("close", self.session_id)

    def vanish(self) -> None:
        """Close our UDP sockets without a word."""
        self._target.clock.remove(self._tick)
        self.peer.abort()

    async def put_away(self) -> None:
        """Stop sending and free everything on our side."""
        self._target.clock.remove(self._tick)
        if self._feeder is not None:
            self._feeder.cancel()
        await self.peer.close()


async def take_answer(wire: Wire, mode: str) -> Message:
    """The answer to an offer that is right.

    :raises NotChecked: the gateway does not permit the mode, or has no agent.
    """
    message = await wire.take("answer", "error", expected="an answer")
    if message["type"] == "answer":
        return message
    data = message.get("data")
    code = data.get("code") if isinstance(data, dict) else None
    if code == "FORBIDDEN" and mode == ECHO:
        raise NotChecked("the gateway refuses echo: say --production, or another --mode")
    if code == "AGENT_FAILURE" and mode != ECHO:
        raise NotChecked("the agent could not be reached (AGENT_FAILURE): look at --account-id and its like")
    raise ExpectationFailed("an answer", described(message))


def answer_sdp(answer: Message) -> str:
    """The SDP of an answer.

    :raises ExpectationFailed: it has none.
    """
    data = answer.get("data")
    if not (isinstance(data, dict) and data.get("type") == "answer" and isinstance(data.get("sdp"), str)):
        raise ExpectationFailed('data {"type": "answer", "sdp": text}', json.dumps(data)[:120])
    return str(data["sdp"])
