"""The horn profile: what a loudspeaker on a pole is given, measured before and after encoding."""

from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest

from broadcaster.audio.decode import decode
from broadcaster.audio.horn import shaped
from broadcaster.audio.studio import make_sound
from broadcaster.audio.template import Output
from broadcaster.domain.sound import Pcm
from broadcaster.errors import InputError
from tests.audio.conftest import ebur128
from tests.audio.sounds import eased, from_floats, noise, samples_of, sine, template_in

RATES_HZ = get_args(Output.model_fields["sample_rate_hz"].annotation)


def gain_db(pitch_hz: float, rate_hz: int = 22_050) -> float:
    """What the profile does to a tone too even to be compressed more at one time than at another."""
    tone = sine(pitch_hz, 2_000, level=0.1, rate_hz=rate_hz)
    middle = slice(rate_hz // 2, -rate_hz // 2)
    before, after = (samples_of(sound)[middle].std() for sound in (tone, shaped(tone)))
    return float(20 * np.log10(max(after, 1e-9) / before))


def bursts(soft: float, loud: float, rate_hz: int = 22_050) -> Pcm:
    """Syllables of 200 ms in turns, noise in the band of a voice: soft, loud, soft, ..."""
    rise = np.sin(np.pi * np.arange(rate_hz // 5) / (rate_hz // 5)) ** 2
    rng = np.random.default_rng(3)
    time_s = np.arange(len(rise)) / rate_hz
    parts = [
        level * rise * sum(np.sin(2 * np.pi * pitch * time_s + rng.uniform(0, 6)) for pitch in (440, 880, 1_320)) / 3
        for level in (soft, loud) * 10
    ]
    return from_floats(np.concatenate(parts), rate_hz)


def levels_db(sound: Pcm) -> npt.NDArray[np.float64]:
    """The level of each 200 ms."""
    parts = samples_of(sound).reshape(-1, sound.rate_hz // 5)
    return np.asarray(20 * np.log10(parts.std(axis=1)), np.float64)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_an_octave_outside_the_band_little_is_left(rate_hz: int) -> None:
    middle_db = gain_db(700, rate_hz)
    assert gain_db(125, rate_hz) <= middle_db - 20
    assert gain_db(min(12_000, rate_hz * 0.49), rate_hz) <= middle_db - 20


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_every_rate_that_a_template_may_ask_for_carries_the_whole_band(rate_hz: int) -> None:
    middle_db = gain_db(700, rate_hz)
    for pitch_hz in (250, 300, 500, 1_000, 5_500, 6_000):
        assert abs(gain_db(pitch_hz, rate_hz) - middle_db) <= 3


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 12_000])
def test_a_rate_that_cannot_carry_it_is_refused(tmp_path: Path, rate_hz: int) -> None:
    with pytest.raises(InputError, match=r"output\.sample_rate_hz"):
        template_in(tmp_path / "it", profile="horn", output={"sample_rate_hz": rate_hz})


@pytest.mark.parametrize("pitch_hz", [2_000, 2_500, 3_000, 3_500, 4_000])
def test_what_makes_words_understood_stands_out_by_three_decibels(pitch_hz: int) -> None:
    assert abs(gain_db(pitch_hz) - gain_db(700) - 3) <= 1


def test_loud_and_soft_syllables_come_nearer_to_one_another() -> None:
    before = levels_db(bursts(0.05, 0.5))
    after = levels_db(shaped(bursts(0.05, 0.5)))
    ranges_db = [float(levels[3::2].mean() - levels[2::2].mean()) for levels in (before, after)]
    assert abs(ranges_db[0] - 20) < 0.5
    assert 10 < ranges_db[1] < 17  # gently: a shout stays a shout


def test_a_voice_of_one_level_is_not_pumped() -> None:
    after = levels_db(shaped(sine(700, 4_000)))
    assert np.ptp(after[1:-1]) < 0.2


def test_the_compression_is_the_same_for_a_quiet_voice_and_a_loud_one() -> None:
    quiet, loud = (levels_db(shaped(bursts(0.05 * level, 0.5 * level))) for level in (0.05, 1.0))
    assert np.abs((loud - quiet)[2:-2] - 20 * np.log10(20)).max() < 0.5


def test_nothing_is_delayed_and_nothing_grows_longer() -> None:
    click = np.zeros(22_050)
    click[10_000] = 0.5
    after = samples_of(shaped(from_floats(click)))
    assert len(after) == 22_050
    assert int(np.abs(after).argmax()) == 10_000
    both_sides = np.abs(after[9_000:10_000] - after[10_001:11_001][::-1])
    assert both_sides.max() <= after[10_000] * 0.02  # but for the compression, that follows time


@pytest.mark.parametrize("pitch_hz", [300, 1_000, 2_900])
def test_no_sample_is_clipped_however_loud_the_mix_was(pitch_hz: int) -> None:
    square = np.sign(samples_of(sine(pitch_hz, 1_000)))
    assert 0.9 * 32_768 < np.abs(samples_of(shaped(from_floats(square)))).max() <= 0.99 * 32_768


def test_it_makes_no_difference_where_a_stretch_ends() -> None:
    """Twenty seconds are computed at once; a sound that repeats is the same before and after the border."""
    second = samples_of(eased(noise(1_000)))
    after = samples_of(shaped(Pcm(np.tile(second, 22).astype(np.int16).tobytes(), 22_050))).reshape(22, -1)
    assert np.abs(after[19] - after[10]).max() <= 1
    assert np.abs(after[20] - after[10]).max() <= 1


@pytest.mark.parametrize("duration_ms", [1, 20, 400])
def test_a_very_short_sound_is_shaped_too(duration_ms: int) -> None:
    assert shaped(sine(1_000, duration_ms)).duration_ms == sine(1_000, duration_ms).duration_ms


def test_silence_stays_silence() -> None:
    assert shaped(Pcm.silence(500, 22_050)) == Pcm.silence(500, 22_050)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("bitrate_kbps", [32, 64])
def test_the_finished_clip_keeps_every_promise(
    long_reading: Pcm, tmp_path: Path, rate_hz: int, bitrate_kbps: int
) -> None:
    output = {"sample_rate_hz": rate_hz, "bitrate_kbps": bitrate_kbps}
    template = template_in(tmp_path / "it", sine(800, 500), profile="horn", lead_silence_ms=150, output=output)
    sound = make_sound(template, None, long_reading, None)
    path = tmp_path / "clip.mp3"
    path.write_bytes(sound.data)
    heard, samples = ebur128(path), samples_of(decode(sound.data))
    assert abs(heard.loudness_lufs + 16) <= 0.5
    assert heard.true_peak_dbtp <= -1.5
    assert np.abs(samples[: rate_hz // 10]).max() <= 32
    assert np.abs(samples).max() < 32_767


def test_only_a_template_that_asks_for_it_is_shaped(long_reading: Pcm, tmp_path: Path) -> None:
    plain, flat, horn = (
        make_sound(template, None, long_reading, None).data
        for template in (
            template_in(tmp_path / "plain"),
            template_in(tmp_path / "flat", profile="flat"),
            template_in(tmp_path / "horn", profile="horn"),
        )
    )
    assert plain == flat != horn
