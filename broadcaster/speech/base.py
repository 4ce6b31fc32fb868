"""What a voice engine is, and when its sound can be used."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from broadcaster.audio.segments import NEAR_SILENCE, peak
from broadcaster.domain.sound import Pcm, Voice
from broadcaster.errors import SpeechError
from broadcaster.process import Children

LONGEST_START_MS = 5_000
LONGEST_PER_CHARACTER_MS = 2_000  # a single figure or sign can become several words


class Engine(Protocol):
    """One way of turning words into sound.

    `version` changes whenever the same words would sound different (engine, data, rate, pitch): it is part of the
    name of every clip. `speak` takes one sentence, or the whole written text where the voice is a recording, and may
    be called from several threads.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def voices(self) -> tuple[Voice, ...]:
        """All voices, the best of each language first."""
        ...

    def check(self, voice: Voice) -> None:
        """Try whether it would speak now, without any network; SpeechError says why it would not."""
        ...

    def speak(self, text: str, voice: Voice) -> Pcm:
        """The sound of `text`; SpeechError when the engine fails or gives nothing usable."""
        ...


@dataclass(frozen=True, slots=True)
class EngineContext:
    """What an engine of another package is built with; see `broadcaster/speech/plugins.py`.

    `settings` is what `speech.engines` of the settings holds under its name. `folder` is its own and may not exist
    yet. `timeout_s` is when a sentence counts as hung. Whatever computes, or may crash or hang, belongs into
    `children.run`.
    """

    settings: Mapping[str, Any]
    folder: Path
    children: Children
    words_per_minute: int
    pitch: int
    timeout_s: float


def longest_ms(text: str) -> int:
    """The duration beyond which a sound cannot be `text` spoken, in milliseconds."""
    return LONGEST_START_MS + LONGEST_PER_CHARACTER_MS * len(text)


def checked(sound: Pcm, text: str, engine: str) -> Pcm:
    """`sound` itself, or SpeechError when it is empty, near silence, or far too long for `text`."""
    if not sound.samples or peak(sound) < NEAR_SILENCE:
        raise SpeechError(
            "The voice engine {engine} gave no sound for “{text}”. Try another voice.", engine=engine, text=text[:80]
        )
    if sound.duration_ms > longest_ms(text):
        raise SpeechError(
            "The voice engine {engine} gave {seconds} s of sound for “{text}”. Try another voice.",
            engine=engine,
            seconds=sound.duration_ms // 1000,
            text=text[:80],
        )
    return sound
