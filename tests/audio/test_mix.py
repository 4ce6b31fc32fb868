"""The parts of a clip in their order, without a click between them."""

from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from broadcaster.audio.decode import decode
from broadcaster.audio.mix import mix, resampled
from broadcaster.audio.studio import make_sound
from broadcaster.audio.template import Template, find
from broadcaster.domain.sound import Pcm
from broadcaster.errors import AudioError
from tests.audio.conftest import TEMPLATES
from tests.audio.sounds import from_floats, noise, samples_of, sine, template_in


def stretches(sound: Pcm, *, gap_ms: int = 50) -> list[tuple[float, float]]:
    """Start and length in ms of what lies between silences of at least `gap_ms`."""
    loud = np.flatnonzero(np.abs(samples_of(sound)) > 0)
    breaks = np.flatnonzero(np.diff(loud) > sound.rate_hz * gap_ms // 1000)
    starts = [loud[0], *loud[breaks + 1]]
    ends = [*loud[breaks], loud[-1]]
    per_ms = sound.rate_hz / 1000
    return [(start / per_ms, (end - start) / per_ms) for start, end in zip(starts, ends, strict=True)]


def test_the_parts_come_in_order_with_their_gaps(tmp_path: Path) -> None:
    template = template_in(
        tmp_path / "it",
        sine(800, 200),
        readings=2,
        gap_ms=1000,
        chime_gap_ms=300,
        words_gap_ms=400,
        lead_silence_ms=200,
        tail_silence_ms=500,
    )
    sound = mix(template, sine(500, 250), sine(600, 700), sine(700, 350))
    found = stretches(sound)
    expected = [(200, 200), (700, 250), (1350, 700), (3050, 700), (4150, 350)]
    assert len(found) == len(expected)
    for (start, length), (expected_start, expected_length) in zip(found, expected, strict=True):
        assert abs(start - expected_start) < 3
        assert abs(length - expected_length) < 3
    assert abs(sound.duration_ms - 5000) <= 3


def test_a_template_without_chime_and_words_is_silence_reading_silence(tmp_path: Path) -> None:
    sound = mix(template_in(tmp_path / "it"), None, sine(600, 700), None)
    assert [round(length, -1) for _, length in stretches(sound)] == [700]


def test_a_reading_without_sound_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no sound"):
        mix(template_in(tmp_path / "it"), None, Pcm(b"", 22_050), None)


def test_the_first_hundred_milliseconds_are_silent(template: Template, long_reading: Pcm) -> None:
    sound = mix(template, None, long_reading, None)
    assert not samples_of(sound)[: sound.rate_hz // 10].any()


def test_no_join_has_a_step(tmp_path: Path) -> None:
    """Parts that begin and end at full level, the worst there can be: only the fades keep them from clicking."""
    template = template_in(tmp_path / "it", from_floats(np.full(8_000, 0.5)), chime_gap_ms=0, words_gap_ms=0, gap_ms=0)
    flat = from_floats(np.full(20_000, 0.5))
    sound = mix(template, flat, flat, flat)
    assert np.abs(samples_of(sound)).max() > 10_000
    assert np.abs(np.diff(samples_of(sound))).max() < 0.5 * 32_768 * 0.03


def cut_at_its_crests(sound: Pcm, *, level: float = 0.99) -> Pcm:
    """The longest part of `sound` that begins and ends at a crest nine tenths as high as its highest, made loud."""
    samples = samples_of(sound)
    samples *= level / np.abs(samples).max()
    crests = np.flatnonzero(np.abs(samples) > 0.9 * level)
    return from_floats(samples[crests[0] : crests[-1] + 1], sound.rate_hz)


def joins(template: Template, opening: Pcm, reading: Pcm, closing: Pcm) -> list[int]:
    """The first sample of every part but the first, counted from the parts' own lengths."""
    settings = template.settings
    rate_hz = settings.output.sample_rate_hz
    chime = [] if template.chime is None else [template.chime, Pcm.silence(settings.chime_gap_ms, rate_hz)]
    words_gap, gap = Pcm.silence(settings.words_gap_ms, rate_hz), Pcm.silence(settings.gap_ms, rate_hz)
    parts = [Pcm.silence(settings.lead_silence_ms, rate_hz), *chime, opening, words_gap]
    parts += [reading, *[gap, reading] * (settings.readings - 1), words_gap, closing]
    return list(accumulate(len(resampled(part, rate_hz).samples) // 2 for part in parts))


def largest_steps(sound: Pcm, places: list[int]) -> tuple[float, float]:
    """The largest step within 2 ms of a place, and the largest anywhere further away from all of them."""
    steps = np.abs(np.diff(samples_of(sound)))
    is_near = np.zeros(len(steps), bool)
    for place in places:
        is_near[place - sound.rate_hz // 500 : place + sound.rate_hz // 500] = True
    return float(steps[is_near].max()), float(steps[~is_near].max())


NO_GAPS = {"chime_gap_ms": 0, "words_gap_ms": 0, "gap_ms": 0, "readings": 2, "tail_silence_ms": 0}


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 48_000])
@pytest.mark.parametrize("gaps", [{"readings": 2}, NO_GAPS], ids=["with gaps", "without gaps"])
def test_speech_cut_off_at_its_loudest_joins_more_gently_than_it_speaks(
    long_reading: Pcm, tmp_path: Path, rate_hz: int, gaps: dict[str, object]
) -> None:
    part = cut_at_its_crests(long_reading)
    assert min(abs(samples_of(part)[[0, -1]])) > 0.85 * 32_768
    template = template_in(tmp_path / "it", part, output={"sample_rate_hz": rate_hz}, chime_level_db=0.0, **gaps)
    places = joins(template, part, part, part)
    sound = mix(template, part, part, part)
    at_joins, in_speech = largest_steps(sound, places)
    assert len(samples_of(sound)) - places[-1] == rate_hz * template.settings.tail_silence_ms // 1000
    assert at_joins <= 0.5 * in_speech


@pytest.mark.parametrize("name", ["canh-bao", "loa-nen"])
def test_no_join_of_a_finished_clip_clicks(long_reading: Pcm, name: str) -> None:
    """At its loudness, and as a horn gets it: what is cut off at its loudest is heard as if it had ended."""
    part = cut_at_its_crests(long_reading)
    template = find(name, [TEMPLATES])
    sound = decode(make_sound(template, part, part, part, "wav").data)
    at_joins, in_speech = largest_steps(sound, joins(template, part, part, part))
    assert at_joins <= 0.5 * in_speech


@pytest.mark.parametrize("level", [0.02, 0.2])
def test_the_chime_keeps_its_distance_to_the_voice(tmp_path: Path, level: float) -> None:
    template = template_in(tmp_path / "it", sine(800, 500), chime_level_db=-6.0, chime_gap_ms=500)
    sound = samples_of(mix(template, None, sine(600, 1000, level=level), None))
    chime, voice = sound[22_050 * 4 // 10 : 22_050 * 7 // 10], sound[22_050 * 15 // 10 : 22_050 * 2]
    assert abs(20 * np.log10(chime.std() / voice.std()) + 6) < 0.3


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 44_100, 48_000])
def test_a_voice_at_another_rate_keeps_its_pitch_and_length(tmp_path: Path, rate_hz: int) -> None:
    sound = mix(template_in(tmp_path / "it"), None, sine(1000, 1000, rate_hz=rate_hz), None)
    assert sound.rate_hz == 22_050
    spectrum = np.abs(np.fft.rfft(samples_of(sound)))
    assert abs(int(spectrum.argmax()) * sound.rate_hz / len(samples_of(sound)) - 1000) < 2
    assert abs(stretches(sound)[0][1] - 1000) < 6


def test_what_lies_above_the_new_rate_does_not_fold_back() -> None:
    moved = resampled(sine(15_000, 1000, rate_hz=48_000), 22_050)
    assert samples_of(moved)[1_000:-1_000].std() < 0.5 * 32_768 * 0.003


def test_the_same_parts_give_the_same_mix(template: Template) -> None:
    assert mix(template, None, noise(500), None) == mix(template, None, noise(500), None)
