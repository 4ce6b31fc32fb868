"""What every registered voice engine keeps, whatever is behind it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from broadcaster import application
from broadcaster.audio.segments import NEAR_SILENCE, peak
from broadcaster.config import Config, GttsSettings, PiperSettings, SpeechSettings
from broadcaster.domain.sound import Pcm
from broadcaster.errors import SpeechError
from broadcaster.process import Children
from broadcaster.speech.base import Engine, longest_ms
from broadcaster.speech.recording import Recordings
from tests.fakes.google import google_here
from tests.fakes.piper import piper_voice
from tests.fakes.speech import register
from tests.fixtures import NOW

ENGINES = ("gtts", "piper", "espeak", "recording", "hum")
GREETINGS = {"vi": "Xin chào bà con.", "en": "Good morning, everyone.", "bn": "সবাইকে শুভেচ্ছা।"}

EachEngine = pytest.mark.parametrize("name", ENGINES)
EachReader = pytest.mark.parametrize("name", [name for name in ENGINES if name != "recording"])
"""Those that say any text."""


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Engine]]:
    """All engines as the program puts them together, one of another package too, with fakes of what is behind them."""
    with pytest.MonkeyPatch.context() as patch, Children(1) as children, google_here() as google:
        patch.setenv("NO_PROXY", "*")
        register(patch, hum="tests.fakes.speech:hum")
        folder = tmp_path_factory.mktemp("data")
        settings = SpeechSettings(
            gtts=GttsSettings(address=google.address, min_interval_s=0),
            piper=PiperSettings(voices={code: piper_voice(folder / "voices", code, code) for code in GREETINGS}),
        )
        config = Config(data_folder=folder, speech=settings)
        for number, (language, greeting) in enumerate(GREETINGS.items()):
            sound = Pcm(b"\x00\x20\x00\xe0" * (8_000 + number), 16_000)
            Recordings(folder / "recordings").add(sound, greeting, language, title="Lời chào", by="writer", now=NOW)
        yield {engine.name: engine for engine in application.engines(config, children)}


def test_this_contract_is_kept_by_every_engine_there_is(engines: Mapping[str, Engine]) -> None:
    assert tuple(engines) == ENGINES


def test_no_two_engines_have_a_voice_of_one_name(engines: Mapping[str, Engine]) -> None:
    names = [voice.name for engine in engines.values() for voice in engine.voices()]
    assert len(names) == len(set(names))


@EachEngine
def test_every_voice_is_named_after_its_engine_and_speaks_its_language(
    engines: Mapping[str, Engine], name: str
) -> None:
    engine = engines[name]
    for voice in engine.voices():
        assert voice.engine == name
        assert voice.name.startswith(f"{name}/")
        sound = engine.speak(GREETINGS[voice.language], voice)
        assert 500 < sound.duration_ms < longest_ms(GREETINGS[voice.language])
        assert peak(sound) > NEAR_SILENCE


@EachEngine
def test_each_language_of_bulletins_has_a_voice(engines: Mapping[str, Engine], name: str) -> None:
    assert {voice.language for voice in engines[name].voices()} == set(GREETINGS)


@EachReader
def test_the_same_words_take_as_long_again(engines: Mapping[str, Engine], name: str) -> None:
    voice = engines[name].voices()[0]
    first, second = (engines[name].speak(GREETINGS["vi"], voice) for _ in range(2))
    assert abs(first.duration_ms - second.duration_ms) <= 20


@EachReader
def test_more_words_take_longer(engines: Mapping[str, Engine], name: str) -> None:
    voice = engines[name].voices()[0]
    short, long = (engines[name].speak(GREETINGS["vi"] * count, voice) for count in (1, 12))
    assert long.duration_ms > 6 * short.duration_ms


@EachReader
@pytest.mark.parametrize("text", ["", " \n", "..."])
def test_nothing_to_say_is_an_error(engines: Mapping[str, Engine], name: str, text: str) -> None:
    with pytest.raises(SpeechError, match="no sound"):
        engines[name].speak(text, engines[name].voices()[0])


@EachEngine
@pytest.mark.parametrize("text", ["Điện \x00\x01 lực", "<speak>điện</speak>", "đ" * 90, "Chữ \ud83c lẻ", 'a"]\\"b'])
def test_odd_texts_are_spoken_or_refused(engines: Mapping[str, Engine], name: str, text: str) -> None:
    try:
        assert engines[name].speak(text, engines[name].voices()[0]).samples
    except SpeechError as error:
        assert str(error)  # either is right, anything else is not


def test_a_recording_says_nothing_but_what_it_was_made_for(engines: Mapping[str, Engine]) -> None:
    for voice in engines["recording"].voices():
        for text in ("", GREETINGS[voice.language] * 2, "Một hai ba."):
            with pytest.raises(SpeechError, match="says something else"):
                engines["recording"].speak(text, voice)


@EachEngine
def test_only_recordings_say_that_they_are(engines: Mapping[str, Engine], name: str) -> None:
    assert {voice.is_recording for voice in engines[name].voices()} == {name == "recording"}


@EachEngine
def test_a_healthy_engine_passes_its_check(engines: Mapping[str, Engine], name: str) -> None:
    for voice in engines[name].voices():
        engines[name].check(voice)


@EachEngine
def test_its_version_is_the_same_each_time_and_names_its_package(engines: Mapping[str, Engine], name: str) -> None:
    assert engines[name].version == engines[name].version
    assert any(figure.isdigit() for figure in engines[name].version)


def test_putting_them_together_touches_nothing(tmp_path: Path) -> None:
    config = Config(data_folder=tmp_path)
    with Children(1) as children:
        application.engines(config, children)
    assert list(tmp_path.iterdir()) == []
