"""What a text names that a listener may act on: telephone numbers, sites and addresses, accounts to pay into."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from broadcaster.reading.characters import LETTER, composed, plain, with_plain_figures
from broadcaster.reading.cursor import LOOK_BACK
from broadcaster.reading.lines import unwrapped
from broadcaster.reading.reader import said
from broadcaster.reading.words import CONTEXT

ACCOUNT_BEFORE = re.compile(
    rf"\b(?:tài khoản|stk|tk|account|a/c|ব্যাংক|হিসাব)(?![{LETTER}])[^.!?;\n]{{0,40}}$", re.IGNORECASE
)
RUN = re.compile(rf"(?<![0-9{LETTER}.,])[0-9]{{8,24}}(?![0-9{LETTER}])")  # an amount is written with points
MONEY_AFTER = re.compile(rf" ?(?:[%₫$€°đ]|(?:{'|'.join(sorted(CONTEXT['counted']))})(?![{LETTER}]))", re.IGNORECASE)
SCHEME = re.compile(r"^(?:https?://)?(?:www\.)?", re.IGNORECASE)


class Kind(StrEnum):
    PHONE = "phone"
    SITE = "site"
    ACCOUNT = "account"


Place = tuple[int, int, Kind | None]
"""Start and end in the text, and what stands there; None for a code that nobody calls or pays into."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A stretch of the text (NFC) that names a number, a site or an account. `value` is its one normal form."""

    start: int
    end: int
    written: str
    kind: Kind
    value: str


def mentions(text: str) -> tuple[Mention, ...]:
    """All mentions in a text of any language, in order; takes no dictionary, which could hide one."""
    written = composed(text)
    shown = plain(unwrapped(with_plain_figures(written)))
    places = sorted([*_by_reading(shown), *_by_shape(shown)], key=lambda place: place[:2])
    found: list[Mention] = []
    at = 0
    for start, end, kind in places:
        if start < at:
            continue
        at = end
        if kind is not None:
            found.append(Mention(start, end, written[start:end], kind, normal(kind, shown[start:end])))
    return tuple(found)


def normal(kind: Kind, written: str) -> str:
    """The form in which two ways of writing the same number or site are equal."""
    if kind is Kind.SITE:
        return SCHEME.sub("", written).rstrip("/").lower()
    figures = "".join(c for c in written.upper() if c.isalnum() or c == "+")
    if kind is Kind.PHONE and figures.startswith("+84"):
        return "0" + figures[3:].removeprefix("0")
    return figures


def _by_reading(text: str) -> Iterator[Place]:
    """What the reading says as a telephone number, a site, or a code, which may be an account."""
    for piece in said(text):
        if piece.rule == "site":
            yield piece.start, piece.end, Kind.SITE
        elif piece.rule in {"phone", "code"} and any(map(str.isdecimal, text[piece.start : piece.end])):
            other = Kind.PHONE if piece.rule == "phone" else None
            yield piece.start, piece.end, Kind.ACCOUNT if _is_account(text, piece.start) else other


def _by_shape(text: str) -> Iterator[Place]:
    """Long runs of figures that the reading took for something else, and that count nothing."""
    for found in RUN.finditer(text):
        start, end = found.span()
        if not MONEY_AFTER.match(text, end):
            yield start, end, Kind.PHONE if text[start] == "0" and not _is_account(text, start) else Kind.ACCOUNT


def _is_account(text: str, at: int) -> bool:
    return ACCOUNT_BEFORE.search(text[max(0, at - LOOK_BACK) : at]) is not None
