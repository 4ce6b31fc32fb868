"""Engines of other packages: one that does not load or breaks never stops the others."""

import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from broadcaster import application
from broadcaster.application import Application, State
from broadcaster.config import Config, GttsSettings, SpeechSettings
from broadcaster.domain.sound import Pcm, Voice
from broadcaster.errors import SpeechError
from broadcaster.process import Children, ChildrenClosedError
from broadcaster.speech.base import Engine, EngineContext
from broadcaster.speech.plugins import Guarded, load
from tests.fakes.speech import HummingEngine, register

HERE = "tests.speech.test_plugins"


def ended(context: EngineContext) -> NoReturn:
    raise SystemExit(1)


def nothing(context: EngineContext) -> None:
    """Builds no engine at all."""


class Named(HummingEngine):
    """Calls itself otherwise than its entry point."""

    name = "humming"


class Borrowed(HummingEngine):
    """Gives its voices another engine's name."""

    def voices(self) -> tuple[Voice, ...]:
        return (Voice("espeak/vi", "hum", "vi"),)


def named(context: EngineContext) -> Engine:
    return Named()


def borrowed(context: EngineContext) -> Engine:
    return Borrowed()


class Breaking(HummingEngine):
    """Does with a text whatever the test wants."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self._answer = answer

    def check(self, voice: Voice) -> None:
        self.speak("OK", voice)

    def speak(self, text: str, voice: Voice) -> Pcm:
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer  # type: ignore[no-any-return]


def breaking(context: EngineContext) -> Engine:
    return Breaking(ZeroDivisionError("by zero"))


@pytest.fixture
def context(tmp_path: Path) -> Iterator[EngineContext]:
    with Children(1) as children:
        yield EngineContext({}, tmp_path, children, 155, 50, 60)


def test_an_engine_that_is_registered_can_be_used(context: EngineContext, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, hum="tests.fakes.speech:hum")
    found = load(lambda name: context, taken=["espeak"])
    assert [engine.name for engine in found.engines] == ["hum"]
    assert found.faults == {}
    assert found.engines[0].voices() == HummingEngine().voices()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("bad", "no_such_package:engine", "No module named 'no_such_package'"),
        ("bad", "tests.fakes.speech:no_such_engine", "no_such_engine"),
        ("bad", f"{HERE}:ended", "SystemExit"),
        ("bad", f"{HERE}:nothing", "NoneType"),
        ("hum", f"{HERE}:named", "calls itself humming"),
        ("hum", f"{HERE}:borrowed", "The voice espeak/vi must be called hum/…"),
        ("espeak", "tests.fakes.speech:hum", "already an engine espeak"),
    ],
)
def test_one_that_cannot_be_built_is_told_and_the_others_stay(
    context: EngineContext, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    register(monkeypatch, **{name: value, "zither": f"{HERE}:zither"})
    found = load(lambda name: context, taken=["espeak"])
    assert told in str(found.faults[name])
    assert list(found.faults) == [name]
    assert [engine.name for engine in found.engines] == ["zither"]


class Zither(HummingEngine):
    """The one that stays."""

    name = "zither"

    def voices(self) -> tuple[Voice, ...]:
        return (Voice("zither/vi", "zither", "vi"),)


def zither(context: EngineContext) -> Engine:
    return Zither()


@pytest.mark.parametrize(
    "answer",
    [ZeroDivisionError("by zero"), SystemExit(1), MemoryError(), None, b"RIFF", Pcm(b"\0", 8_000), Pcm(b"\0\0", 0)],
    ids=repr,
)
def test_whatever_goes_wrong_in_it_is_an_error_of_speech(answer: object) -> None:
    engine = Guarded(Breaking(answer), "hum")
    with pytest.raises(SpeechError, match="hum/vi"):
        engine.speak("Xin chào.", engine.voices()[0])


def test_what_it_says_is_wrong_is_told_as_it_says_it() -> None:
    engine = Guarded(Breaking(SpeechError("The licence has ended.")), "hum")
    with pytest.raises(SpeechError, match=r"^The licence has ended\.$"):
        engine.speak("Xin chào.", engine.voices()[0])


def test_that_the_program_stops_says_nothing_about_the_engine() -> None:
    engine = Guarded(Breaking(ChildrenClosedError("The helper process for {job} was stopped.", job="x")), "hum")
    with pytest.raises(ChildrenClosedError):
        engine.speak("Xin chào.", engine.voices()[0])


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    """The program with four engines of other packages, of which three are of no use, and settings for two."""
    values = {"bad": "no_such_package:engine", "hum": f"{HERE}:breaking", "zither": f"{HERE}:zither"}
    register(monkeypatch, **values, espeak="tests.fakes.speech:hum")
    speech = SpeechSettings(
        gtts=GttsSettings(enabled=False),
        voices={"vi": ["hum/vi", "espeak/vi"]},
        engines={"hum": {"version": 2}, "harp": {"strings": 36}},
        children=1,
    )
    made = application.build(Config(data_folder=tmp_path / "data", speech=speech))
    yield made
    made.close()


def test_the_state_of_each_is_told(built: Application) -> None:
    states = {status.component: status.state for status in built.statuses()}
    assert states["engine bad"] is State.FAILING
    assert states["engine espeak"] is State.MISCONFIGURED
    assert states["engine harp"] is State.MISCONFIGURED
    assert states["engine hum"] is State.FAILING
    assert states["engine zither"] is State.READY
    assert (states["voice hum/vi"], states["voice espeak/vi"]) == (State.FAILING, State.READY)


def test_where_one_breaks_the_next_voice_speaks(built: Application) -> None:
    studio = built.studio
    spoken = studio.sound(studio.script("Xin chào.", "vi", "thong-bao", studio.order("vi", None)))
    assert spoken.voice.name == "espeak/vi"


def test_one_of_a_package_speaks_a_clip(built: Application) -> None:
    sound = built.studio.speaker.speak("Xin chào.", "zither/vi")
    assert max(array("h", sound.samples)) > 3_000


def test_the_engine_that_the_page_shows_speaks(
    context: EngineContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "voices.md").read_text(encoding="utf-8")
    shown = re.search(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    registered = re.search(r'^organ = "(.+)"$', page, re.MULTILINE)
    assert shown and registered
    (tmp_path / "village_organ.py").write_text(shown[1], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    register(monkeypatch, organ=registered[1])
    (engine,) = load(lambda name: context, taken=[]).engines
    short, long = (engine.speak(text, engine.voices()[0]) for text in ("Xin chào.", "Xin chào bà con."))
    assert 300 < short.duration_ms < long.duration_ms


def test_it_is_built_with_its_own_settings_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, hum="tests.fakes.speech:hum")
    speech = SpeechSettings(engines={"hum": {"version": 7}})
    with Children(1) as children:
        (engine,) = application.engines(Config(data_folder=tmp_path, speech=speech), children).added.engines
    assert engine.version == "7"
