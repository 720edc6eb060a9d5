"""Every kind of fault, with its keys, their bounds and their defaults.

A field is one key of a ``[[fault]]`` table; its type says what is allowed, its description what it means.
Times are seconds, given as a number or as text (``250ms``, ``2s``); shares are 0 to 1, or text (``10%``).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

from loadkit.settings_model import parse_duration

_DAY_S = 86_400
_OFFER = "offer"


def _no_bool(value: Any) -> Any:
    # TOML's true is Python's 1.
    if isinstance(value, bool):
        raise ValueError("it is a boolean")
    return value


def _share(value: Any) -> Any:
    if isinstance(value, str) and value.strip().endswith("%"):
        return float(value.strip().removesuffix("%")) / 100
    return _no_bool(value)


def _seconds(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else _no_bool(value)


def _moment(value: Any) -> Any:
    return None if value == _OFFER else _seconds(value)


def key(default: Any, description: str, **constraints: Any) -> Any:
    """A key of a fault; ``...`` as default when it must be given."""
    return Field(default, description=description, **constraints)


Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)]
#: A share that leaves something over.
PartialShare = Annotated[float, BeforeValidator(_share), Field(ge=0, le=0.99)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=_DAY_S)]
SecondsOrNone = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=_DAY_S)]
MomentOrOffer = Annotated[
    Annotated[float, Field(ge=0, le=_DAY_S)] | None,
    BeforeValidator(_moment),
]
Number = Annotated[float, BeforeValidator(_no_bool)]
WholeNumber = Annotated[int, BeforeValidator(_no_bool)]
Direction = Literal["sent", "heard"]

_AT = "when: 'offer', or seconds after the call was connected"
_FROM = "from when on: seconds after the call was connected"
_FOR = "for how long, in seconds; to the end of the call when not given"


class Fault(BaseModel):
    """What all kinds share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]

    share: Share = key(1.0, "share of the calls that have it, 0 to 1 or a percentage such as '10%'")
    above: WholeNumber | None = key(
        None, "only calls that make more than so many in progress at the gateway; all when not given", ge=0
    )


class Timed(Fault):
    """A fault that happens once: at the offer, or in mid-call."""

    at: MomentOrOffer = key(None, _AT)


class Lasting(Fault):
    """A fault of the media that lasts."""

    at: SecondsOrNone = key(0.0, _FROM)
    lasts: Seconds | None = key(None, _FOR, alias="for")


class ErrorMessage(Timed):
    """The gateway sends an `error` and ends the session."""

    kind = "error"
    code: str = key(..., "code of the error, any text: AGENT_FAILURE, …", min_length=1, max_length=100)
    message: str = key("a fault on demand", "message of the error", max_length=1000)


class HangUp(Timed):
    """The gateway sends `close`, as when the agent hangs up."""

    kind = "hang-up"


class LateAnswer(Fault):
    """The offer is handled late, and so the answer comes late."""

    kind = "late-answer"
    by: Seconds = key(..., "by how many seconds")


class Slowdown(Fault):
    """Answers get later with the gateway's age, which counts from its start."""

    kind = "slowdown"
    per_minute: Seconds = key(..., "by how much later for each minute of its age, as 1ms", alias="per-minute")


class NoAnswer(Fault):
    """The offer is never answered; the socket stays open."""

    kind = "no-answer"


class LateCandidates(Fault):
    """The gateway gathers its candidates late: none is told, and none checks or answers, before."""

    kind = "late-candidates"
    by: Seconds = key(..., "by how many seconds after the answer")


class NoCandidates(Fault):
    """The gateway gathers no candidates: none is told, and nothing answers the caller's checks."""

    kind = "no-candidates"


class EndOfCandidatesFirst(Fault):
    """The end of the candidates is told before the candidates."""

    kind = "end-of-candidates-first"


class WrongFingerprint(Fault):
    """The answer's DTLS fingerprint is not that of the gateway's certificate."""

    kind = "wrong-fingerprint"


class SocketClose(Timed):
    """The gateway closes the WebSocket in good order; in mid-call the session waits for a fresh one."""

    kind = "socket-close"
    code: WholeNumber = key(1001, "close code: 1000 to 1003, 1007 to 1014 or 3000 to 4999 (RFC 6455, 7.4)")

    @model_validator(mode="after")
    def _close_code(self) -> SocketClose:
        code = self.code
        if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
            raise ValueError(f"code: {code} is no close code that may be sent; {_description(self, 'code')}")
        return self


class SocketReset(Timed):
    """The TCP connection is torn (RST), without a close frame; in mid-call the session waits for a fresh one."""

    kind = "socket-reset"


class MediaStop(Lasting):
    """The gateway sends neither RTP nor RTCP any more; ICE, DTLS and the WebSocket stay."""

    kind = "media-stop"


class Silent(Lasting):
    """Every packet that the gateway sends holds digital silence."""

    kind = "silent"


class OneWay(Lasting):
    """RTP passes in one direction only; RTCP in both."""

    kind = "one-way"
    lost: Direction = key(..., "what is lost: 'sent' (the gateway's RTP) or 'heard' (the caller's)")


class Choppy(Lasting):
    """Packets are lost, late, out of order or doubled, as on a bad network. RTCP is only delayed."""

    kind = "choppy"
    loss: PartialShare = key(0.0, "share of packets lost, up to 0.99")
    burst: Number | None = key(
        None,
        "mean length of a burst of lost packets (Gilbert-Elliott); by chance when not given",
        ge=1,
        le=1_000_000,
    )
    delay: SecondsOrNone = key(0.0, "each packet comes so much later, in seconds")
    jitter: SecondsOrNone = key(0.0, "and by chance up to so much more, in seconds; the order stays")
    reorder: Share = key(0.0, "share of packets that the next one overtakes, up to 0.5", le=0.5)
    duplicate: Share = key(0.0, "share of packets that come twice (of those that are sent)")
    direction: Literal["sent", "heard", "both"] = key(
        "sent", "which packets: 'sent' by the gateway, 'heard' by it, or 'both'"
    )
    seed: WholeNumber | None = key(
        None, "the same pattern in every call; each call has its own, from --fault-seed, when not given"
    )

    @model_validator(mode="after")
    def _possible(self) -> Choppy:
        shortest = self.loss / (1 - self.loss)
        if self.burst is not None and self.burst < shortest:
            # More often than after every single packet that arrives, a burst cannot begin.
            raise ValueError(
                f"burst: {self.burst:g} is too short: with a loss of {self.loss:g}, bursts are at least"
                f" {shortest:.3g} packets long on average"
            )
        if self.burst is not None and not self.loss:
            raise ValueError("burst: there are no bursts without a loss; give loss, too")
        if self.duplicate and self.direction == "heard":
            # RFC 3711 section 3.3.2: SRTP throws them away before anybody hears them.
            raise ValueError(
                "duplicate: doubled packets are never heard, as SRTP drops them; direction is 'sent' or 'both'"
            )
        return self


class ClockDrift(Fault):
    """The gateway's media clock runs too fast, or too slow when negative.

    In echo mode the timestamps are rewritten and packets leave as they come; an agent's 20 ms are longer or
    shorter.
    """

    kind = "clock-drift"
    ppm: Number = key(..., "parts per million, −50000 to 50000", ge=-50_000, le=50_000)


class Leak(Fault):
    """A session that has ended stays: `activeSessions` counts it for ever, and its memory is never given back."""

    kind = "leak"
    memory: WholeNumber = key(
        100_000, "bytes that such a session holds, up to a billion", ge=0, le=1_000_000_000
    )


class Stall(Fault):
    """The whole process stands still: all calls, and signaling and HTTP with them. It has no share and no `above`."""

    kind = "stall"
    at: SecondsOrNone = key(0.0, "seconds after the first call was connected")
    lasts: Annotated[Seconds, Field(le=60)] = key(..., "for how long, in seconds, up to 60", alias="for")
    every: Seconds | None = key(None, "again each so many seconds, counted from one's begin to the next's")

    @model_validator(mode="after")
    def _possible(self) -> Stall:
        if self.every is not None and self.every <= self.lasts:
            raise ValueError(f"every: {self.every:g} s is not longer than the {self.lasts:g} s of a stall")
        for name in ("share", "above"):
            if name in self.model_fields_set:
                raise ValueError(f"{name}: a stall is of the whole process and has no {name}")
        return self


#: kind → what it is.
KINDS: dict[str, type[Fault]] = {
    fault.kind: fault
    for fault in (
        ErrorMessage,
        HangUp,
        LateAnswer,
        Slowdown,
        NoAnswer,
        LateCandidates,
        NoCandidates,
        EndOfCandidatesFirst,
        WrongFingerprint,
        SocketClose,
        SocketReset,
        MediaStop,
        Silent,
        OneWay,
        Choppy,
        ClockDrift,
        Leak,
        Stall,
    )
}


def keys_of(fault: type[Fault]) -> dict[str, str]:
    """Key → its meaning and its default: those of the kind alone first, then those that others have, too."""
    shared = ("at", "lasts", "share", "above")
    left_out = ("share", "above") if fault is Stall else ()
    names = sorted(fault.model_fields, key=lambda name: shared.index(name) if name in shared else -1)
    fields = [(name, fault.model_fields[name]) for name in names if name not in left_out]
    return {field.alias or name: f"{field.description}{_default(name, field)}" for name, field in fields}


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "; must be given"
    value = field.default
    if value is None:
        return " (default: 'offer')" if name == "at" else ""
    if isinstance(value, float):
        return f" (default: {value:g})"
    return f" (default: {value!r})"


def _description(fault: Fault, name: str) -> str:
    return str(type(fault).model_fields[name].description)
