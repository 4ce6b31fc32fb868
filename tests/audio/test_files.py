"""MP3 and WAV, out and in."""

import io
import wave

import numpy as np
import pytest

from broadcaster.audio import encode
from broadcaster.audio.decode import decode
from broadcaster.domain.sound import Pcm
from broadcaster.errors import AudioError
from tests.audio.sounds import samples_of, sine


def test_wav_comes_back_as_it_was() -> None:
    sound = sine(700, 500)
    assert decode(encode.wav(sound)) == sound


def test_mp3_comes_back_as_it_sounded() -> None:
    sound = sine(700, 1_000)
    heard = decode(encode.mp3(sound, 64))
    assert heard.rate_hz == sound.rate_hz
    assert 0 <= heard.duration_ms - sound.duration_ms < 150
    spectrum = np.abs(np.fft.rfft(samples_of(heard)))
    assert abs(int(spectrum.argmax()) * heard.rate_hz / len(samples_of(heard)) - 700) < 2


@pytest.mark.parametrize("bitrate_kbps", [32, 64, 128])
def test_the_bit_rate_is_the_one_asked_for(bitrate_kbps: int) -> None:
    data = encode.mp3(sine(700, 10_000), bitrate_kbps)
    assert abs(len(data) * 8 / 10_000 - bitrate_kbps) < 1.5


def test_the_same_samples_give_the_same_bytes() -> None:
    assert encode.mp3(sine(700, 3_000), 64) == encode.mp3(sine(700, 3_000), 64)


def test_a_rate_that_mp3_does_not_know_is_refused() -> None:
    with pytest.raises(AudioError, match="22000"):
        encode.mp3(Pcm.silence(100, 22_000), 64)


def test_a_stereo_wav_is_mixed_to_one_channel() -> None:
    left, right = samples_of(sine(700, 500)), np.zeros(22_050 // 2)
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(22_050)
        file.writeframes(np.column_stack([left, right]).astype("<i2").tobytes())
    heard = samples_of(decode(target.getvalue()))
    assert np.abs(heard - left / 2).max() <= 1


@pytest.mark.parametrize(
    "data", [b"", b"RIFF\0\0\0\0WAVE", b"ID3", b"#EXTM3U\nhttp://x/\n", b"fLaC" + bytes(60), b"OggS" + bytes(60)]
)
def test_what_is_neither_mp3_nor_wav_is_refused(data: bytes) -> None:
    with pytest.raises(AudioError):
        decode(data)


def test_a_file_that_is_too_long_is_refused() -> None:
    with pytest.raises(AudioError, match="longer than"):
        decode(encode.wav(sine(700, 1_200)), longest_ms=1_000)
