"""A voice engine that hums: quick, in this process, and the longer the text the longer the sound."""

from array import array

from broadcaster.domain.sound import Pcm, Voice
from broadcaster.errors import SpeechError

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
        self.said.append(text)
        return Pcm(array("h", [8_000, -8_000] * (len(text) * PER_CHARACTER_MS // 2)).tobytes(), RATE_HZ)
