"""Texts in other languages: left to the engine's own reading, but not with unseen or forged characters in them."""

import re
import unicodedata
from collections.abc import Iterator

from broadcaster.reading.characters import JOINERS, is_refused

WORD = re.compile(r"[^\W\d_]+")
ASCII_LETTER = re.compile(r"[A-Za-z]")
FORGED = re.compile(r"CYRILLIC|GREEK|ARMENIAN|CHEROKEE|FULLWIDTH|MATHEMATICAL")
BRACES = frozenset("{}")


def _is_joining(text: str, place: int) -> bool:
    """Whether a zero-width joiner shapes a conjunct of a script that needs it, as in Bengali."""
    before = text[place - 1 : place]
    return text[place] in JOINERS and before != "" and ord(before) > 0x5FF and unicodedata.category(before)[0] in "LM"


def unsayable_places(text: str) -> Iterator[int]:
    """Offsets of refused characters, pictures, leftover braces, and letters of another script inside a Latin word."""
    forged: set[int] = set()
    for word in WORD.finditer(text):
        if not word.group().isascii() and ASCII_LETTER.search(word.group()):
            places = range(word.start(), word.end())
            forged.update(p for p in places if FORGED.match(unicodedata.name(text[p], "")))
    for place, character in enumerate(text):
        if character in BRACES or place in forged:
            yield place
        elif not character.isascii() or not character.isprintable():
            is_picture = unicodedata.category(character) in {"So", "Sk"}
            if is_picture or (is_refused(character) and not _is_joining(text, place)):
                yield place
