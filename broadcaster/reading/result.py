"""What a reading is: the written text, the words that will be said, and what stands between the two."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Why a place cannot be said as it stands. Each of the three blocks approval."""

    REFUSED = "refused"
    """An unseen character (control, bidi, zero-width, private use): what is seen is not what is stored."""
    UNSAYABLE = "unsayable"
    """A character that no rule says: an emoji, a foreign script, a brace left over from a placeholder."""
    SUSPECT = "suspect"
    """A letter or digit of another script that looks like ours: the mark of a forged name or number."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of `Reading.written` and how it is said.

    `start` and `end` are offsets into `Reading.written`. The spans of a reading cover the written text in order,
    without gaps or overlap, and their `spoken` parts joined give `Reading.spoken`. `rule` names the step that said it
    ("dictionary" for an entry of a source or commune), and is empty where the text is said as written.
    """

    start: int
    end: int
    spoken: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A place of `Reading.written` that cannot be said as it stands.

    `message` is an English template with named fields and `values` fills them: `character`, `code` (hexadecimal,
    as in U+200B), `name` (Unicode's) and `place` (counted from 1, as people count).
    """

    start: int
    end: int
    severity: Severity
    message: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reading:
    """The reading of one text. `language` is ISO 639-1; `written` is the text in NFC; `spoken` the words to say.

    `spoken` keeps the case, the punctuation and the line and paragraph breaks of the text, with one space between
    words; a refused character is left out of it, any other problem stays in it as written.
    """

    language: str
    written: str
    spoken: str
    spans: tuple[Span, ...]
    problems: tuple[Problem, ...]

    @property
    def is_sayable(self) -> bool:
        """Whether nothing blocks approval: no problem of any severity.

        A homoglyph blocks like the rest: a voice skips it or names it, so the clip would not say what is seen.
        """
        return not self.problems
