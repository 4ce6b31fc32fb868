"""The walk through a text: tokens that need a rule are handed to the steps, everything between is kept as written."""

import re
from collections.abc import Iterator

from broadcaster.reading.characters import BREAKS, LETTER, SPACES, composed, is_refused, plain, problem_at
from broadcaster.reading.cursor import Cursor
from broadcaster.reading.foreign import unsayable_places
from broadcaster.reading.lines import is_ended, unwrapped
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

Piece = tuple[int, int, str]
"""Start and end in the text, and the words said for it."""


def read(text: str, language: str) -> Reading:
    """The reading of a text in a language (ISO 639-1, a region after a dash is allowed). Never raises.

    Vietnamese is turned into words. Other languages are only cleaned (NFC, spaces, refused characters) and left to
    the engine's own reading. The time taken grows in step with the length of the text.
    """
    written = composed(text)
    walked = unwrapped(written)
    if language.lower().replace("_", "-").split("-")[0] == "vi":
        pieces = list(_said(plain(walked)))
        problems = _problems(walked, pieces)
    else:
        pieces = []
        problems = tuple(problem_at(written, place) for place in unsayable_places(written))
    pieces = _edged(walked, pieces)
    refused = frozenset(problem.start for problem in problems if is_refused(written[problem.start]))
    spans = _spans(walked, pieces, refused)
    return Reading(language, written, "".join(span.spoken for span in spans), spans, problems)


def _said(text: str) -> Iterator[Piece]:
    """The stretches of the plain text that the steps say otherwise than written."""
    cursor, at = Cursor(text), 0
    while found := TOKEN.search(text, at):
        start, at = found.span()
        kind = found.lastgroup
        if kind == "word" and _is_ordinary(found.group(), text, at):
            continue
        cursor.move(start, at)
        for name, step in steps_for(kind, cursor):
            said = step(cursor)
            if said is not None:
                at = said[0]
                cursor.note(name, at)
                yield start, at, said[1]
                break


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
    for start, end, _ in _gaps(pieces, len(written)):
        problems += [
            problem_at(written, f.start()) for f in UNKEPT.finditer(written, start, end) if f.lastgroup == "bad"
        ]
    return tuple(problems)


def _gaps(pieces: list[Piece], length: int) -> Iterator[Piece]:
    at = 0
    for start, end, _ in pieces:
        if start > at:
            yield at, start, ""
        at = end
    if at < length:
        yield at, length, ""


def _edged(written: str, pieces: list[Piece]) -> list[Piece]:
    """The pieces with the spaces and breaks around the text, which are not said."""
    length = len(written)
    first = length - len(written.lstrip(SPACES + BREAKS))
    last = max(first, len(written.rstrip(SPACES + BREAKS)))
    edges = [(0, first, "")] if first else []
    return edges + pieces + ([(last, length, "")] if last < length else [])


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
            yield at, place, written[at:place]
        if found.lastgroup == "space":
            yield place, after, _spaces(found.group())
        else:
            yield place, after, "" if found.lastgroup == "bad" else plain(found.group())
        at = after
    if at < end:
        yield at, end, written[at:end]


def _spans(written: str, pieces: list[Piece], refused: frozenset[int]) -> tuple[Span, ...]:
    """All stretches in order, with a space wherever two of them would run together into one word."""
    parts: list[Piece] = []
    for start, end, spoken in [*pieces, (len(written), len(written), "")]:
        at = parts[-1][1] if parts else 0
        parts += _kept(written, at, start, refused)
        if end > start:
            parts.append((start, end, spoken))
    said = {start for start, _, _ in pieces}
    for index in range(1, len(parts)):
        before, part = parts[index - 1], parts[index]
        if part[2] == "\n" and not is_ended(before[2]):
            # An engine that knows no lines pauses here too, and reading this again keeps the line.
            parts[index] = (part[0], part[1], ".\n")
        if before[2][-1:].isalnum() and part[2][:1].isalnum():
            if before[0] in said:
                parts[index - 1] = (before[0], before[1], before[2] + " ")
            elif part[0] in said:
                parts[index] = (part[0], part[1], " " + part[2])
    return tuple(Span(*part) for part in parts)
