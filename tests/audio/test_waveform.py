"""The picture of a clip."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from broadcaster.audio import encode
from broadcaster.audio.decode import decode
from broadcaster.audio.studio import make_sound
from broadcaster.audio.template import Template
from broadcaster.audio.waveform import COUNT, of_file, peaks, svg
from broadcaster.domain.sound import Pcm
from tests.audio.sounds import from_floats, samples_of, sine

SVG = "{http://www.w3.org/2000/svg}"


def test_each_stretch_gives_its_highest_sample_whether_up_or_down() -> None:
    steps = np.repeat([0.0, 0.25, -0.5, 1.0, -1.0], 1_000)
    assert list(peaks(from_floats(steps), 5)) == [0, 64, 128, 255, 255]


def test_one_sample_is_enough_to_be_seen() -> None:
    samples = np.zeros(60_000)
    samples[123 * 200] = 2 / 32_767
    assert [place for place, height in enumerate(peaks(from_floats(samples))) if height] == [123]


def test_the_lowest_sample_there_is_does_not_turn_over() -> None:
    assert peaks(Pcm(b"\x00\x80" * 10, 8_000), 1) == b"\xff"


@pytest.mark.parametrize(("samples", "count"), [(0, 0), (1, 1), (299, 299), (300, 300), (301, 300), (1_000_003, 300)])
def test_there_are_as_many_as_asked_for_unless_the_sound_is_too_short(samples: int, count: int) -> None:
    assert len(peaks(Pcm(b"\1\0" * samples, 22_050))) == count


def test_a_clip_comes_with_the_waveform_of_what_is_heard(template: Template, long_reading: Pcm) -> None:
    sound = make_sound(template, None, long_reading, None)
    assert len(sound.peaks) == COUNT
    assert sound.peaks == of_file(sound.data) == peaks(decode(sound.data))
    assert max(sound.peaks) == np.ceil(np.abs(samples_of(decode(sound.data))).max() * 255 / 32_768)


def test_a_wav_file_has_one_too() -> None:
    assert of_file(encode.wav(sine(500, 700))) == peaks(sine(500, 700))


def test_the_drawing_is_told_to_those_who_do_not_see_it_and_takes_the_colour_of_the_text() -> None:
    drawing = ET.fromstring(svg(peaks(sine(500, 3_000)), 83_400, "Waveform"))
    assert drawing.get("role") == "img"
    assert drawing.findtext(f"{SVG}title") == "Waveform 1:23"
    (path,) = drawing.findall(f"{SVG}path")
    assert path.get("stroke") == "currentColor"
    assert drawing.get("viewBox") == "-1 0 301 100"
    assert {element.tag for element in drawing.iter()} == {f"{SVG}svg", f"{SVG}title", f"{SVG}path"}


def test_the_drawing_stays_inside_its_frame_and_silence_is_a_line() -> None:
    (path,) = ET.fromstring(svg(b"\x00\xff", 1_000, "")).findall(f"{SVG}path")
    assert path.get("d") == "M0 49.5V50.5M1 0.0V100.0"


def test_a_drawing_is_small(template: Template) -> None:
    assert len(svg(bytes(range(256)) + bytes(44), 3_600_000, "Waveform").encode()) < 20_000


def test_a_label_is_no_markup() -> None:
    drawing = svg(b"\x01", 0, "</title><script>alert(1)</script>")
    assert ET.fromstring(drawing).findtext(f"{SVG}title") == "</title><script>alert(1)</script> 0:00"
