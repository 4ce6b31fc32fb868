"""Where the reader stands in the text, and what it can see from there."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import cached_property

from broadcaster.reading.characters import LETTER
from broadcaster.reading.words import CONTEXT

LOOK_BACK = 64  # characters; more would make long texts slow, and a word further away decides nothing
WORDS_BACK = 10
NEARBY = 16
SENTENCE_END = re.compile(r"\n|…|[.!?;](?=[ \n])")
WORDS = re.compile(rf"[{LETTER}]+|[0-9]+")
LINKS = frozenset({"và", "đến", "tới", "hoặc", "hay", "ngày", "với"})
LIST_GAP = re.compile(r"[ ]{0,2}(?:,|;|/|-|và|hoặc|hay|đến|&)?[ ]{0,2}(?:số )?")

Said = tuple[int, str]
"""What a step answers: the offset where the stretch it says ends, and the words."""


class Cursor:
    """A place in the plain text: the token from `at` to `end`, and the stretch said last on its left."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at
        self.end = at
        self.said_by = ""
        self.said_from = 0
        self.said_to = 0
        self._before: tuple[str, ...] = ()
        self._before_at = -1

    @property
    def token(self) -> str:
        return self.text[self.at : self.end]

    def move(self, at: int, end: int) -> None:
        """Stand on another token."""
        self.at, self.end = at, end

    def note(self, step: str, end: int) -> None:
        """Remember that `step` said the stretch from the token to `end`."""
        self.said_by, self.said_from, self.said_to = step, self.at, end

    @cached_property
    def _words(self) -> tuple[list[int], list[str]]:
        """All words and figures of the text in lower case, with their offsets: found once, looked up often."""
        found = [(word.start(), word.group().lower()) for word in WORDS.finditer(self.text)]
        return [start for start, _ in found], [word for _, word in found]

    @cached_property
    def _sentence_ends(self) -> list[int]:
        return [end.start() for end in SENTENCE_END.finditer(self.text)]

    def _sentence_start(self, at: int) -> int:
        index = bisect_left(self._sentence_ends, at)
        return self._sentence_ends[index - 1] + 1 if index else 0

    def words_before(self, at: int) -> tuple[str, ...]:
        """The words and figures on the left of a place in its sentence, in lower case, the nearest last."""
        starts, words = self._words
        last = bisect_left(starts, at)
        first = bisect_right(starts, self._sentence_start(at) - 1, max(0, last - WORDS_BACK), last)
        return tuple(words[first:last])

    @property
    def left(self) -> str:
        """The text on the left, in the same sentence and in lower case."""
        return self.text[max(0, self.at - LOOK_BACK, self._sentence_start(self.at)) : self.at].lower()

    @property
    def before(self) -> tuple[str, ...]:
        """The words and figures on the left of the token."""
        if self._before_at != self.at:
            self._before = self.words_before(self.at)
            self._before_at = self.at
        return self._before

    @property
    def word_before(self) -> str:
        return self.before[-1] if self.before else ""

    @property
    def governor(self) -> str:
        """The word that a figure belongs to, also through a list: "thứ" for the 6 of "thứ 2, 4 và 6"."""
        for word in reversed(self.before):
            if not word[0].isdecimal() and word not in LINKS:
                return word
        return ""

    @property
    def governor_of_said(self) -> str:
        """The word before the stretch said last."""
        words = self.words_before(self.said_from)
        return words[-1] if words else ""

    @property
    def gap(self) -> str:
        """The text between the stretch said last and the token, or the end of it when it is long."""
        return self.text[max(self.said_to, self.at - NEARBY) : self.at]

    def is_after(self, context: str, reach: int = 1) -> bool:
        """Whether one of the `reach` words before is in a list of the context table."""
        return not CONTEXT[context].isdisjoint(self.before[-reach:])

    def continues(self, step: str) -> bool:
        """Whether the token goes on with a list whose last item was said by `step`."""
        return self.said_by == step and LIST_GAP.fullmatch(self.text, self.said_to, self.at) is not None

    def is_line_start(self) -> bool:
        """Whether only spaces stand between the start of the line and the token."""
        line = self.text.rfind("\n", max(0, self.at - LOOK_BACK), self.at) + 1
        return not self.text[line or max(0, self.at - LOOK_BACK) : self.at].strip(" ")


Step = Callable[[Cursor], Said | None]
