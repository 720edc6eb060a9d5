"""``python -m loadkit call`` against real gateways: what it tells, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from loadkit.errors import ExitCode
from loadkit.gateway.embedded import EmbeddedGateway
from loadkit.media.samples import read_sound
from loadkit.settings import SAMPLES_DIR
from tests.fakes import Line, Script, ScriptedGateway
from tests.probe.calling import TOKEN, Ended, call, ended, read_until, start


async def scripted(script: Script, *arguments: str) -> Ended:
    """A call to a gateway that follows a script."""
    async with ScriptedGateway(script) as gateway:
        return await call(f"ws://{gateway.address}", *arguments)


# A call that goes well


async def test_an_echo_call_is_told_from_the_first_question_to_the_last_word(gateway_url: str) -> None:
    left = await call(gateway_url, "--call-duration", "6")
    assert left.code == ExitCode.PASSED, left.out + left.err
    in_order = [
        "> asking for ICE servers",
        "< ICE servers: none",
        "* opening the WebSocket",
        "* the host is the address 127.0.0.1",
        "* TCP: connected, 127.0.0.1:",
        "* WebSocket: open",
        "> offer: Opus",
        "< answer: session ",
        "* ICE: connected, host udp 127.0.0.1:",
        "* DTLS: we are the ",
        "* connected: media can flow",
        "< first RTP packet",
        "< first sound",
        "packets sent, lost ",
        "* all is said: hanging up",
        "> close: we hang up",
        "* WebSocket closed: code 1000",
        "The call completed: we hung up after ",
        "set-up in all",
        "path: host → host",
        "received: ",
    ]
    at = [left.out.find(text) for text in in_order]
    assert -1 not in at, (in_order[at.index(-1)], left.out)
    assert at == sorted(at), left.out
    (seconds,) = re.findall(r"we hung up after ([\d.]+)", left.out)
    assert float(seconds) >= 6
    for text in ("> local candidate: host udp", "< remote candidate: host udp", "SRTP_AEAD_AES_256_GCM"):
        assert text in left.out
    assert "\x1b" not in left.out
    assert max(map(len, left.out.splitlines())) <= 80


async def test_an_agent_is_waited_for_spoken_to_and_heard_out(gateway_url: str) -> None:
    left = await call(gateway_url, "--json", "--call-mode", "end-to-end", "--sample", "opening_hours.wav")
    assert left.code == ExitCode.PASSED, left.out + left.err
    names = [event["event"] for event in left.document["events"]]
    script = ["waiting", "greeting", "speaking", "waiting", "reply", "script_done"]
    assert [name for name in names if name in script] == script
    assert names.count("speech_began") >= 2
    (speech, *_) = left.events("speech_ended")
    assert speech["seconds"] > 0.5
    assert -60 < speech["loudest_dbfs"] < 0
    (turn,) = left.document["turns"]
    assert turn["turn_latency_ms"] == left.events("reply")[0]["latency_ms"]
    # An engine that stood still does not measure it, and says so.
    assert turn["turn_latency_ms"] is not None or turn["stood_still_ms"] is not None
    assert left.document["record"]["greeting_ms"] == left.events("greeting")[0]["latency_ms"]


async def test_quiet_prints_the_end_only(gateway_url: str) -> None:
    left = await call(gateway_url, "--quiet", "--call-duration", "1")
    assert left.out.startswith("The call completed: ")
    assert "opening the WebSocket" not in left.out


async def test_verbose_shows_every_message_but_not_the_token(gateway_url: str) -> None:
    left = await call(gateway_url, "-v", "--call-duration", "1", "--auth-token", TOKEN, token=None)
    assert left.code == ExitCode.PASSED
    assert '"authToken": "***"' in left.out
    assert "a=rtpmap:111 opus/48000/2" in left.out
    assert "a=fingerprint:sha-256" in left.out
    assert '> {"type": "close", "sessionId": ' in " ".join(left.out.split())


# Calls that fail


async def test_a_wrong_token_is_told_and_what_to_do_about_it(gateway_url: str) -> None:
    left = await call(gateway_url, token="the-token-of-another-gateway")
    assert left.code == ExitCode.FAILED
    assert "! no ICE servers: HTTP 401" in left.out
    assert "! error UNAUTHORIZED: Invalid authentication token" in left.out
    assert "FAILED in stage answer" in left.out
    assert "What to try next" in left.out
    assert "A Studio JWT goes" in left.out
    assert "the-token-of-another-gateway" not in left.out + left.err


async def test_no_token_is_told_how_to_be_given(gateway_url: str) -> None:
    left = await call(gateway_url, token=None)
    assert left.code == ExitCode.FAILED
    assert "No token was given." in left.out
    assert "LOADKIT_AUTH_TOKEN" in left.out


async def test_a_gateway_that_is_not_there_has_an_exit_code_of_its_own() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        # Bound and not listening: nobody takes a connection, and nobody else gets the port.
        left = await call(f"ws://127.0.0.1:{port}")
    assert left.code == ExitCode.GATEWAY_UNREACHABLE
    assert f"! TCP: 127.0.0.1:{port}: Connection refused" in left.out
    assert "WEBSOCKET_REFUSED" in left.out
    assert "is the gateway up, and is the port right?" in " ".join(left.out.split())


async def test_a_name_without_address_is_unreachable_too() -> None:
    # A name server that does not answer is not waited for for long.
    left = await call(
        "wss://no-such-gateway.invalid",
        "--json",
        "--websocket-timeout",
        "60",
        RES_OPTIONS="timeout:1 attempts:1",
    )
    assert left.code == ExitCode.GATEWAY_UNREACHABLE
    assert left.document["error"]["code"] == "WEBSOCKET_DNS"
    assert "no-such-gateway.invalid" in left.document["advice"][0]


async def test_a_production_gateway_that_refuses_echo_is_told_by_the_modes_it_takes() -> None:
    gateway = EmbeddedGateway(["--production"])
    try:
        left = await call(gateway.start([TOKEN]))
    finally:
        gateway.stop()
    assert left.code == ExitCode.FAILED
    assert "error FORBIDDEN" in left.out
    assert "--call-mode end-to-end" in " ".join(left.out.split())


async def test_a_gateway_that_never_answers_is_given_up() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.listen()

    left = await scripted(script, "--json", "--answer-timeout", "1")
    assert left.code == ExitCode.FAILED
    assert left.document["error"]["code"] == "ANSWER_TIMEOUT"
    assert "-v shows every message" in " ".join(left.document["advice"])


async def test_an_answer_without_opus_is_told_with_the_codecs_it_has() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        sdp = line.answer_of(await line.make_peer()).replace("opus/48000/2", "PCMU/8000")
        await line.send_sdp(sdp)
        await line.listen()

    left = await scripted(script, "--json")
    assert left.code == ExitCode.FAILED
    assert left.document["error"]["code"] == "ANSWER_INVALID"
    assert "PCMU" in left.document["error"]["message"]
    assert "Opus" in left.document["advice"][0]


async def test_a_certificate_that_is_not_that_of_the_answer_fails_in_dtls() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        peer = await line.make_peer()
        head, mark, rest = line.answer_of(peer).partition("a=fingerprint:sha-256 ")
        wrong = "00:00" if not rest.startswith("00:00") else "11:11"
        await line.send_sdp(head + mark + wrong + rest[5:])
        await line.send_candidates(peer)
        await line.connect_media(peer)
        await line.listen()

    left = await scripted(script, "--json")
    assert left.code == ExitCode.FAILED
    assert (left.document["error"]["stage"], left.document["error"]["code"]) == ("dtls", "DTLS_FAILED")
    assert "fingerprint" in left.document["advice"][0]
    assert len(left.events("pair_selected")) == 1


async def test_a_gateway_without_candidates_is_told_to_have_none() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.send_answer(await line.make_peer())
        await line.listen()

    left = await scripted(script, "--json", "--ice-timeout", "1")
    assert left.document["error"]["code"] == "ICE_TIMEOUT"
    assert left.document["advice"][0].startswith("The gateway sent no candidate")


async def test_a_wrong_path_is_told_with_the_right_one(gateway_url: str) -> None:
    left = await call(f"{gateway_url}/signal", "--json")
    assert left.code == ExitCode.GATEWAY_UNREACHABLE
    assert left.events("upgrade_refused")[0]["status"] == 404
    assert "/api/v1/webrtc/signal" in " ".join(left.document["advice"])


async def test_a_gateway_that_hangs_up_ended_the_call_well() -> None:
    async def script(line: Line) -> None:
        await line.take_call()
        await line.gateway.heard.wait()
        await line.send("close")
        await line.listen()

    left = await scripted(script)
    assert left.code == ExitCode.PASSED, left.out
    assert "< close: the gateway hung up" in left.out
    assert "The call was hung up by the gateway" in left.out


async def test_a_signaling_socket_that_is_lost_and_opened_again_is_told() -> None:
    async def first(line: Line) -> None:
        await line.take_call()
        await line.gateway.heard.wait()
        line.websocket.transport.abort()

    async def second(line: Line) -> None:
        await line.send("close")
        await line.listen()

    async with ScriptedGateway(first, second) as gateway:
        left = await call(f"ws://{gateway.address}", "--call-duration", "60")
    assert left.code == ExitCode.PASSED, left.out
    assert "* WebSocket closed: code 1006, without a word of both sides" in left.out
    assert left.out.count("* TCP: connected") == 2
    assert "the WebSocket was lost and opened again, 1 times" in " ".join(left.out.split())


async def test_escape_codes_of_a_gateway_reach_no_terminal() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.send_error("BAD\x1b[2J", f"clear \x1b]0;title\x07 \u202e {TOKEN}\r\n")
        await line.listen()

    left = await scripted(script, "-v")
    assert left.code == ExitCode.FAILED
    assert "\x1b" not in left.out
    assert "\x07" not in left.out
    assert "\u202e" not in left.out
    assert r"\x1b[2J" in left.out


# Settings


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ftp://127.0.0.1"], "use ws, wss, http or https"),
        (["ws://127.0.0.1:1", "--call-duration", "soon"], "--call-duration"),
        (["ws://127.0.0.1:1", "--sample", "no-such.wav"], "no-such.wav"),
        (["ws://127.0.0.1:1", "--save-audio", "no-such-folder/heard.wav"], "--save-audio"),
        (["ws://127.0.0.1:1", "--save-audio", "."], "--save-audio"),
        (["ws://127.0.0.1:1", "--engines", "2"], "--engines"),
        ([], "URL"),
    ],
)
async def test_what_cannot_be_used_is_refused_before_the_call(arguments: list[str], told: str) -> None:
    left = await call("--json", *arguments)
    assert left.code == ExitCode.BAD_SETTINGS
    assert told in left.err
    assert left.out == ""


async def test_settings_of_a_run_in_the_environment_are_not_looked_at(gateway_url: str) -> None:
    left = await call(gateway_url, "-q", LOADKIT_ENGINES="many", LOADKIT_CALL_DURATION="1s")
    assert left.code == ExitCode.PASSED, left.err


async def test_a_terminal_of_ascii_gets_ascii(gateway_url: str) -> None:
    left = await call(gateway_url, "--call-duration", "1", PYTHONIOENCODING="ascii")
    assert left.code == ExitCode.PASSED, left.err
    assert left.out.isascii()
    assert "path: host -> host" in left.out


# Ctrl-C


async def test_ctrl_c_hangs_up_and_tells_what_there_was(gateway_url: str) -> None:
    process = await start(gateway_url, "--call-duration", "10m")
    seen = await read_until(process, "first sound")
    process.send_signal(signal.SIGINT)
    left = await ended(process, seen)
    assert left.code == ExitCode.INTERRUPTED
    assert "interrupted: hanging up" in left.out
    assert "> close: we hang up" in left.out
    assert "The call was interrupted after " in left.out
    assert "set-up in all" in left.out


async def test_ctrl_c_during_the_set_up_ends_it(tmp_path: Path) -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.listen()

    async with ScriptedGateway(script) as gateway:
        process = await start(f"ws://{gateway.address}", "--answer-timeout", "5m", "--connect-timeout", "5m")
        seen = await read_until(process, "> offer")
        process.send_signal(signal.SIGTERM)
        left = await ended(process, seen)
    assert left.code == ExitCode.INTERRUPTED
    assert "interrupted before it was connected" in left.out


async def test_after_a_second_ctrl_c_the_file_can_be_played(gateway_url: str, tmp_path: Path) -> None:
    path = tmp_path / "heard.wav"
    process = await start(gateway_url, "--call-duration", "10m", "--save-audio", str(path))
    seen = await read_until(process, "first sound")
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    left = await ended(process, seen)
    assert left.code == ExitCode.INTERRUPTED
    assert heard(path).size > 0


async def test_a_reader_that_leaves_disturbs_nobody(gateway_url: str) -> None:
    process = await start(gateway_url, "--call-duration", "2")
    await read_until(process, "* WebSocket: open")
    assert process.stdout is not None
    process.stdout._transport.close()  # type: ignore[attr-defined]
    assert process.stderr is not None
    err = (await process.stderr.read()).decode()
    assert await process.wait() == ExitCode.PASSED
    assert err == ""


# What was heard


def heard(path: Path) -> npt.NDArray[np.float64]:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float64)


def likeness(
    said: npt.NDArray[np.float64], found: npt.NDArray[np.float64], second: float
) -> tuple[float, float]:
    """Largest normalised cross-correlation of the second from then on that was said with what was heard, and where."""
    first = round(second * 48_000)
    piece = said[first : first + 48_000]
    size = 1 << (found.size + piece.size).bit_length()
    products = np.fft.irfft(np.fft.rfft(found, size) * np.conj(np.fft.rfft(piece, size)), size)[: found.size]
    energy = np.concatenate([[0.0], np.cumsum(found**2)])
    windows = np.maximum(energy[piece.size :] - energy[: found.size - piece.size + 1], 1.0)
    values = products[: windows.size] / np.sqrt(windows * np.sum(piece**2))
    return float(values.max()), float(values.argmax()) / 48_000


async def test_what_is_saved_is_what_was_said_to_the_echo_at_the_time_it_came_back(
    gateway_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "heard.wav"
    left = await call(gateway_url, "--json", "--call-duration", "6", "--save-audio", str(path))
    assert left.code == ExitCode.PASSED, left.err
    found = heard(path)
    said = read_sound(SAMPLES_DIR / "book_a_table.wav")[0].astype(np.float64)
    # What was said at some second came back that long after connecting, and the packet's way there and back later. A
    # machine that stands still leaves a hole in some of them.
    found_at = {second: likeness(said, found, second) for second in (0.7, 1.0, 1.5, 2.0)}
    assert any(value > 0.8 and second - 0.05 < at < second + 2 for second, (value, at) in found_at.items())
    audio = left.document["audio"]
    assert audio == {"path": str(path), "seconds": round(found.size / 48_000, 3), "failure": None}
    record = left.document["record"]
    assert abs(audio["seconds"] - record["connected_ms"] / 1000) < 0.5 + record["late_ms_max"] / 1000


async def test_a_call_that_fails_midway_leaves_what_was_heard_until_then(tmp_path: Path) -> None:
    async def script(line: Line) -> None:
        await line.take_call()
        while len(line.gateway.rtp) < 100:
            await line.gateway.heard.wait()
            await asyncio.sleep(0.01)
        await line.send_error("AGENT_FAILURE", "the agent fell over")
        await line.listen()

    path = tmp_path / "heard.wav"
    left = await scripted(script, "--save-audio", str(path), "--call-duration", "60")
    assert left.code == ExitCode.FAILED
    assert "AGENT_FAILURE: the agent fell over" in left.out
    assert heard(path).size >= 48_000
    assert np.abs(heard(path)).max() > 500
