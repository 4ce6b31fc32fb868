"""A sentence cut into parts that a service with a short limit takes, where a listener notices it least."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from broadcaster.errors import SpeechError
from broadcaster.reading.numerals import DIGITS
from broadcaster.speech.sentences import COMMA_MS, is_spoken

PUNCTUATION = ",;:.!?…।)»”"
NUMBER_WORDS = frozenset(DIGITS) | frozenset(
    ["mười", "mươi", "mốt", "tư", "lăm", "linh", "lẻ", "trăm", "nghìn", "ngàn", "triệu", "tỷ", "tỉ", "phẩy"]
)
_SPACE = re.compile(r"\s+")
_EDGES = PUNCTUATION + "(«“"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Words for one request, and the silence after them in milliseconds."""

    text: str
    pause_ms: int


def chunks(text: str, longest: int) -> tuple[Chunk, ...]:
    """`text` in parts of at most `longest` characters, cut after punctuation, else between words, but only where there
    is no other place between the words of a number. Raises SpeechError where a single word is longer.
    """
    return tuple(_chunks(" ".join(text.split()), longest))


def _chunks(text: str, longest: int) -> Iterator[Chunk]:
    while len(text) > longest:
        cut = _cut(text, longest)
        pause_ms = COMMA_MS if text[cut - 1] in PUNCTUATION else 0
        if is_spoken(text[:cut]):
            yield Chunk(text[:cut], pause_ms)
        text = text[cut:].lstrip()
    if is_spoken(text):
        yield Chunk(text, 0)


def _cut(text: str, longest: int) -> int:
    """Where the first part ends."""
    spaces = [space.start() for space in _SPACE.finditer(text, 0, longest + 1)]
    if not spaces:
        raise SpeechError("“{text}” is one word of more than {longest} characters.", text=text[:80], longest=longest)
    after_marks = [space for space in spaces if text[space - 1] in PUNCTUATION]
    between_words = [space for space in spaces if not _is_inside_number(text, space)]
    return (after_marks or between_words or spaces)[-1]


def _is_inside_number(text: str, space: int) -> bool:
    before = text[:space].rpartition(" ")[2]
    after = text[space:].lstrip().partition(" ")[0]
    return _is_number(before) and _is_number(after)


def _is_number(word: str) -> bool:
    word = word.strip(_EDGES).lower()
    return word in NUMBER_WORDS or any(letter.isdigit() for letter in word)
