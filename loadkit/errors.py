"""Everything that can go wrong, as one tree, one table of codes and one table of exit codes.

    LoadkitError
    ├── SettingsError          bad settings, every fault at once         exit code 2
    ├── SampleError            a WAV that cannot be used, by name        exit code 2
    ├── RunFolderError         a run folder that cannot be read or made  exit code 2
    ├── GatewayStartError      the embedded gateway did not come up      exit code 5
    ├── EngineError            an engine process did not come up         exit code 2
    │   └── EngineLost         it is gone                                (engine/client.py)
    ├── RunRefused             a run that cannot start                   (swarm/swarm.py)
    ├── AgentUnavailable       the gateway has no agent for a call       (gateway/agent.py)
    ├── UnusableFrame          a frame that a caller drops               (signaling/lenient_parser.py)
    ├── InvalidMessage         a frame that the gateway refuses          (signaling/strict_parser.py)
    ├── SocketLost             the WebSocket is gone; it is reopened     (signaling/client.py)
    ├── ExpectationFailed      a gateway is not as a case expects it     (conformance/case.py)
    ├── NotChecked             a case that cannot be decided             (conformance/case.py)
    ├── GatewayUnreachable     nothing answers at its address            exit code 5
    └── CallError              one call failed: stage, code, message
        ├── SignalingError     WebSocket, offer, answer, socket lost
        │   ├── GatewayError            the gateway sent ``error``: its own code, verbatim
        │   └── IceServersUnavailable   recorded; the call goes on       (signaling/ice_servers.py)
        └── TransportError     ICE, DTLS, SRTP, media

A call never ends a run: its :class:`CallError` becomes the ``failed_stage``, ``error_code`` and
``error_message`` of its record. All other errors end the program with their exit code.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ExitCode(enum.IntEnum):
    """Exit codes of the ``locust`` and ``python -m loadkit`` commands."""

    PASSED = 0
    """Calls were placed, and none failed or, with thresholds, all of them hold; every case of a conformance check that
    could be decided passed; nothing is worse than in the run that it is compared with; or a search for the limit found
    it, or reached what it was to reach."""
    FAILED = 1
    """Calls failed, a threshold is broken, a condition of --abort-on was met, or cases of a conformance check failed;
    the run is worse than the one that it is compared with; the load that a search was to reach did not hold; not all
    records or not the whole report could be written."""
    BAD_SETTINGS = 2
    """Settings, a sample or a run folder cannot be used, runs are not comparable, or no engine could be started: no
    call was placed."""
    NO_DATA = 3
    """The run ended without one finished call, a threshold has too few values, lines of its raw files cannot be read,
    no case was decided, there was nothing to compare, or a comparison broke off: it says nothing about the gateway."""
    UNFIT = 4
    """The load generator was the limit or an engine of it died, or its punctuality was not measured: this says nothing
    about the gateway."""
    GATEWAY_UNREACHABLE = 5
    """The embedded gateway could not be started, or nothing answers at the address to be called or checked: no call
    was placed."""
    LOST_WORKERS = 6
    """A worker died, left before the end, refused the run or did not come: the run offered less load than it was asked
    to."""
    INTERRUPTED = 130
    """The run, or the one call, was ended by SIGINT or SIGTERM before its time."""


#: What a run ends with that left something to judge; so does the command that judges it anew.
JUDGED = (
    ExitCode.PASSED,
    ExitCode.FAILED,
    ExitCode.NO_DATA,
    ExitCode.UNFIT,
    ExitCode.LOST_WORKERS,
)


def exit_code_of(status: object) -> ExitCode:
    """The exit code that a verdict's status is worth; that of a failed run for a status that nobody knows."""
    known = {"pass": ExitCode.PASSED, "unfit generator": ExitCode.UNFIT, "no data": ExitCode.NO_DATA}
    return known.get(str(status), ExitCode.FAILED)


class Stage(enum.StrEnum):
    """The stage of a call in which it failed, in the order in which a call passes them."""

    PLACE = "place"
    ICE_SERVERS = "ice_servers"
    WEBSOCKET = "websocket"
    ANSWER = "answer"
    ICE = "ice"
    DTLS = "dtls"
    MEDIA = "media"
    AGENT = "agent"
    SCRIPT = "script"


class LoadkitError(Exception):
    """Root of all errors that loadkit raises on purpose; ``str()`` is a sentence for people."""

    exit_code = ExitCode.BAD_SETTINGS


class SettingsError(LoadkitError):
    """One or more settings cannot be used.

    :param faults: one sentence for each fault, naming the option.
    """

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__(faults)

    def __str__(self) -> str:
        if len(self.faults) == 1:
            return f"a setting cannot be used: {self.faults[0]}"
        return f"{len(self.faults)} settings cannot be used: " + "; ".join(self.faults)


class SampleError(LoadkitError):
    """An audio sample is missing, empty, or no audio.

    :param path: the file as the user named it.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(path, reason)

    def __str__(self) -> str:
        return f"audio sample {self.path}: {self.reason}"


class RunFolderError(LoadkitError):
    """A run folder cannot be read, or cannot be made."""


class GatewayStartError(LoadkitError):
    """The embedded gateway did not come up."""

    exit_code = ExitCode.GATEWAY_UNREACHABLE


class GatewayUnreachable(LoadkitError):
    """Nothing answers at the gateway's address: no call, and no case, can say anything about it."""

    exit_code = ExitCode.GATEWAY_UNREACHABLE


class EngineError(LoadkitError):
    """An engine process did not come up or refused its settings."""


class CallError(LoadkitError):
    """One call failed.

    :param stage: where; one of :class:`Stage`.
    :param code: a fixed code from :data:`CODES`, or the gateway's own.
    :param message: what happened, with what.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, stage: Stage, code: str, message: str) -> None:
        self.stage = stage
        self.code = code
        self.message = message
        super().__init__(stage, code, message)

    def __str__(self) -> str:
        return f"{self.code} in stage {self.stage}: {self.message}"


class SignalingError(CallError):
    """The WebSocket could not be opened or kept, or what came over it could not be used."""


class GatewayError(SignalingError):
    """The gateway sent an ``error`` message; ``code`` is the gateway's own, verbatim."""


class TransportError(CallError):
    """ICE, DTLS or the media path failed."""


@dataclass(frozen=True)
class CodeMeaning:
    """One row of the table of error codes."""

    origin: str
    """``gateway`` (sent by the gateway) or ``loadkit`` (seen by the caller)."""
    meaning: str
    """What happened."""
    look_at: str
    """What to look at next."""


def _gateway(meaning: str, look_at: str) -> CodeMeaning:
    return CodeMeaning("gateway", meaning, look_at)


def _ours(meaning: str, look_at: str) -> CodeMeaning:
    return CodeMeaning("loadkit", meaning, look_at)


#: Error code -> what it means and what to look at. A gateway's code that is not here is kept verbatim.
CODES: dict[str, CodeMeaning] = {
    "UNAUTHORIZED": _gateway(
        "no token, or one that the gateway does not accept",
        "--auth-token or LOADKIT_AUTH_TOKEN; a Studio JWT goes stale on redeploy",
    ),
    "FORBIDDEN": _gateway("the gateway does not permit this", "the mode: production gateways refuse echo"),
    "INVALID_ARGUMENT": _gateway(
        "a field of the offer has a value that the gateway does not know",
        "--call-mode, and both halves of --artifact-version/--lambda-deployment-version",
    ),
    "INVALID_MESSAGE": _gateway(
        "the gateway could not read a message", "the error message; a difference in protocol version"
    ),
    "HANDLER_ERROR": _gateway("the gateway failed while handling a message", "the gateway's log"),
    "MEDIA_BRIDGE_FAILURE": _gateway(
        "the gateway could not set up the media connection",
        "UDP between both sides, TURN, the codecs in the offer",
    ),
    "AGENT_FAILURE": _gateway(
        "the gateway could not reach the agent", "account, project and variant; the agent's own health"
    ),
    "UNKNOWN": _ours("the gateway sent an error without a code that can be read", "its message and its log"),
    "ICE_SERVERS_UNAVAILABLE": _ours(
        "the ICE servers could not be fetched; the call went on without them",
        "ice_servers_error in the record: token, /api/v1/ice-servers",
    ),
    "WEBSOCKET_REFUSED": _ours(
        "the TCP connection or the WebSocket upgrade was refused",
        "the host and port, the path, whether the gateway is up; the HTTP status in the message",
    ),
    "WEBSOCKET_DNS": _ours("the gateway's host name could not be resolved", "--host, the resolver"),
    "WEBSOCKET_TLS": _ours(
        "the TLS handshake of the WebSocket failed",
        "the reason in the message; the gateway's certificate and host name, --tls-ca",
    ),
    "WEBSOCKET_TIMEOUT": _ours(
        "the WebSocket did not open in time", "the gateway's accept queue, firewalls, --websocket-timeout"
    ),
    "ANSWER_TIMEOUT": _ours(
        "no answer came to the offer in time", "the gateway's load and log, --answer-timeout"
    ),
    "ANSWER_INVALID": _ours(
        "the answer's SDP could not be used", "the message; codecs, fingerprint and ICE in the answer"
    ),
    "GATHERING_FAILED": _ours(
        "no local ICE candidate could be gathered", "--local-address, the network interfaces"
    ),
    "ICE_FAILED": _ours(
        "every ICE candidate pair failed", "UDP between both sides, TURN, the candidates in the record"
    ),
    "ICE_TIMEOUT": _ours(
        "no ICE candidate pair answered in time", "UDP between both sides, TURN, --ice-timeout"
    ),
    "TURN_UNREACHABLE": _ours(
        "the call was to go through a TURN server, and none was named or none answered",
        "the path in --ice-path, the URL and the reason in the message, firewalls, --turn-timeout",
    ),
    "TURN_UNAUTHORIZED": _ours(
        "the TURN server did not accept the credentials that the gateway gave",
        "the secret that gateway and TURN server share, their clocks, the life of the credential",
    ),
    "TURN_TLS": _ours(
        "the TLS handshake with the TURN server failed",
        "its certificate and host name, --tls-ca for a private authority",
    ),
    "TURN_REFUSED": _ours(
        "the TURN server answered and gave no relay, for another reason than the credentials",
        "the number in the message: 486 is a quota, 508 is capacity; the TURN server's log",
    ),
    "DTLS_FAILED": _ours(
        "the DTLS handshake failed", "the fingerprint in the answer, the cipher suites, the certificate"
    ),
    "DTLS_TIMEOUT": _ours(
        "the DTLS handshake did not finish in time", "lost packets, the gateway's load, --dtls-timeout"
    ),
    "CONNECT_TIMEOUT": _ours(
        "the call was not connected within the time for the whole set-up",
        "which stage took the time, --connect-timeout",
    ),
    "NO_AUDIO": _ours(
        "no RTP packet came after the call connected", "the gateway's media bridge, one-way firewalls"
    ),
    "MEDIA_LOST": _ours(
        "packets stopped coming, ICE consent expired or DTLS was closed in mid-call",
        "the gateway's media process, NAT time-outs, the network",
    ),
    "SIGNALING_LOST": _ours(
        "the WebSocket was lost: before the answer, or in mid-call and not to be opened again in three tries",
        "the gateway's log, proxies with an idle time-out",
    ),
    "CLOSED_EARLY": _ours(
        "the gateway closed the session before the call was connected", "the gateway's log"
    ),
    "NO_RESPONSE": _ours(
        "the agent said nothing within the script's time-out", "the agent's health, --agent-timeout"
    ),
    "SCRIPT_ERROR": _ours("the locustfile raised an exception in mid-call", "Locust's list of exceptions"),
    "ENGINE_LOST": _ours(
        "the engine process that held the call died", "memory (the OOM killer), the log of the run"
    ),
    "ENGINE_STALLED": _ours(
        "the engine did not answer a command in time", "CPU of the generator: fewer calls, more engines"
    ),
    "TOO_MANY_FILES": _ours(
        "this machine's limit of open files was reached while the call was set up",
        "ulimit -n, LimitNOFILE= of a systemd unit; fewer calls per engine, more engines",
    ),
    "INTERNAL": _ours("loadkit itself failed", "the message and the log; please report it"),
}
