"""Line breaks that only wrap a long line are no pauses: text files and word processors put them into sentences."""

import re

FULL_LINE = 50
"""A line of so many characters was probably cut where it became full, even if the next begins with a capital."""

_BREAK = re.compile(r"(?:\r\n|[\n\r\u0085\u2028])(?![ \t\u00a0]*(?:[\n\r\u0085\u2028\u2029]|$))")
_BREAKS = "\n\r\u0085\u2028\u2029"
_ENDED = re.compile(r"[.!?…:;।|][\"'”’»)\]]*\s*$")
_LIST_MARK = re.compile(r"[ \t\u00a0]*(?:[-–—•*+·▪►✓]|\(?(?:[0-9]{1,3}|[A-Za-zđĐ]|[ivxIVX]{1,5})[.)/](?![0-9]))")


def unwrapped(text: str) -> str:
    """The text, as long as before, with a space for each break that cuts a sentence.

    A break stays where the line before ends a clause, where the next begins an item of a list, at an empty line,
    and after a short line that is followed by a capital, as a headline is.
    """
    parts: list[str] = []
    at = line_start = 0
    for found in _BREAK.finditer(text):
        start, end = found.span()
        line = text[max(line_start, start - 200) : start].rstrip(" \t\u00a0")
        if line.strip() and line[-1] not in _BREAKS and _is_wrap(line, text, end):
            parts += (text[at:start], " " * (end - start))
            at = end
        line_start = end
    return "".join((*parts, text[at:]))


def _is_wrap(line: str, text: str, after: int) -> bool:
    if is_ended(line) or _LIST_MARK.match(text, after):
        return False
    follows = text[after : after + 40].lstrip()[:1]
    goes_on = follows.islower() or follows.isdigit() or line.rstrip().endswith(",")
    return goes_on or len(line.strip()) >= FULL_LINE


def is_ended(line: str) -> bool:
    """Whether a line ends a clause by its punctuation."""
    return _ENDED.search(line[-8:]) is not None
