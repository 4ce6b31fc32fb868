"""The walk through a text: tokens that need a rule are handed to the steps, everything between is kept as written."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from broadcaster.reading.characters import (
    BREAKS,
    LETTER,
    SPACES,
    composed,
    is_refused,
    plain,
    problem_at,
    with_plain_figures,
)
from broadcaster.reading.cursor import Cursor, Said
from broadcaster.reading.dictionary import EMPTY, Dictionary
from broadcaster.reading.foreign import unsayable_places
from broadcaster.reading.lines import is_ended, unwrapped
from broadcaster.reading.phones import spelled
from broadcaster.reading.result import Problem, Reading, Span
from broadcaster.reading.steps import steps_for
from broadcaster.reading.words import ENTRIES, is_bare

PUNCTUATION = re.escape(".,;:!?()[]\"'“”‘’‚„‹›«»…-–—―‐‑‒−﹣－ʹ′ʼ") + "¡¿"
TOKEN = re.compile(
    rf"(?P<word>[{LETTER}]+)|(?P<figure>[0-9]++)"
    r"|(?P<sign>[^\s.,;:!?\[\]\"'“”„«»‹›‚…¡¿()]|(?<=[0-9])[:,](?=[0-9])|\((?=[ ]?\+?[ ]?[0-9]{2,5}[ ]?\)))"
)
UNKEPT = re.compile(
    rf"(?P<space>[{SPACES}{BREAKS}]{{2,}}|[{SPACES[1:]}{BREAKS}])|(?P<like>[ÐðƉ])|(?P<bad>[^{LETTER}0-9 {PUNCTUATION}])"
)
GLUED = re.compile(r"[./:@_+-][A-Za-z0-9/]|[0-9@_]")

DICTIONARY = "dictionary"
CHECKED = frozenset({"phone", "site", "code"})
"""What is held against the verified facts: no dictionary says it otherwise."""


class Piece(NamedTuple):
    """Start and end in the text, the words said for it, and the step that said them."""

    start: int
    end: int
    spoken: str
    rule: str = ""


def read(text: str, language: str, dictionary: Dictionary = EMPTY) -> Reading:
    """The reading of a text in a language (ISO 639-1, a region after a dash is allowed). Never raises.

    Vietnamese is turned into words; `dictionary` adds to the rules for it. Other languages are cleaned (NFC, spaces,
    refused characters) and left to the engine's own reading, but for telephone numbers, whose digits are set apart.
    The time taken grows in step with the length of the text.
    """
    written = composed(text)
    walked = unwrapped(written)
    if language.lower().replace("_", "-").split("-")[0] == "vi":
        pieces = list(said(plain(walked), dictionary))
        problems = _problems(walked, pieces)
    else:
        pieces = list(_spelled(plain(walked)))
        problems = tuple(problem_at(written, place) for place in unsayable_places(written))
    pieces = _edged(walked, pieces)
    refused = frozenset(problem.start for problem in problems if is_refused(written[problem.start]))
    spans = _spans(walked, pieces, refused)
    return Reading(language, written, "".join(span.spoken for span in spans), spans, problems)


def said(text: str, dictionary: Dictionary = EMPTY) -> Iterator[Piece]:
    """The stretches of the plain text that are said otherwise than written."""
    cursor, at = Cursor(text), 0
    while found := TOKEN.search(text, at):
        start, at = found.span()
        entry = dictionary.match(text, start, found.group()) if dictionary else None
        if found.lastgroup == "word" and entry is None and _is_ordinary(found.group(), text, at):
            continue
        cursor.move(start, at)
        name, words = _by_step(found.lastgroup, cursor)
        if entry is not None and name not in CHECKED and (words is None or entry[0] >= words[0]):
            name, words = DICTIONARY, entry
        if words is not None:
            at = words[0]
            if name != DICTIONARY or any(map(str.isdecimal, text[start:at])):
                cursor.note(name, at)  # else a list of numbers goes on: "113 hoặc 114" with an entry for "hoặc"
            yield Piece(start, at, words[1], name)


def _spelled(text: str) -> Iterator[Piece]:
    """The telephone numbers of a text in another language: no engine knows that they are not to be counted."""
    for piece in said(with_plain_figures(text)):
        if piece.rule == "phone":
            yield piece._replace(spoken=spelled(text[piece.start : piece.end]) or ", ")


def _by_step(kind: str | None, cursor: Cursor) -> tuple[str, Said | None]:
    """What the first step that answers says, and its name."""
    for name, step in steps_for(kind, cursor):
        words = step(cursor)
        if words is not None:
            return name, words
    return "", None


def _is_ordinary(word: str, text: str, end: int) -> bool:
    """Whether a word is said as written: small letters with a vowel, in no table, and nothing glued to it."""
    small = word.lower()
    if len(word) == 1 or small in ENTRIES or not (word == small or word[1:] == small[1:]) or is_bare(small):
        return False
    return GLUED.match(text, end) is None and not _may_be_roman(small)


def _may_be_roman(small: str) -> bool:
    return small[0] in "ivx" and set(small) <= {"i", "v", "x"}


def _problems(written: str, pieces: list[Piece]) -> tuple[Problem, ...]:
    """The characters that no step says and that are not kept as they are."""
    problems = []
    for start, end in _gaps(pieces, len(written)):
        problems += [
            problem_at(written, f.start()) for f in UNKEPT.finditer(written, start, end) if f.lastgroup == "bad"
        ]
    return tuple(problems)


def _gaps(pieces: list[Piece], length: int) -> Iterator[tuple[int, int]]:
    at = 0
    for piece in pieces:
        if piece.start > at:
            yield at, piece.start
        at = piece.end
    if at < length:
        yield at, length


def _edged(written: str, pieces: list[Piece]) -> list[Piece]:
    """The pieces with the spaces and breaks around the text, which are not said."""
    length = len(written)
    first = length - len(written.lstrip(SPACES + BREAKS))
    last = max(first, len(written.rstrip(SPACES + BREAKS)))
    edges = [Piece(0, first, "")] if first else []
    return edges + pieces + ([Piece(last, length, "")] if last < length else [])


def _spaces(run: str) -> str:
    """A run of spaces and breaks as it is said: a paragraph, a line or one space."""
    breaks = run.replace("\r\n", "\n").translate({ord(c): "\n" for c in "\r\u0085\u2028"}).replace("\u2029", "\n\n")
    return "\n" * min(2, breaks.count("\n")) or " "


def _kept(written: str, start: int, end: int, refused: frozenset[int]) -> Iterator[Piece]:
    """A stretch that no step says: spaces made plain, refused characters left out, the rest as written."""
    at = start
    for found in UNKEPT.finditer(written, start, end):
        place, after = found.span()
        if found.lastgroup == "bad" and place not in refused:
            continue
        if place > at:
            yield Piece(at, place, written[at:place])
        if found.lastgroup == "space":
            yield Piece(place, after, _spaces(found.group()))
        else:
            yield Piece(place, after, "" if found.lastgroup == "bad" else plain(found.group()))
        at = after
    if at < end:
        yield Piece(at, end, written[at:end])


def _spans(written: str, pieces: list[Piece], refused: frozenset[int]) -> tuple[Span, ...]:
    """All stretches in order, with a space wherever two of them would run together into one word."""
    parts: list[Piece] = []
    for piece in [*pieces, Piece(len(written), len(written), "")]:
        at = parts[-1].end if parts else 0
        parts += _kept(written, at, piece.start, refused)
        if piece.end > piece.start:
            parts.append(piece)
    for index in range(1, len(parts)):
        before, part = parts[index - 1], parts[index]
        if part.spoken == "\n" and not is_ended(before.spoken):
            # An engine that knows no lines pauses here too, and reading this again keeps the line.
            parts[index] = part._replace(spoken=".\n")
        if before.spoken[-1:].isalnum() and part.spoken[:1].isalnum():
            if before.rule:
                parts[index - 1] = before._replace(spoken=before.spoken + " ")
            elif part.rule:
                parts[index] = part._replace(spoken=" " + part.spoken)
    return tuple(Span(*part) for part in parts)
