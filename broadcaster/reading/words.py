"""The word tables in `tables/`, loaded once, and what is asked of them."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from broadcaster.reading.characters import LETTER
from broadcaster.reading.numerals import DIGITS

CONSONANTS = frozenset("bcdfghjklmnpqrstvwxzđ")
ONSET = "ngh?|nh|gh|gi|kh|ph|th|tr|ch|qu|[bcdđghklmnprstvx]"
TONELESS = re.compile(
    rf"(?:{ONSET})?(?:iêu|yêu|oai|oay|uây|uôi|ươi|ươu|uya|uyê|uu|ieu|yeu|uoi|uou|uye|"
    r"ai|ao|au|ay|âu|ây|eo|êu|ia|ie|iê|iu|oa|oe|oi|ôi|ơi|ua|uâ|ue|uê|ui|uo|uô|ươ|ưa|ưi|ưu|uy|ya|ye|yê|[aăâeêioôơuưy])"
    r"(?P<coda>ng|nh|ch|[cmnpt])?"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a table: a written form, how it is said, and the conditions under which it holds."""

    written: str
    spoken: str
    conditions: tuple[str, ...] = ()
    is_caseless: bool = False


def rows(name: str) -> Iterator[list[str]]:
    """The rows of a table, without its comments; short rows are not filled up."""
    table = files("broadcaster.reading").joinpath("tables", name + ".tsv").read_text(encoding="utf-8")
    return (line.split("\t") for line in table.splitlines() if line and not line.startswith("#\x20"))


def _letters_run(written: str) -> str:
    found = re.match(f"[{LETTER}]+", written)
    return found.group().lower() if found else written


def _entries() -> dict[str, tuple[Entry, ...]]:
    """Entries by the first run of letters in lower case, the longest first, tables' order otherwise kept."""
    by_first: defaultdict[str, list[Entry]] = defaultdict(list)
    for written, spoken, *more in rows("abbreviations"):
        # No syllable has this shape, so lower case cannot be another word: "ubnd" is meant like "UBND".
        is_caseless = len(written) > 2 and written.isalpha() and not is_syllable(written.lower())
        entry = Entry(written, spoken, tuple(more[0].split()) if more else (), is_caseless)
        by_first[_letters_run(written)].append(entry)
    for written, spoken in rows("borrowed"):
        by_first[_letters_run(written)].append(Entry(written, spoken, (), is_caseless=True))
    return {first: tuple(sorted(found, key=lambda e: -len(e.written))) for first, found in by_first.items()}


@lru_cache(maxsize=4096)
def is_syllable(word: str) -> bool:
    """Whether a word in lower case without tone marks can be Vietnamese; a final stop needs a tone mark, so none is."""
    found = TONELESS.fullmatch(word)
    return found is not None and found["coda"] not in {"c", "ch", "p", "t"}


def is_bare(word: str) -> bool:
    """Whether a word has no vowel, so that it can only be spelled."""
    return CONSONANTS.issuperset(word.lower())


LETTERS = {letter: name for letter, name in rows("letters")}  # noqa: C416 - rows are lists
UNITS = {row[0]: row[1:] for row in rows("units")}
SYMBOLS = {symbol: name for symbol, name in rows("symbols")}  # noqa: C416
SITES = {part: name for part, name in rows("sites")}  # noqa: C416
CONTEXT = {name: frozenset(words.split(",")) for name, words in rows("context")}
ENTRIES = _entries()
BORROWED = {written: spoken for written, spoken in rows("borrowed") if written.isalpha()}


def spell(code: str) -> str:
    """Letters by their names and digits one by one; a dash, dot or space between groups is a pause of its own."""
    names = [DIGITS[ord(c) - 48] if "0" <= c <= "9" else LETTERS.get(c.lower(), "") for c in code]
    return " ".join(name for name in names if name)
