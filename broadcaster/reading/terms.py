"""Words that are not said as written: abbreviations, borrowed words, capitals that are spelled."""

import re
from collections.abc import Callable

from broadcaster.reading.characters import LETTER
from broadcaster.reading.cursor import Cursor, Said
from broadcaster.reading.words import ENTRIES, LETTERS, Entry, is_bare, is_syllable, spell

NUMBER_AHEAD = re.compile(r" ?[0-9]")
ROAD_AHEAD = re.compile(r"\.? ?[0-9]{2,3}[A-E]?(?![0-9A-Za-z])(?![ .-][0-9])")
PLATE_AHEAD = re.compile(r"[:.]? ?[0-9]{2}[A-ZĐ]")
ROOM_AHEAD = re.compile(r"\.? ?[0-9]{3}[A-Z]?(?![0-9A-Za-z])")
QUARTER_AHEAD = re.compile(r"\.? ?(?:IV|I{1,3})/[0-9]")
DAY_AHEAD = re.compile(r",? ?\(?(?:ngày )?[0-9]{1,2}[/-][0-9]")
YEAR_AHEAD = re.compile(r" ?(?:19|20)[0-9]{2}(?![0-9])")
PER_AHEAD = re.compile(rf"/(?![cC](?![{LETTER}]))[{LETTER}]")
DOT_AHEAD = re.compile(rf"\.(?= ?[{LETTER}0-9])")
_ALL = [chr(code) for code in range(0x41, 0x1EFA) if re.fullmatch(f"[{LETTER}]", chr(code))]
UPPER = "".join(letter for letter in _ALL if letter.isupper())
LOWER = "".join(letter for letter in _ALL if letter.islower())
PIECES = re.compile(rf"[{UPPER}]+(?![{LOWER}])|[{UPPER}]?[{LOWER}]+|.")
INSIDE_NAME = re.compile(rf"[{UPPER}][{LOWER}]+ $")
NEIGHBOUR = re.compile(rf"[ ,:.]{{1,2}}([{LETTER}]+)")


def _is_in_headline(cursor: Cursor, end: int) -> bool:
    right = NEIGHBOUR.match(cursor.text, end)
    if right and len(right[1]) > 1:
        return right[1].isupper() and not right[1].isascii()
    left = re.search(rf"([{LETTER}]{{2,}})[ ]$", cursor.text[max(0, cursor.at - 24) : cursor.at])
    return bool(left and left[1].isupper() and not left[1].isascii())


def _is_glued(entry: Entry, following: str) -> bool:
    """Whether the entry is only the start of a longer word; a road or a kilometre may have its figures glued on."""
    if not following.isalnum() or not entry.written[-1].isalnum():
        return False
    return not following.isdecimal() or {"number", "road"}.isdisjoint(entry.conditions)


def _end_of(entry: Entry, cursor: Cursor) -> int | None:
    """Where an entry ends at the cursor, when it stands there and its conditions hold."""
    text, end = cursor.text, cursor.at + len(entry.written)
    written = text[cursor.at : end]
    if written != entry.written and not (entry.is_caseless and written.lower() == entry.written.lower()):
        return None
    if _is_glued(entry, text[end : end + 1]):
        return None
    for condition in entry.conditions:
        name, _, words = condition.partition(":")
        if not (cursor.word_before in words.split(",") if words else CONDITIONS[name](cursor, end)):
            return None
    takes_dot = DOT_AHEAD.match(text, end) and not {"dot", "dotted", "road"}.isdisjoint(entry.conditions)
    return end + 1 if takes_dot else end


def _is_dotted(cursor: Cursor, end: int) -> bool:
    is_inner = cursor.text[max(0, cursor.at - 2) : cursor.at].endswith(".")
    return not is_inner and DOT_AHEAD.match(cursor.text, end) is not None


def _is_before_name(cursor: Cursor, end: int) -> bool:
    following = cursor.text[end : end + 3].lstrip(".").lstrip(" ")[:1]
    return following.isupper() or following.isdecimal()


CONDITIONS: dict[str, Callable[[Cursor, int], bool]] = {
    "dot": lambda _cursor, _end: True,
    "dotted": _is_dotted,
    "name": _is_before_name,
    "number": lambda cursor, end: NUMBER_AHEAD.match(cursor.text, end) is not None,
    "road": lambda cursor, end: ROAD_AHEAD.match(cursor.text, end) is not None,
    "day": lambda cursor, end: DAY_AHEAD.match(cursor.text, end) is not None,
    "year": lambda cursor, end: YEAR_AHEAD.match(cursor.text, end) is not None,
    "per": lambda cursor, end: PER_AHEAD.match(cursor.text, end) is not None,
    "colon": lambda cursor, end: cursor.text[end : end + 2].lstrip(" ").startswith(":"),
    "degree": lambda cursor, _end: cursor.text[max(0, cursor.at - 1) : cursor.at] in set("'°′"),
    "plate": lambda cursor, end: PLATE_AHEAD.match(cursor.text, end) is not None,
    "room": lambda cursor, end: ROOM_AHEAD.match(cursor.text, end) is not None,
    "quarter": lambda cursor, end: QUARTER_AHEAD.match(cursor.text, end) is not None,
    "percent": lambda cursor, _end: cursor.text[max(0, cursor.at - 2) : cursor.at].rstrip(" ").endswith("%"),
    "named": lambda cursor, _end: INSIDE_NAME.search(cursor.text[max(0, cursor.at - 12) : cursor.at]) is not None,
    "mixed": lambda cursor, end: not _is_in_headline(cursor, end),
}


def entry(cursor: Cursor) -> Said | None:
    """The longest row of the tables that stands here."""
    for candidate in ENTRIES.get(cursor.token.lower(), ()):
        end = _end_of(candidate, cursor)
        if end is not None:
            return end, candidate.spoken
    return None


def single_letter(cursor: Cursor) -> Said | None:
    """A consonant by itself is said by its name; a vowel is its own name."""
    token = cursor.token
    if len(token) != 1 or not is_bare(token):
        return None
    return cursor.end, LETTERS[token.lower()]


def _piece(piece: str) -> str:
    """A part of a word that has capitals inside: "hotline" and "Tổng" of "hotlineTổng", "VN" of "VNPost"."""
    for row in ENTRIES.get(piece.lower(), ()):
        if not row.conditions and (row.written == piece or (row.is_caseless and row.written.lower() == piece.lower())):
            return row.spoken
    is_spelled = is_bare(piece) or (piece.isupper() and piece.isascii())
    return spell(piece) if is_spelled else piece


def spelled(cursor: Cursor) -> Said | None:
    """Capitals that no table knows and no word looks like, a word without vowels, and capitals inside a word."""
    token = cursor.token
    if is_bare(token):
        return cursor.end, spell(token)
    if token.isupper():
        is_toneless = LETTERS.keys() >= set(token.lower())
        is_word = len(token) == 1 or len(token) > 5 or is_syllable(token.lower())
        return (cursor.end, spell(token)) if is_toneless and not is_word else None
    if not any(letter.isupper() for letter in token[1:]):
        return None
    spoken = " ".join(map(_piece, PIECES.findall(token)))
    return (cursor.end, spoken) if spoken != token else None
