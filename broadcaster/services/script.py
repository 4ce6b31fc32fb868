"""What will be said of a bulletin, and what came of it: the words of a clip's parts, and who spoke them."""

from dataclasses import dataclass

from broadcaster.audio import studio
from broadcaster.audio.template import Template
from broadcaster.domain.bulletin import digest
from broadcaster.domain.sound import Sound, Voice
from broadcaster.errors import InputError
from broadcaster.reading import Dictionary, Reading, read
from broadcaster.reading.dictionary import EMPTY


@dataclass(frozen=True, slots=True)
class Script:
    """Everything that decides how a clip sounds: the words of its parts, the template, and the voices in their order.

    Which of them speaks is found out when the clip is made; the name of the clip does not depend on it.
    """

    language: str
    written: str
    opening: str
    spoken: str
    closing: str
    template: Template
    voices: tuple[str, ...]
    made_by: tuple[str, ...]

    @property
    def key(self) -> str:
        """The clip's name: the hash of what makes it."""
        parts = (self.opening, self.spoken, self.closing)
        return digest([self.language, *parts, self.template.sha256, *self.made_by, studio.VERSION])


@dataclass(frozen=True, slots=True)
class Spoken:
    """A finished sound, and the voice that spoke all of it; around a recording, another says the template's words."""

    sound: Sound
    voice: Voice
    around: Voice | None = None

    @property
    def names(self) -> str:
        """Who spoke, as it is kept with the clip and approved."""
        return self.voice.name if self.around is None else f"{self.voice.name} + {self.around.name}"


def readable(text: str, language: str, dictionary: Dictionary = EMPTY) -> Reading:
    """The reading of a text. Raises InputError, one line a place, where something in it cannot be said."""
    reading = read(text, language, dictionary)
    if not reading.is_sayable:
        faults = [InputError(problem.message, **problem.values) for problem in reading.problems]
        raise InputError("{faults}", faults=faults[:20])
    if not any(character.isalnum() for character in reading.spoken):
        raise InputError("There is no text. Write what is to be said.")
    return reading
