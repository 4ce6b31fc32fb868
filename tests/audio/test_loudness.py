"""Our meter beside pyloudnorm's, ffmpeg's, and the test signals of EBU Tech 3341."""

from pathlib import Path

import numpy as np
import pytest
from pyloudnorm import Meter

from broadcaster.audio import encode
from broadcaster.audio.loudness import measure
from broadcaster.domain.sound import Pcm
from tests.audio.conftest import ebur128
from tests.audio.sounds import eased, from_floats, noise, samples_of, sine


def stereo_share() -> float:
    """EBU Tech 3341 gives stereo signals; one channel of them is 3 LU less."""
    return 10 * float(np.log10(0.5))


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("level_dbfs", [-23.0, -33.0])
def test_a_sine_of_ebu_tech_3341_reads_as_it_should(rate_hz: int, level_dbfs: float) -> None:
    sound = sine(1000, 20_000, level=10 ** (level_dbfs / 20), rate_hz=rate_hz)
    assert abs(measure(sound).loudness_lufs - (level_dbfs + stereo_share())) < 0.1


def test_quiet_parts_are_gated_as_in_ebu_tech_3341_case_3() -> None:
    parts = [sine(1000, ms, level=10 ** (db / 20), rate_hz=48_000) for ms, db in ((10_000, -36), (60_000, -23))]
    sound = Pcm(parts[0].samples + parts[1].samples + parts[0].samples, 48_000)
    assert abs(measure(sound).loudness_lufs - (-23 + stereo_share())) < 0.1


def test_it_agrees_with_pyloudnorm_beyond_one_stretch(long_reading: Pcm) -> None:
    sound = Pcm(long_reading.samples * 3, long_reading.rate_hz)
    theirs = Meter(sound.rate_hz, "DeMan").integrated_loudness(samples_of(sound) / 32_768)
    assert abs(measure(sound).loudness_lufs - theirs) < 0.02


@pytest.mark.parametrize(
    "sound",
    [
        noise(3_000),
        eased(sine(5_512.5, 1_000, phase=np.pi / 4)),
        eased(sine(9_000, 1_000, level=0.9)),
        eased(sine(100, 3_000, level=0.99)),
        Pcm(noise(700).samples * 40, 22_050),
    ],
    ids=["noise", "a quarter of the rate", "high", "deep", "longer than a stretch"],
)
def test_true_peak_and_loudness_agree_with_ffmpeg(tmp_path: Path, sound: Pcm) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(encode.wav(sound))
    ours, theirs = measure(sound), ebur128(path)
    assert abs(ours.loudness_lufs - theirs.loudness_lufs) < 0.15
    assert abs(ours.true_peak_dbtp - theirs.true_peak_dbtp) < 0.2


def test_a_peak_between_samples_is_seen() -> None:
    """A sine at a quarter of the rate whose samples all miss its crest by 3 dB."""
    sound = eased(sine(5_512.5, 1_000, level=0.5, phase=np.pi / 4))
    assert np.abs(samples_of(sound)).max() / 32_768 < 0.36
    assert abs(measure(sound).true_peak_dbtp - 20 * np.log10(0.5)) < 0.2


def test_a_peak_at_the_border_of_two_stretches_is_seen() -> None:
    samples = np.zeros(22_050 * 21)
    border = 22_050 * 20
    samples[border - 1 : border + 1] = 0.5
    assert measure(from_floats(samples)).true_peak_dbtp > 20 * np.log10(0.6)


@pytest.mark.parametrize("duration_ms", [1, 10, 399, 400, 401])
def test_a_very_short_sound_has_a_loudness(duration_ms: int) -> None:
    measured = measure(sine(1000, duration_ms))
    assert -45 < measured.loudness_lufs < -8
    assert -8 < measured.true_peak_dbtp < 0


@pytest.mark.parametrize("sound", [Pcm(b"", 22_050), Pcm.silence(2_000, 22_050)], ids=["nothing", "silence"])
def test_silence_has_no_loudness_and_no_peak(sound: Pcm) -> None:
    measured = measure(sound)
    assert measured.loudness_lufs == float("-inf")
    assert measured.true_peak_dbtp == float("-inf")
