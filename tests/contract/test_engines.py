"""What every registered voice engine keeps, whatever is behind it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from broadcaster import application
from broadcaster.audio.segments import peak
from broadcaster.config import Config, GttsSettings, SpeechSettings
from broadcaster.errors import SpeechError
from broadcaster.process import Children
from broadcaster.speech.base import NEAR_SILENCE, Engine, longest_ms
from tests.fakes.google import google_here

ENGINES = ("gtts", "espeak")
GREETINGS = {"vi": "Xin chào bà con.", "en": "Good morning, everyone.", "bn": "সবাইকে শুভেচ্ছা।"}

EachEngine = pytest.mark.parametrize("name", ENGINES)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Engine]]:
    """All engines as the program puts them together, with fakes of the services behind them."""
    with pytest.MonkeyPatch.context() as patch, Children(1) as children, google_here() as google:
        patch.setenv("NO_PROXY", "*")
        settings = SpeechSettings(gtts=GttsSettings(address=google.address, min_interval_s=0))
        config = Config(data_folder=tmp_path_factory.mktemp("data"), speech=settings)
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
        assert voice.name.startswith(f"{name}/{voice.language}")
        sound = engine.speak(GREETINGS[voice.language], voice)
        assert 500 < sound.duration_ms < longest_ms(GREETINGS[voice.language])
        assert peak(sound) > NEAR_SILENCE


@EachEngine
def test_each_language_of_bulletins_has_a_voice(engines: Mapping[str, Engine], name: str) -> None:
    assert {voice.language for voice in engines[name].voices()} == set(GREETINGS)


@EachEngine
def test_the_same_words_take_as_long_again(engines: Mapping[str, Engine], name: str) -> None:
    voice = engines[name].voices()[0]
    first, second = (engines[name].speak(GREETINGS["vi"], voice) for _ in range(2))
    assert abs(first.duration_ms - second.duration_ms) <= 20


@EachEngine
def test_more_words_take_longer(engines: Mapping[str, Engine], name: str) -> None:
    voice = engines[name].voices()[0]
    short, long = (engines[name].speak(GREETINGS["vi"] * count, voice) for count in (1, 12))
    assert long.duration_ms > 6 * short.duration_ms


@EachEngine
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
