"""WAVs of every kind to Opus packets, and files that are none, refused by name."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from loadkit.errors import ExitCode, SampleError
from loadkit.media import CLOCK_RATE, FRAME_SAMPLES
from loadkit.media.samples import EncodedSample, encode, find_sample, load_sample, read_sound, silence
from loadkit.media.voice import LevelDecoder, level_of
from loadkit.settings import SAMPLES_DIR

Floats = npt.NDArray[np.float64]


def tone(seconds: float, rate: int, *, dbfs: float = -20.0, hertz: float = 440.0) -> Floats:
    """A sine whose RMS level is ``dbfs``."""
    amplitude = math.sqrt(2) * 10 ** (dbfs / 20)
    times = np.arange(round(seconds * rate)) / rate
    wave_: Floats = amplitude * np.sin(2 * math.pi * hertz * times)
    return wave_


def write_wav(path: Path, channels: list[Floats], rate: int, bits: int = 16) -> Path:
    """A PCM WAV of 8 (unsigned), 16 or 24 bits out of −1..1."""
    both = np.stack(channels, axis=1)
    if bits == 8:
        data = np.round(both * 127 + 128).astype(np.uint8).tobytes()
    elif bits == 16:
        data = np.round(both * 32767).astype("<i2").tobytes()
    else:
        whole = np.round(both * (2**23 - 1)).astype("<i4")
        data = whole.reshape(-1, 1).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        file.writeframes(data)
    return path


def write_with_ffmpeg(path: Path, codec: str, layout: str, sound: npt.NDArray[np.float32], rate: int) -> Path:
    """A WAV of a kind that Python's ``wave`` does not write; ``sound`` has the shape (channels, n)."""
    interleaved = np.ascontiguousarray(sound.T).reshape(1, -1)
    if codec == "pcm_s16le":
        frame = av.AudioFrame.from_ndarray((interleaved * 32767).astype(np.int16), "s16", layout)
    else:
        frame = av.AudioFrame.from_ndarray(interleaved, "flt", layout)
    frame.sample_rate = rate
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


def decode(packets: tuple[bytes, ...]) -> npt.NDArray[np.float64]:
    """What a listener hears, channels mixed to one, without the decoder's delay of 6.5 ms."""
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate = CLOCK_RATE
    pieces = [
        frame.to_ndarray().reshape(-1, frame.layout.nb_channels).mean(axis=1)
        for packet in packets
        for frame in decoder.decode(av.Packet(packet))
    ]
    return np.concatenate(pieces)[312:]


def level(sound: npt.NDArray[np.float64]) -> float:
    """RMS level in dBFS."""
    return level_of(np.round(sound).astype(np.int16))


def similarity(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Correlation at the best lag within ±20 ms: a codec may shift, but not change, what is said."""
    length = min(len(a), len(b)) - 2 * FRAME_SAMPLES
    middle = a[FRAME_SAMPLES : FRAME_SAMPLES + length]
    best = 0.0
    for shift in range(0, 2 * FRAME_SAMPLES, 8):
        best = max(best, float(np.corrcoef(middle, b[shift : shift + length])[0, 1]))
    return best


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("bits", [8, 16, 24])
def test_wav_of_any_rate_and_depth_is_encoded_as_it_sounds(
    tmp_path: Path, rate: int, channels: int, bits: int
) -> None:
    seconds = 0.73
    sound = tone(seconds, rate)
    sample = load_sample(write_wav(tmp_path / "tone.wav", [sound] * channels, rate, bits))
    assert sample.name == "tone.wav"
    assert abs(len(sample.packets) - math.ceil(seconds / 0.02)) <= (0 if rate == CLOCK_RATE else 1)
    assert sample.duration == pytest.approx(seconds, abs=0.04)
    heard = decode(sample.packets)
    middle = slice(len(heard) // 4, 3 * len(heard) // 4)
    assert level(heard[middle]) == pytest.approx(-20, abs=1.5)
    truth = tone(seconds, CLOCK_RATE)
    assert similarity(truth[middle], heard[middle]) > 0.95


@pytest.mark.parametrize(
    ("seconds", "packets"), [(0.001, 1), (0.02, 1), (0.0201, 2), (0.5, 25), (0.51, 26), (1.0, 50)]
)
def test_packets_are_the_duration_in_steps_of_20_ms_rounded_up(
    tmp_path: Path, seconds: float, packets: int
) -> None:
    path = write_wav(tmp_path / "tone.wav", [tone(seconds, CLOCK_RATE)], CLOCK_RATE)
    assert len(load_sample(path).packets) == packets


def test_float_wav_is_read(tmp_path: Path) -> None:
    sound = tone(0.5, CLOCK_RATE).astype(np.float32)[np.newaxis]
    path = write_with_ffmpeg(tmp_path / "float.wav", "pcm_f32le", "mono", sound, CLOCK_RATE)
    read = read_sound(path)
    assert read.shape == (1, 24_000)
    assert level_of(read) == pytest.approx(-20, abs=0.1)


def test_surround_sound_becomes_stereo(tmp_path: Path) -> None:
    one = tone(0.5, CLOCK_RATE).astype(np.float32)
    sound = np.stack(
        [one, np.zeros_like(one), one, np.zeros_like(one), np.zeros_like(one), np.zeros_like(one)]
    )
    path = write_with_ffmpeg(tmp_path / "surround.wav", "pcm_s16le", "5.1", sound, CLOCK_RATE)
    read = read_sound(path)
    assert read.shape == (2, 24_000)
    # Front left and the centre to the left, the centre alone to the right.
    assert level_of(read[0]) > level_of(read[1]) > -40
    assert len(load_sample(path).packets) == 25


def test_stereo_stays_two_channels(tmp_path: Path) -> None:
    loud, faint = tone(0.3, CLOCK_RATE), tone(0.3, CLOCK_RATE, dbfs=-40)
    read = read_sound(write_wav(tmp_path / "stereo.wav", [loud, faint], CLOCK_RATE))
    assert read.shape == (2, 14_400)
    assert level_of(read[0]) == pytest.approx(-20, abs=0.1)
    assert level_of(read[1]) == pytest.approx(-40, abs=0.1)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_first_and_last_speech_are_where_the_burst_is(tmp_path: Path, rate: int) -> None:
    luck = np.random.default_rng(7)
    burst = tone(0.9, rate, hertz=300) * (1 + 0.3 * luck.standard_normal(round(0.9 * rate)))
    sound = np.concatenate([np.zeros(round(0.61 * rate)), burst, np.zeros(round(0.83 * rate))])
    sample = load_sample(write_wav(tmp_path / f"burst_{rate}.wav", [sound], rate))
    assert sample.first_speech is not None and sample.last_speech is not None
    assert sample.first_speech * 0.02 == pytest.approx(0.61, abs=0.04)
    assert (sample.last_speech + 1) * 0.02 == pytest.approx(0.61 + 0.9, abs=0.04)


def test_faint_noise_around_a_burst_is_no_speech(tmp_path: Path) -> None:
    noise = 10 ** (-58 / 20) * np.random.default_rng(7).standard_normal(3 * CLOCK_RATE)
    noise[CLOCK_RATE : 2 * CLOCK_RATE] += tone(1.0, CLOCK_RATE, dbfs=-24)
    sample = load_sample(write_wav(tmp_path / "noisy.wav", [noise], CLOCK_RATE))
    assert sample.first_speech is not None and sample.last_speech is not None
    assert sample.first_speech == pytest.approx(50, abs=2)
    assert sample.last_speech == pytest.approx(99, abs=2)


def test_sample_without_sound_has_no_speech(tmp_path: Path) -> None:
    sample = load_sample(write_wav(tmp_path / "quiet.wav", [np.zeros(CLOCK_RATE)], CLOCK_RATE))
    assert sample.first_speech is None and sample.last_speech is None
    assert len(sample.packets) == 50


def test_sample_is_encoded_once_per_process(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "tone.wav", [tone(0.1, CLOCK_RATE)], CLOCK_RATE)
    first = load_sample(path)
    path.unlink()
    assert load_sample(path) is first


def test_silence_is_one_packet_of_digital_silence() -> None:
    decoder = LevelDecoder()
    assert max(decoder.level(silence()) for _ in range(10)) < -90
    assert len(silence()) < 40


def test_length_that_fills_no_packet_is_padded_with_silence() -> None:
    sound = (tone(0.03, CLOCK_RATE) * 32767).astype(np.int16)[np.newaxis]
    assert len(encode(sound)) == 2


# Files that cannot be used


def refusal(path: Path) -> str:
    with pytest.raises(SampleError) as caught:
        load_sample(path)
    assert caught.value.path == str(path)
    assert caught.value.exit_code is ExitCode.BAD_SETTINGS
    assert str(caught.value).startswith(f"audio sample {path}: ")
    return caught.value.reason


def test_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere.wav") == "there is no such file"


def test_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "it is a folder, not a file"


def test_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.touch()
    assert refusal(path) == "the file is empty"


def test_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("Remember to record the greeting.\n" * 50)
    assert refusal(path).startswith("it cannot be read as audio (")


def test_wav_without_a_single_sample_is_refused(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "nothing.wav", [np.zeros(0)], CLOCK_RATE)
    assert refusal(path) == "the file holds no sound: its audio has a length of 0"


@pytest.mark.parametrize("length", [3, 11, 20, 30])
def test_wav_that_ends_within_its_header_is_refused(tmp_path: Path, length: int) -> None:
    whole = write_wav(tmp_path / "whole.wav", [tone(0.5, CLOCK_RATE)], CLOCK_RATE)
    path = tmp_path / f"cut_{length}.wav"
    path.write_bytes(whole.read_bytes()[:length])
    assert refusal(path).startswith("it cannot be read as audio (")


def test_wav_that_ends_within_its_sound_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write_wav(tmp_path / "whole.wav", [tone(1.0, CLOCK_RATE)], CLOCK_RATE)
    path = tmp_path / "half.wav"
    path.write_bytes(whole.read_bytes()[: 44 + CLOCK_RATE])
    assert len(load_sample(path).packets) == 25


def test_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.wav"
    header = b"P6 16 16 255\n"
    path.write_bytes(header + bytes(16 * 16 * 3))
    assert refusal(path)


def test_name_that_is_longer_than_any_file_name_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / ("x" * 300 + ".wav"))


# The samples that come along


def shipped() -> list[Path]:
    return sorted(SAMPLES_DIR.glob("*.wav"))


def test_four_samples_and_a_monologue_come_along() -> None:
    assert len([path for path in shipped() if "monologue" not in path.name]) >= 4
    assert any("monologue" in path.name for path in shipped())


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.name)
def test_shipped_sample_is_clear_speech_with_silence_at_both_ends(path: Path) -> None:
    if "monologue" in path.name:
        sound = read_sound(path)
        assert sound.shape[1] == pytest.approx(60 * CLOCK_RATE, rel=0.1)
        assert level_of(sound) == pytest.approx(-25, abs=5)
        return
    sample: EncodedSample = load_sample(path)
    assert 4 <= sample.duration <= 10
    assert sample.first_speech is not None and sample.last_speech is not None
    assert sample.first_speech * 0.02 == pytest.approx(0.5, abs=0.25)
    assert sample.duration - sample.last_speech * 0.02 == pytest.approx(0.5, abs=0.4)
    assert level(decode(sample.packets)) == pytest.approx(-25, abs=5)


# Names


def test_name_is_looked_up_in_the_samples_folder(tmp_path: Path) -> None:
    assert find_sample("hello.wav", tmp_path) == tmp_path / "hello.wav"


def test_file_that_exists_is_taken_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.wav").touch()
    assert find_sample("mine.wav", tmp_path / "samples") == Path("mine.wav")


def test_absolute_path_is_taken_as_given(tmp_path: Path) -> None:
    assert find_sample(str(tmp_path / "gone.wav"), tmp_path / "samples") == tmp_path / "gone.wav"


def test_home_of_the_user_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_sample("~/mine.wav", tmp_path / "samples") == tmp_path / "mine.wav"


@pytest.mark.parametrize("name", ["~nobody-of-this-name/x.wav", "x" * 300, "a\0b"])
def test_name_that_no_file_can_have_is_refused_when_it_is_read(tmp_path: Path, name: str) -> None:
    assert refusal(find_sample(name, tmp_path))
