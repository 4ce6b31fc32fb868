"""A text cut where a speaker would breathe, with the length of each breath."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

SENTENCE_MS = 450
CLAUSE_MS = 300
COMMA_MS = 150
LINE_MS = 650
PARAGRAPH_MS = 900
LONGEST_CHARACTERS = 250  # one request to an engine; shorter pieces make a cache that is hit more often

PAUSES_MS = {".": SENTENCE_MS, "!": SENTENCE_MS, "?": SENTENCE_MS, "…": SENTENCE_MS, "।": SENTENCE_MS}
# only before a space or the end: 1.900.000, 17:30 and npc.com.vn stay whole
BREAK = re.compile(r"""([.!?…।;:])["'”’»)\]]*(?=\s|$)""")
LINES = re.compile(r"\s*\n\s*|\s*[\u2028\u2029]\s*")


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words said in one breath, and the silence after them in milliseconds."""

    text: str
    pause_ms: int


def sentences(text: str) -> tuple[Sentence, ...]:
    """The sentences and clauses of `text` in order; pieces without a letter or a figure are left out."""
    found: list[Sentence] = []
    position = 0
    for line in LINES.finditer(text):
        _add_line(found, text[position : line.start()], PARAGRAPH_MS if line.group().count("\n") > 1 else LINE_MS)
        position = line.end()
    _add_line(found, text[position:], LINE_MS)
    return tuple(found)


def _add_line(found: list[Sentence], line: str, line_pause_ms: int) -> None:
    before = len(found)
    for piece, pause_ms in _clauses(line):
        found.extend(_short(piece, pause_ms))
    if len(found) > before:
        found[-1] = Sentence(found[-1].text, max(found[-1].pause_ms, line_pause_ms))


def _clauses(line: str) -> Iterator[tuple[str, int]]:
    position = 0
    for mark in BREAK.finditer(line):
        yield line[position : mark.end()], PAUSES_MS.get(mark[1], CLAUSE_MS)
        position = mark.end()
    yield line[position:], SENTENCE_MS


def _short(piece: str, pause_ms: int) -> Iterator[Sentence]:
    """`piece` in parts of at most LONGEST_CHARACTERS, cut after a comma, else at a space, else anywhere."""
    piece = " ".join(piece.split())
    while len(piece) > LONGEST_CHARACTERS:
        comma = piece.rfind(", ", 0, LONGEST_CHARACTERS) + 1
        space = piece.rfind(" ", 0, LONGEST_CHARACTERS)
        cut = comma if comma > 0 else space if space > 0 else LONGEST_CHARACTERS
        if is_spoken(piece[:cut]):
            yield Sentence(piece[:cut], COMMA_MS if comma > 0 else 0)
        piece = piece[cut:].lstrip()
    if is_spoken(piece):
        yield Sentence(piece, pause_ms)


def is_spoken(piece: str) -> bool:
    """Whether there is a letter or a figure in it."""
    return any(unicodedata.category(character)[0] in "LN" for character in piece)
