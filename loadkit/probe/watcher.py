"""Turns what a call tells its observer into events of a diary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiortc import RTCIceCandidate
from aiortc.rtcicetransport import candidate_from_aioice

from loadkit.call.observer import CallObserver, CandidateHandler
from loadkit.media.rtp import parse_rtp
from loadkit.media.voice import Utterance
from loadkit.probe.diary import Diary
from loadkit.probe.recording import Recording
from loadkit.probe.secrets import without
from loadkit.probe.sockets import watched_connect
from loadkit.signaling.client import Connect
from loadkit.signaling.ice_servers import IceServer
from loadkit.transport.dtls import DtlsOutcome
from loadkit.transport.peer import Peer
from loadkit.transport.reception import PacketHandler
from loadkit.transport.sdp import RemoteDescription, write_candidate

#: Mark of the timeline -> event, for those that no other method tells more about.
_MARKS = {
    "ice_servers_asked": "ice_servers_asked",
    "websocket_asked": "websocket_asked",
    "websocket_open": "websocket_open",
    "offer_sent": "offer_sent",
    "gathered": "gathered",
    "first_packet": "first_packet",
    "first_audio": "first_audio",
}


class Watcher(CallObserver):
    """Notes what happens to a call.

    :param token: masked wherever the gateway repeats it.
    :param recording: gets what is heard.
    """

    def __init__(self, diary: Diary, token: str, recording: Recording | None) -> None:
        self._diary = diary
        self._token = token
        self._recording = recording
        self._payload_type = -1
        self._connected_at: float | None = None

    def marked(self, name: str, at: float) -> None:
        """Note it, when it is an event; media can flow from ``dtls_done`` on."""
        if name == "started":
            self._diary.begin(at)
        if name == "dtls_done":
            self._connected_at = at
            if self._recording is not None:
                self._recording.begin(at)
        if name == "ended" and self._recording is not None:
            self._recording.end(at)
        event = _MARKS.get(name)
        if event is not None:
            self._diary.note(event, at)

    def ice_servers(self, servers: Sequence[IceServer]) -> None:
        """Note the URLs; user names and credentials are nobody's business."""
        urls = [without(self._token, url) for server in servers for url in server.urls]
        self._diary.note("ice_servers", count=len(servers), urls=urls)

    def ice_servers_failed(self, reason: str) -> None:
        """Note why."""
        self._diary.note("ice_servers_failed", reason=reason)

    def connect(self) -> Connect:
        """Opens the WebSocket and notes each step."""
        return watched_connect(self._diary, self._token)

    def answer(self, remote: RemoteDescription, session_id: str | None) -> None:
        """Note what was agreed."""
        self._payload_type = remote.payload_type
        self._diary.note(
            "answer",
            session_id=without(self._token, session_id),
            codec=without(self._token, remote.codec),
            payload_type=remote.payload_type,
            direction=remote.direction,
            dtls_role=remote.dtls.role,
            candidates=len(remote.candidates),
        )

    def local_candidates(self, handler: CandidateHandler) -> CandidateHandler:
        """Note each one and hand it on."""

        def found(candidate: RTCIceCandidate) -> None:
            self._diary.note("local_candidate", **_described(candidate), line=write_candidate(candidate))
            handler(candidate)

        return found

    def remote_candidate(self, candidate: RTCIceCandidate | None) -> None:
        """Note it."""
        if candidate is None:
            self._diary.note("remote_candidates_end")
        else:
            self._diary.note("remote_candidate", **_described(candidate), line=write_candidate(candidate))

    def pair_selected(self, peer: Peer) -> None:
        """Note both ends of the path."""
        pair = peer.nominated()
        if pair is not None:
            local, remote = (
                candidate_from_aioice(side) for side in (pair.local_candidate, pair.remote_candidate)
            )
            selected = peer.selected_pair()
            self._diary.note(
                "pair_selected",
                local=_described(local),
                remote=_described(remote),
                relay_protocol=selected.relay_protocol if selected else None,
            )

    def dtls(self, outcome: DtlsOutcome) -> None:
        """Note what was agreed."""
        self._diary.note(
            "dtls",
            self._connected_at,
            role=outcome.role,
            version=outcome.version,
            cipher=outcome.cipher,
            srtp_profile=outcome.srtp_profile,
        )
        self._diary.note("connected", self._connected_at)

    def packets(self, handler: PacketHandler) -> PacketHandler:
        """Record each one, when there is somewhere to."""
        recording = self._recording
        if recording is None:
            return handler

        def received(packet: bytes, arrival: float) -> None:
            handler(packet, arrival)
            try:
                rtp = parse_rtp(packet)
            except ValueError:
                return
            if rtp.payload_type == self._payload_type:
                recording.packet(rtp, arrival)

        return received

    def utterance(self, utterance: Utterance) -> None:
        """Note that it began, or how long and how loud it was."""
        if not utterance.ended:
            self._diary.note("speech_began", utterance.started_at)
            return
        self._diary.note(
            "speech_ended",
            utterance.last_speech_at,
            seconds=round(utterance.duration, 2),
            loudest_dbfs=round(utterance.loudest, 1),
        )


def _described(candidate: RTCIceCandidate) -> dict[str, Any]:
    return {
        "type": candidate.type,
        "protocol": candidate.protocol,
        "address": candidate.ip,
        "port": candidate.port,
    }
