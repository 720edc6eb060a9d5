"""What to say to whoever placed a call: how to mend what failed, and what was odd, in a good call too."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.probe.circumstances import Circumstances
from loadkit.probe.one_call import is_echo
from loadkit.probe.remedies import REMEDIES
from loadkit.records import to_row


def advice(seen: Circumstances) -> list[str]:
    """Sentences, the most useful first; empty when there is nothing to say."""
    if seen.result.interrupted:
        return []
    rule = REMEDIES.get(seen.record.error_code or "", _nothing)
    sentences = [*rule(seen), *_ice_servers(seen), *_sound(seen), *_path(seen)]
    return list(dict.fromkeys(sentences))


def _nothing(_: Circumstances) -> Iterator[str]:
    yield from ()


def _ice_servers(seen: Circumstances) -> Iterator[str]:
    reason = seen.record.ice_servers_error
    if reason is None or (seen.record.failed_stage or "") == "websocket":
        return
    if reason in ("HTTP 401", "HTTP 403") and seen.record.error_code != "UNAUTHORIZED":
        yield f"The ICE servers were refused ({reason}) though the offer was not: the token may not fetch them."
    elif reason not in ("HTTP 401", "HTTP 403"):
        yield f"The ICE servers could not be had ({reason}): without STUN and TURN, calls from behind a NAT may fail."


def _sound(seen: Circumstances) -> Iterator[str]:
    record = seen.record
    if record.error_code is not None or record.connected_ms is None:
        return
    if record.silent_audio:
        yield (
            "Packets came, but nothing above −60 dBFS was heard."
            + (" An echo should have sent our own speech back." if is_echo(seen.settings.call_mode) else "")
        )
    received, lost = record.packets_received or 0, record.packets_lost or 0
    if received and lost > 0.01 * (received + lost):
        share = 100 * lost / (received + lost)
        yield f"{share:.1f} % of the gateway's packets were lost: by the network, or by a machine that was too busy."
    if record.frames_skipped:
        yield "This machine was too busy to send every packet in its time: the figures are not only the gateway's."


def _path(seen: Circumstances) -> Iterator[str]:
    if to_row(seen.record).get("tls_insecure"):
        yield "Certificates were not verified: --tls-insecure is for tests."
