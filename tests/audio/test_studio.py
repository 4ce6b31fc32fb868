"""The finished clip, measured by ffmpeg."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from broadcaster.audio.decode import decode
from broadcaster.audio.limiter import Master
from broadcaster.audio.loudness import measure
from broadcaster.audio.studio import Format, make_sound
from broadcaster.audio.template import Template
from broadcaster.domain.sound import Pcm
from broadcaster.errors import AudioError
from broadcaster.process import Children
from broadcaster.speech.speaker import Speaker
from tests.audio.conftest import ebur128
from tests.audio.sounds import from_floats, noise, samples_of, sine, template_in


@pytest.mark.parametrize("fmt", ["mp3", "wav"])
@pytest.mark.parametrize("length", ["short_reading", "long_reading"])
def test_every_clip_keeps_its_promise_on_a_foreign_meter(
    template: Template, speaker: Speaker, request: pytest.FixtureRequest, tmp_path: Path, length: str, fmt: Format
) -> None:
    opening, closing = (
        speaker.speak(words or "", "espeak/vi") for words in (template.opening("vi"), template.closing("vi"))
    )
    sound = make_sound(template, opening, request.getfixturevalue(length), closing, fmt)
    path = tmp_path / f"clip.{fmt}"
    path.write_bytes(sound.data)
    heard = ebur128(path)
    assert abs(heard.loudness_lufs - template.settings.loudness_lufs) <= 0.5
    assert heard.true_peak_dbtp <= template.settings.true_peak_dbtp
    assert abs(heard.loudness_lufs - sound.loudness_lufs) < 0.15
    assert abs(heard.true_peak_dbtp - sound.true_peak_dbtp) < 0.2


@pytest.mark.parametrize("loudness_lufs", [-14.0, -23.0, -31.0])
@pytest.mark.parametrize("bitrate_kbps", [32, 64])
def test_other_targets_and_bit_rates_keep_it_too(
    long_reading: Pcm, tmp_path: Path, loudness_lufs: float, bitrate_kbps: int
) -> None:
    template = template_in(tmp_path / "it", loudness_lufs=loudness_lufs, output={"bitrate_kbps": bitrate_kbps})
    path = tmp_path / "clip.mp3"
    path.write_bytes(make_sound(template, None, long_reading, None).data)
    heard = ebur128(path)
    assert abs(heard.loudness_lufs - loudness_lufs) <= 0.5
    assert heard.true_peak_dbtp <= -1.5


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 44_100, 48_000])
def test_other_output_rates_keep_it_too(long_reading: Pcm, tmp_path: Path, rate_hz: int) -> None:
    template = template_in(tmp_path / "it", output={"sample_rate_hz": rate_hz})
    sound = make_sound(template, None, long_reading, None)
    assert decode(sound.data).rate_hz == rate_hz
    path = tmp_path / "clip.mp3"
    path.write_bytes(sound.data)
    heard = ebur128(path)
    assert abs(heard.loudness_lufs + 16) <= 0.5
    assert heard.true_peak_dbtp <= -1.5


@pytest.mark.parametrize(
    "reading",
    [sine(1000, 390, level=0.001), noise(3_000, level=0.3), sine(200, 2_000, level=1.0)],
    ids=["faint", "noise", "full scale"],
)
def test_odd_readings_keep_it_too(tmp_path: Path, reading: Pcm) -> None:
    sound = make_sound(template_in(tmp_path / "it", readings=2, gap_ms=100), None, reading, None)
    assert abs(sound.loudness_lufs + 16) <= 0.5
    assert sound.true_peak_dbtp <= -1.5


@pytest.mark.parametrize("fmt", ["mp3", "wav"])
def test_the_first_hundred_milliseconds_of_the_decoded_file_are_silent(
    template: Template, long_reading: Pcm, fmt: Format
) -> None:
    heard = decode(make_sound(template, None, long_reading, None, fmt).data)
    assert np.abs(samples_of(heard)[: heard.rate_hz // 10]).max() <= 4  # -78 dBFS: what MP3 leaves of digital silence


def test_the_same_parts_give_the_same_bytes(template: Template, long_reading: Pcm) -> None:
    first = make_sound(template, None, long_reading, None)
    assert make_sound(template, None, long_reading, None) == first


def test_the_duration_is_that_of_all_parts(template: Template, long_reading: Pcm) -> None:
    sound = make_sound(template, None, long_reading, None)
    settings = template.settings
    assert template.chime is not None
    parts_ms = settings.lead_silence_ms + template.chime.duration_ms + settings.chime_gap_ms + settings.tail_silence_ms
    parts_ms += settings.readings * long_reading.duration_ms + (settings.readings - 1) * settings.gap_ms
    assert 0 <= sound.duration_ms - parts_ms < 150  # MP3 comes in frames and starts with the encoder's delay


def test_a_clip_is_made_in_a_child(long_reading: Pcm, template: Template) -> None:
    with Children(1) as children:
        made = children.run(make_sound, template, None, long_reading, None, timeout_s=120)
    here = make_sound(template, None, long_reading, None)
    assert made.duration_ms == here.duration_ms
    assert abs(made.loudness_lufs - here.loudness_lufs) < 0.01  # a child has one thread: it may round otherwise
    assert pickle.loads(pickle.dumps(template)) == template


def test_silence_is_an_error_and_not_a_clip(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="silent"):
        make_sound(template_in(tmp_path / "it"), None, Pcm.silence(3_000, 22_050), None)


def test_a_single_click_cannot_be_made_as_loud_as_speech(tmp_path: Path) -> None:
    click = np.zeros(22_050 * 5)
    click[22_050] = 0.9
    with pytest.raises(AudioError, match="too little speech"):
        make_sound(template_in(tmp_path / "it", loudness_lufs=-14.0), None, from_floats(click), None)


@pytest.mark.parametrize(
    ("loudness_lufs", "ceiling_dbtp"), [(-14.0, -1.5), (-16.0, -3.0), (-16.0, -4.0), (-22.0, -9.0)]
)
def test_the_limiter_keeps_its_ceiling_and_the_loudness(
    long_reading: Pcm, loudness_lufs: float, ceiling_dbtp: float
) -> None:
    measured = measure(Master(long_reading).at(loudness_lufs, ceiling_dbtp))
    assert measured.true_peak_dbtp <= ceiling_dbtp + 0.05
    assert abs(measured.loudness_lufs - loudness_lufs) <= 0.1


def test_the_limiter_leaves_alone_what_is_under_the_ceiling(long_reading: Pcm) -> None:
    master = Master(long_reading)
    quiet = samples_of(master.at(-35.0, -1.5))
    before = samples_of(long_reading)
    gain = (quiet @ before) / (before @ before)
    assert np.abs(quiet - gain * before).max() <= 1.0


def test_the_limiter_adds_no_click_at_a_sudden_peak() -> None:
    samples = samples_of(sine(300, 4_000, level=0.2)) / 32_768
    samples[40_000:40_040] *= 4.9
    limited = samples_of(Master(from_floats(samples)).at(-13.0, -3.0))
    assert np.abs(np.diff(limited[:39_900])).max() < 32_768 * 0.7 * 2 * np.pi * 300 / 22_050 * 1.1
