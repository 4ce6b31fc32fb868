"""A voice engine that hums: quick, in this process, the longer the text the longer the sound; and how it is brought."""

import importlib.metadata
import math
from array import array
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from broadcaster.audio import encode
from broadcaster.domain.sound import Pcm, Voice
from broadcaster.errors import SpeechError
from broadcaster.speech.base import EngineContext, checked
from broadcaster.speech.plugins import GROUP
from broadcaster.speech.sentences import is_spoken

RATE_HZ = 1_000
PER_CHARACTER_MS = 50


class HummingEngine:
    """Voices `hum/vi`, `hum/en` and `hum/bn`. While `is_broken` it gives nothing."""

    name = "hum"

    def __init__(self, version: str = "1") -> None:
        self.version = version
        self.said: list[str] = []
        self.is_broken = False

    def voices(self) -> tuple[Voice, ...]:
        return tuple(Voice(f"hum/{language}", self.name, language) for language in ("vi", "en", "bn"))

    def check(self, voice: Voice) -> None:
        self.speak("OK", voice)

    def speak(self, text: str, voice: Voice) -> Pcm:
        if self.is_broken:
            raise SpeechError("The voice engine {engine} is broken by the test.", engine=self.name)
        if not is_spoken(text):
            return checked(Pcm(b"", RATE_HZ), text, self.name)
        self.said.append(text)
        return Pcm(array("h", [8_000, -8_000] * (len(text) * PER_CHARACTER_MS // 2)).tobytes(), RATE_HZ)


def hum(context: EngineContext) -> HummingEngine:
    """The engine as a package brings it, with the version that the settings give it."""
    return HummingEngine(version=str(context.settings.get("version", "1")))


def voice_file(seconds: float = 3) -> bytes:
    """What a person brings: a WAV file with something to hear in it."""
    rate_hz = 22_050
    wave = [int(9_000 * math.sin(2 * math.pi * 200 * at / rate_hz)) for at in range(int(rate_hz * seconds))]
    return encode.wav(Pcm(array("h", wave).tobytes(), rate_hz))


def register(patch: pytest.MonkeyPatch, **builders: str) -> None:
    """Have packages bring these engines: name -> `module:callable`."""
    real = importlib.metadata.entry_points

    def entry_points(**wanted: Any) -> Any:
        if wanted != {"group": GROUP}:
            return real(**wanted)
        return [EntryPoint(name, value, GROUP) for name, value in builders.items()]

    patch.setattr(importlib.metadata, "entry_points", entry_points)
