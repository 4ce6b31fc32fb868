"""The one who speaks: finds the engine of a voice, speaks sentence by sentence, joins them with their pauses.

Recordings are not taken apart: they are one whole, and their own keepers.
"""

from array import array
from collections.abc import Sequence

from broadcaster.audio.segments import join
from broadcaster.domain.sound import BYTES_PER_SAMPLE, Pcm, Voice
from broadcaster.errors import InputError
from broadcaster.speech.base import Engine, checked
from broadcaster.speech.cache import SpeechCache, key_of
from broadcaster.speech.sentences import sentences

JOINING = "joining-2"  # changes when the same sentences would be joined differently
FADE_MS = 3
STEP_MS = 5
QUIET = 100  # of 32,767: -50 dBFS, under the softest consonant and above the hiss of a decoded file
KEPT_BEFORE_MS = 10
KEPT_AFTER_MS = 30


class Speaker:
    """All voices of all engines; of two voices with one name, the earlier engine's is used."""

    def __init__(self, engines: Sequence[Engine], cache: SpeechCache | None = None) -> None:
        self._cache = cache
        self._engines = tuple(engines)

    def voices(self) -> tuple[Voice, ...]:
        """Every voice there is at this moment, in the order of the engines."""
        found: dict[str, Voice] = {}
        for engine in self._engines:
            for voice in engine.voices():
                found.setdefault(voice.name, voice)
        return tuple(found.values())

    def voice(self, name: str) -> Voice:
        """The voice called `name`, e.g. `espeak/vi`; InputError names those that exist."""
        return self._found(name)[1]

    def default_voice(self, language: str) -> Voice:
        """The first voice of `language` (ISO 639-1) for any text; InputError names the languages that have one."""
        voices = [voice for voice in self.voices() if not voice.is_recording]
        for voice in voices:
            if voice.language == language:
                return voice
        languages = ", ".join(sorted({voice.language for voice in voices})) or "-"
        raise InputError(
            "There is no voice for the language {language}. Languages with a voice: {languages}.",
            language=language,
            languages=languages,
        )

    def check(self, voice: str) -> None:
        """Try a voice without any network. InputError where there is none so called, SpeechError where it is mute."""
        engine, found = self._found(voice)
        engine.check(found)

    def made_by(self, voice: str) -> str:
        """Engine, version, voice and manner of joining: what decides the sound besides the text."""
        engine, found = self._found(voice)
        return f"{engine.name} {engine.version} {found.name} {JOINING}"

    def speak(self, text: str, voice: str) -> Pcm:
        """`text` spoken from its first sound to its last, with pauses between sentences and lines.

        InputError when the voice is unknown or the text has nothing to say; SpeechError from the engine.
        """
        engine, found = self._found(voice)
        if found.is_recording:
            return checked(engine.speak(text, found), text, engine.name)
        said = sentences(text)
        if not said:
            raise InputError("There are no words to speak. Write at least one word.")
        pieces: list[Pcm] = []
        for sentence in said:
            sound = trimmed(self._sentence(engine, found, sentence.text))
            pieces += (sound, Pcm.silence(sentence.pause_ms, sound.rate_hz))
        return join(pieces[:-1], pieces[0].rate_hz, fade_ms=FADE_MS)

    def _sentence(self, engine: Engine, voice: Voice, text: str) -> Pcm:
        def make() -> Pcm:
            return checked(engine.speak(text, voice), text, engine.name)

        if self._cache is None:
            return make()
        return self._cache.get_or_make(key_of(engine.name, engine.version, voice.name, text), make)

    def _found(self, name: str) -> tuple[Engine, Voice]:
        for engine in self._engines:
            if not name.startswith(f"{engine.name}/"):
                continue
            for voice in engine.voices():
                if voice.name == name:
                    return engine, voice
        voices = ", ".join(voice.name for voice in self.voices() if not voice.is_recording) or "-"
        raise InputError("There is no voice {name}. Voices: {voices}.", name=name, voices=voices)


def trimmed(sound: Pcm) -> Pcm:
    """`sound` without the silence an engine leaves at both ends; a little is kept so that no consonant is cut."""
    samples = array("h", sound.samples)
    step = sound.rate_hz * STEP_MS // 1000
    loud = _edge(samples, range(0, len(samples), step), step)
    if loud is None:
        return sound
    last = _edge(samples, range((len(samples) - 1) // step * step, -1, -step), step)
    start = max(0, loud - sound.rate_hz * KEPT_BEFORE_MS // 1000)
    end = (last or 0) + step + sound.rate_hz * KEPT_AFTER_MS // 1000
    return Pcm(sound.samples[start * BYTES_PER_SAMPLE : end * BYTES_PER_SAMPLE], sound.rate_hz)


def _edge(samples: "array[int]", starts: range, step: int) -> int | None:
    """The first of `starts` whose step holds a sample that is not quiet."""
    for start in starts:
        part = samples[start : start + step]
        if max(part) > QUIET or min(part) < -QUIET:
            return start
    return None
