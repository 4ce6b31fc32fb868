"""Engines of other packages, found by the entry points of the group `broadcaster.engines`.

An entry point is called as its engine is, and names a callable `(EngineContext) -> Engine`. Whatever such an engine
does, the others go on: what fails is told, and the next voice speaks.
"""

import importlib.metadata
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from broadcaster.domain.sound import BYTES_PER_SAMPLE, Pcm, Voice
from broadcaster.errors import BroadcasterError, InputError, SpeechError
from broadcaster.process import ChildrenClosedError
from broadcaster.speech.base import Engine, EngineContext

log = logging.getLogger(__name__)

GROUP = "broadcaster.engines"
LONGEST_NAME = 64  # what the database keeps
RATES_HZ = range(1_000, 192_001)


@dataclass(frozen=True, slots=True)
class Plugins:
    """The engines that other packages bring, and by name those that cannot be used, with the reason."""

    engines: tuple[Engine, ...]
    faults: Mapping[str, BroadcasterError]


def load(context: Callable[[str], EngineContext], taken: Collection[str]) -> Plugins:
    """Build every engine that is registered, each with the `context` of its name, unless that is `taken` already."""
    engines: dict[str, Engine] = {}
    faults: dict[str, BroadcasterError] = {}
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: point.name):
        try:
            if point.name in {*taken, *engines}:
                raise InputError("There is already an engine {name}. Call it something else.", name=point.name)
            engines[point.name] = Guarded(point.load()(context(point.name)), point.name)
        except BroadcasterError as error:
            faults[point.name] = error
        except (Exception, SystemExit) as error:
            log.exception("An engine could not be built.", extra={"action": "engine_not_built", "engine": point.name})
            faults[point.name] = SpeechError("{value} cannot be loaded: {error}", value=point.value, error=repr(error))
    return Plugins(tuple(engines.values()), faults)


class Guarded:
    """An engine of others. Whatever goes wrong in it becomes a SpeechError, after which the next voice is asked.

    Its name, version and voices are asked once. InputError where they are not as the protocol has them.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self.name = name
        self.version = str(engine.version)
        self._voices = tuple(engine.voices())
        if engine.name != name:
            raise InputError("The engine calls itself {own}; its entry point must be called so too.", own=engine.name)
        for voice in self._voices:
            _check_voice(voice, name)

    def voices(self) -> tuple[Voice, ...]:
        return self._voices

    def check(self, voice: Voice) -> None:
        self._guarded(lambda: self._engine.check(voice), voice)

    def speak(self, text: str, voice: Voice) -> Pcm:
        sound = self._guarded(lambda: self._engine.speak(text, voice), voice)
        if not isinstance(sound, Pcm) or len(sound.samples) % BYTES_PER_SAMPLE or sound.rate_hz not in RATES_HZ:
            raise SpeechError("The voice {voice} gave something that is no sound.", voice=voice.name)
        return sound

    def _guarded(self, action: Callable[[], object], voice: Voice) -> object:
        try:
            return action()
        except (SpeechError, ChildrenClosedError):  # that the program stops says nothing about the engine
            raise
        except (Exception, SystemExit) as error:
            log.exception("An engine broke.", extra={"action": "engine_broke", "voice": voice.name})
            raise SpeechError("The voice {voice} failed: {error}", voice=voice.name, error=repr(error)) from error


def _check_voice(voice: Voice, engine: str) -> None:
    if voice.engine != engine or not voice.name.startswith(f"{engine}/") or len(voice.name) > LONGEST_NAME:
        raise InputError(
            "The voice {voice} must be called {engine}/… and have at most {limit} characters.",
            voice=voice.name,
            engine=engine,
            limit=LONGEST_NAME,
        )
