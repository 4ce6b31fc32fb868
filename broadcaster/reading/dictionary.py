"""Pronunciations that a source or a commune adds to the tables: names of its places, people and things."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from broadcaster.reading.characters import LETTER, composed, plain

FIRST = re.compile(rf"[{LETTER}]+|[0-9]+|\S")
SECOND = re.compile(rf"[ \n]{{0,3}}({FIRST.pattern})")


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """A written form and the words said for it. Small letters stand for any case, capitals only for themselves."""

    written: str
    spoken: str


class Dictionary:
    """Layers of pronunciations, each nearer to the listener than the one before it.

    The longest match wins, also against the built-in rules; of equally long ones, that of the nearest layer.
    """

    def __init__(self, *layers: Iterable[Pronunciation]) -> None:
        found: defaultdict[tuple[str, str], dict[str, tuple[int, Pronunciation]]] = defaultdict(dict)
        for number, layer in enumerate(layers):
            for entry in layer:
                written = normal(entry.written)
                first, second, *_ = (*FIRST.findall(written.lower())[:2], "", "")
                if first:
                    found[first, second][written] = (number, entry)
        self._entries = {
            tokens: [
                (written, entry)
                for written, (_, entry) in sorted(entries.items(), key=lambda item: (-len(item[0]), -item[1][0]))
            ]
            for tokens, entries in found.items()
        }

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dictionary) and self._entries == other._entries

    def __hash__(self) -> int:
        return hash(tuple(self._entries))

    @cached_property
    def _shapes(self) -> dict[tuple[str, str], Sequence[tuple[re.Pattern[str], str]]]:
        """By the first two tokens of the written form in lower case, so that a thousand villages stay fast."""
        return {
            tokens: [(_shape(written), entry.spoken) for written, entry in entries]
            for tokens, entries in self._entries.items()
        }

    def match(self, text: str, at: int, token: str) -> tuple[int, str] | None:
        """Where the longest entry that begins with the token at `at` ends, and its words; None where none does."""
        first = FIRST.match(token)
        second = SECOND.match(text, at + len(first.group())) if first else None
        for tokens in ((first, second), (first, None)):
            names = [found[found.lastindex or 0].lower() if found else "" for found in tokens]
            for shape, spoken in self._shapes.get((names[0], names[1]), ()):
                found = shape.match(text, at)
                if found:
                    return found.end(), spoken
        return None


def normal(written: str) -> str:
    """A written form as it is looked up: NFC, plain dashes and quotes, single spaces."""
    return " ".join(plain(composed(written)).split())


def _shape(written: str) -> re.Pattern[str]:
    """Whole words only, wherever the line was broken."""
    before = f"(?<![{LETTER}0-9])" if written[0].isalnum() else ""
    after = f"(?![{LETTER}0-9])" if written[-1].isalnum() else ""
    words = r"[ \n]{1,3}".join(map(re.escape, written.split()))
    return re.compile(before + words + after, re.IGNORECASE if written == written.lower() else 0)


EMPTY = Dictionary()
