"""What was heard is in the file at its time, whatever the network and the gateway do."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from loadkit.errors import SettingsError
from loadkit.media.rtp import RtpPacket
from loadkit.media.samples import encode
from loadkit.probe.recording import Recording

FRAME = 960


def tone(frames: int, channels: int = 1) -> tuple[bytes, ...]:
    """Packets of a loud sound."""
    times = np.arange(frames * FRAME) / 48_000
    sound = (8000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)
    return encode(np.tile(sound, (channels, 1)))


PACKETS = tone(100)


def packet(number: int, payload: bytes = b"", timestamp: int | None = None, ssrc: int = 7) -> RtpPacket:
    stamp = number * FRAME if timestamp is None else timestamp
    return RtpPacket(111, False, number & 0xFFFF, stamp & 0xFFFFFFFF, ssrc, payload or PACKETS[number % 100])


def sound_of(path: Path) -> npt.NDArray[np.int16]:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def loud(sound: npt.NDArray[np.int16]) -> list[bool]:
    """Frame by frame, whether there is sound in its middle."""
    frames = sound[: sound.size // FRAME * FRAME].reshape(-1, FRAME)[:, 200:760]
    return [bool(np.abs(frame.astype(int)).max() > 500) for frame in frames]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heard.wav"


def test_packets_in_their_order_are_one_sound(path: Path) -> None:
    recording = Recording(path)
    recording.begin(10.0)
    for number in range(50):
        recording.packet(packet(number), 10.0 + number * 0.02)
    recording.close()
    assert loud(sound_of(path))[1:] == [True] * 49
    assert recording.seconds == 1.0


def test_silence_stays_where_packets_were_lost_and_before_the_first_came(path: Path) -> None:
    recording = Recording(path)
    recording.begin(10.0)
    for number in [*range(20), *range(30, 40)]:
        recording.packet(packet(number), 10.2 + number * 0.02)
    recording.end(11.2)
    recording.close()
    found = loud(sound_of(path))
    assert len(found) == 60
    assert found[:10] == [False] * 10
    assert found[11:30] == [True] * 19
    assert found[30:40] == [False] * 10
    assert found[41:50] == [True] * 9
    assert found[50:] == [False] * 10


def test_packets_that_overtook_each_other_are_put_in_order_and_duplicates_are_heard_once(path: Path) -> None:
    straight, shuffled = Recording(path), Recording(path.with_name("shuffled.wav"))
    order = [1, 0, 3, 2, 2, 5, 4, 7, 6, *range(8, 40), 39]
    for number in range(40):
        straight.packet(packet(number), number * 0.02)
    shuffled.begin(0.0)
    # The first packet to come says where the stream is.
    for index, number in enumerate(order):
        shuffled.packet(packet(number), 0.02 + index * 0.02)
    straight.close()
    shuffled.close()
    a, b = sound_of(straight.path), sound_of(shuffled.path)
    assert np.array_equal(a, b[-a.size :]) or np.array_equal(a, b[: a.size])


def test_a_stall_does_not_delay_all_that_follows(path: Path) -> None:
    recording = Recording(path)
    recording.begin(0.0)
    for number in range(10):
        recording.packet(packet(number), number * 0.02)
    # Two seconds of nothing, then a sender that went on counting where it was.
    for number in range(10, 20):
        recording.packet(packet(number), 2.0 + number * 0.02)
    recording.close()
    assert abs(recording.seconds - 2.4) < 0.1
    assert not any(loud(sound_of(path))[12:108])


def test_time_stamps_that_lead_astray_do_not_make_the_file_longer_than_the_call(path: Path) -> None:
    recording = Recording(path)
    recording.begin(0.0)
    for number in range(200):
        wild = (number * 0x3333_3333) & 0xFFFF_FFFF
        recording.packet(packet(number, timestamp=wild, ssrc=number % 3), number * 0.02)
    recording.close()
    assert recording.seconds < 200 * 0.02 + 0.6
    assert path.stat().st_size < 5 * 48_000 * 2


def test_time_stamps_that_wrap_around_go_on(path: Path) -> None:
    recording = Recording(path)
    recording.begin(0.0)
    for number in range(50):
        recording.packet(packet(number, timestamp=0xFFFF_FFFF - 20 * FRAME + number * FRAME), number * 0.02)
    recording.close()
    assert recording.seconds == 1.0
    assert all(loud(sound_of(path))[1:])


def test_stereo_is_mixed_and_what_is_no_opus_is_silence(path: Path) -> None:
    recording = Recording(path)
    recording.begin(0.0)
    for number, payload in enumerate([*tone(10, channels=2), *([b"\xff" * 40] * 5), *([b"\xf8"] * 5)]):
        recording.packet(packet(number, payload), number * 0.02)
    recording.close()
    found = loud(sound_of(path))
    assert len(found) == 20
    assert found[1:10] == [True] * 9
    assert not any(found[15:])


def test_nothing_heard_is_an_empty_file_that_can_be_read(path: Path) -> None:
    recording = Recording(path)
    recording.close()
    recording.close()
    assert sound_of(path).size == 0


def test_a_process_that_is_killed_leaves_what_there_was_until_a_second_before(path: Path) -> None:
    recording = Recording(path)
    for number in range(150):
        recording.packet(packet(number), number * 0.02)
    assert sound_of(path).size >= 96_000
    recording.close()


def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--save-audio .*No such file or directory"):
        Recording(tmp_path / "nowhere" / "heard.wav")
    with pytest.raises(SettingsError, match=r"it is there and not a file"):
        Recording(tmp_path)


def test_a_disk_that_fills_up_ends_the_file_and_not_the_call(path: Path) -> None:
    recording = Recording(path)
    recording._file.close()
    recording._file = open("/dev/full", "wb", buffering=0)  # type: ignore[assignment]  # noqa: SIM115
    for number in range(20):
        recording.packet(packet(number), number * 0.02)
    recording.close()
    assert recording.failure == "No space left on device"
