"""The real library, in real children."""

import operator
import os
import shutil
import signal
import subprocess
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import espeakng_loader
import pytest

import broadcaster
from broadcaster.audio.segments import peak
from broadcaster.domain.sound import Pcm, Voice
from broadcaster.errors import ConfigError, SpeechError
from broadcaster.process import ChildError, Children
from broadcaster.speech.espeak import VOICES, Espeak

GREETINGS = {"vi": "Xin chào bà con.", "en": "Good morning, everyone.", "bn": "সবাইকে শুভেচ্ছা।"}
NORTH = VOICES[0]
T = TypeVar("T")


@pytest.mark.parametrize("voice", VOICES, ids=lambda voice: voice.name)
def test_every_voice_it_names_speaks_its_language(espeak: Espeak, voice: Voice) -> None:
    sound = espeak.speak(GREETINGS[voice.language], voice)
    assert sound.rate_hz == 22_050
    assert sound.duration_ms > 500
    assert peak(sound) > 3_000


def test_vietnamese_english_and_bengali_have_voices(espeak: Espeak) -> None:
    assert {voice.language for voice in espeak.voices()} == {"vi", "en", "bn"}


def test_the_three_vietnamese_voices_sound_different(espeak: Espeak) -> None:
    said = {espeak.speak(GREETINGS["vi"], voice).samples for voice in VOICES if voice.language == "vi"}
    assert len(said) == 3


def test_a_slower_rate_takes_longer_and_has_another_version(children: Children) -> None:
    slow, fast = Espeak(children, rate_wpm=120), Espeak(children, rate_wpm=240)
    slow_ms = slow.speak(GREETINGS["vi"], NORTH).duration_ms
    assert slow_ms > 1.3 * fast.speak(GREETINGS["vi"], NORTH).duration_ms
    assert slow.version != fast.version


def test_another_pitch_sounds_different_and_has_another_version(children: Children) -> None:
    low, high = Espeak(children, pitch=10), Espeak(children, pitch=90)
    low_hz, high_hz = (pitch_hz(voice.speak(GREETINGS["vi"], NORTH)) for voice in (low, high))
    assert high_hz > 1.5 * low_hz
    assert low.version != high.version


def pitch_hz(sound: Pcm) -> float:
    """The pitch of the middle of a man's voice: the shift of 60 to 250 Hz at which it is most like itself.

    Overtones lie above; no two sounds of espeak are the same, and now and then one of them is the stronger.
    """
    samples = array("h", sound.samples)[::4]
    rate_hz = sound.rate_hz / 4
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]

    def likeness(shift: int) -> float:
        total: int = sum(map(operator.mul, middle, middle[shift:]))
        return total / (len(middle) - shift)

    shift = max(range(int(rate_hz / 250), int(rate_hz / 60)), key=likeness)
    return rate_hz / shift


@pytest.mark.parametrize(("rate_wpm", "pitch"), [(10, 50), (900, 50), (155, 100), (155, -1)])
def test_a_rate_or_pitch_it_does_not_have_is_refused(rate_wpm: int, pitch: int) -> None:
    with pytest.raises(ConfigError, match="rate_wpm"):
        Espeak(rate_wpm=rate_wpm, pitch=pitch)


@pytest.mark.parametrize("text", ["", "   ", "\n", "...", "\x00\x01"])
def test_a_text_that_gives_no_sound_is_an_error(espeak: Espeak, text: str) -> None:
    with pytest.raises(SpeechError, match="no sound"):
        espeak.speak(text, NORTH)


def test_an_unknown_voice_is_an_error(espeak: Espeak) -> None:
    with pytest.raises(SpeechError, match="refused the voice"):
        espeak.speak("Xin chào", Voice("espeak/klingon-x-none", "espeak", "tlh"))


def test_markup_is_read_out_as_text(espeak: Espeak) -> None:
    marked = espeak.speak('<voice name="en"><break time="10s"/>điện</voice>', NORTH)
    plain = espeak.speak("điện", NORTH)
    assert 3 * plain.duration_ms < marked.duration_ms < 10_000


def test_embedded_commands_do_not_change_the_voice(espeak: Espeak) -> None:
    plain = espeak.speak("Điện  lực thông báo.", NORTH)
    commanded = espeak.speak("Điện \x01450S lực thông báo.", NORTH)
    assert commanded.duration_ms > plain.duration_ms


def kill_own_child() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_after_a_killed_child_the_next_one_speaks(espeak: Espeak, children: Children) -> None:
    before = children.run(os.getpid, timeout_s=60)
    with pytest.raises(ChildError, match="failed twice"):
        children.run(kill_own_child, timeout_s=60)
    assert espeak.speak(GREETINGS["vi"], NORTH).duration_ms > 500
    assert children.run(os.getpid, timeout_s=60) != before


def test_a_child_that_dies_twice_is_a_speech_error() -> None:
    class DyingChildren(Children):
        def run(self, function: Callable[..., T], *args: object, timeout_s: float) -> T:
            raise ChildError("The helper process for {job} failed twice: {error}", job="synthesise", error="killed")

    with pytest.raises(SpeechError, match="failed twice"):
        Espeak(DyingChildren()).speak("Xin chào", NORTH)


def test_the_child_keeps_its_own_folder(espeak: Espeak, children: Children) -> None:
    espeak.speak(GREETINGS["vi"], NORTH)
    assert children.run(os.getcwd, timeout_s=60) == str(Path.cwd())


def test_it_speaks_from_a_long_path_with_spaces_and_diacritics(tmp_path: Path) -> None:
    folder = tmp_path / "Ủy ban nhân dân xã Lạng Giang" / "hệ thống loa truyền thanh" / ("đ" * 60) / ("a b " * 20 + "z")
    shutil.copytree(Path(espeakng_loader.__file__).parent, folder / "espeakng_loader")
    assert len(os.fsencode(folder)) > 200
    program = (
        "import sys, espeakng_loader; from broadcaster.speech.espeak import Espeak, VOICES;"
        "sound = Espeak().speak('Xin chào bà con.', VOICES[0]);"
        "sys.stdout.buffer.write(espeakng_loader.__file__.encode() + b'\\n' + sound.samples)"
    )
    root = Path(broadcaster.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(root))), "PYTHONUTF8": "1"},
        capture_output=True,
        check=True,
    )
    path, _, samples = done.stdout.partition(b"\n")
    assert Path(path.decode()).parent.parent == folder
    assert max(array("h", samples)) > 3_000
