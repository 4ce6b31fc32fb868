"""Characters before words: which forms are the same, which are refused, and which cannot be said."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from broadcaster.reading.result import Problem, Severity

LETTER = "A-Za-zÀ-ÖØ-öø-ıĴ-ňŊ-žƠơƯưẠ-ỹ"
"""The letters that are said, for a character class: Vietnamese and those of European names."""

SPACES = " \t\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
BREAKS = "\n\r\u0085\u2028\u2029"

# Word processors and keyboards write these for the plain form; one character for one, so that offsets stay true.
PLAIN = str.maketrans(
    {
        **dict.fromkeys(SPACES, " "),
        **dict.fromkeys("\r\u0085\u2028\u2029", "\n"),
        **dict.fromkeys("‐‑‒–—―−﹣－", "-"),
        **dict.fromkeys("’‘ʹ′ʼ", "'"),
        **dict.fromkeys("ºᵒ˚⁰", "°"),
        **dict.fromkeys("⁄∕", "/"),
        "Ð": "Đ",
        "ð": "đ",
        "Ɖ": "Đ",
    }
)

LONG_RUN = re.compile(r"[\u0300-\u1e9f\u1f00-\U0010ffff]{32,}")
MOST_MARKS = 30
"""Marks on one letter that are sorted (Unicode's Stream-Safe Text Format); more would take time by their square."""

LOOKALIKE = re.compile(
    "CYRILLIC|GREEK|COPTIC|ARMENIAN|CHEROKEE|LISU|FULLWIDTH|HALFWIDTH|MATHEMATICAL|LATIN|MODIFIER LETTER|DIGIT"
)
JOINERS = "\u200c\u200d"

REFUSED = "The invisible character U+{code} ({name}) at place {place} is refused. Delete it."
UNSAYABLE = "The character {character} (U+{code}) at place {place} cannot be said. Replace it by words."
SUSPECT = "The character {character} (U+{code}, {name}) at place {place} belongs to another script. Type it again."


def _cuts(text: str) -> Iterator[int]:
    """Offsets that part a pile of combining marks after each `MOST_MARKS` of them."""
    for run in LONG_RUN.finditer(text):
        height = 0
        for place in range(run.start(), run.end()):
            height = height + 1 if unicodedata.combining(text[place]) else 0
            if height == MOST_MARKS:
                yield place + 1
                height = 0


def composed(text: str) -> str:
    """The text in NFC; in a pile of more than 30 combining marks on one letter, each 30 by themselves."""
    cuts = [0, *_cuts(text), len(text)]
    return "".join(unicodedata.normalize("NFC", text[start:end]) for start, end in pairwise(cuts))


def plain(written: str) -> str:
    """The text with look-alikes of spaces, dashes, quotes and Đ replaced by their plain form, of equal length."""
    return written.translate(PLAIN)


def is_refused(character: str) -> bool:
    """Whether a character is unseen: control, format (bidi, zero-width), private use, surrogate or unassigned."""
    return unicodedata.category(character)[0] == "C" and character not in "\t\n\r\u0085"


def problem_at(written: str, place: int) -> Problem:
    """The problem that the character at `place` makes, given that no rule says it."""
    character = written[place]
    name = unicodedata.name(character, "unnamed")
    severity, message = Severity.UNSAYABLE, UNSAYABLE
    if is_refused(character):
        severity, message = Severity.REFUSED, REFUSED
    elif character.isalnum() and LOOKALIKE.search(name):
        severity, message = Severity.SUSPECT, SUSPECT
    values = {"character": character, "code": f"{ord(character):04X}", "name": name, "place": place + 1}
    return Problem(place, place + 1, severity, message, values)


def with_plain_figures(text: str) -> str:
    """The text with the digits of other scripts, as in Bengali, as 0 to 9; every place stays where it is."""
    return text.translate({ord(c): str(unicodedata.decimal(c)) for c in set(text) if c.isdecimal() and not c.isascii()})
