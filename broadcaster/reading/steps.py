"""The rules in the order they are tried, by the kind of token they start from; the first that answers wins."""

import string
from functools import lru_cache

from broadcaster.reading import codes, dates, phones, quantities, sites, symbols, terms, times
from broadcaster.reading.cursor import Cursor, Step

Named = tuple[str, Step]

CAPITALS = string.ascii_uppercase + "ĐƯ"
DIGITS = string.digits
LETTER_AHEAD = string.ascii_letters + "đĐƯ"

FIGURES: tuple[tuple[str, Step, str, str], ...] = (
    # name, step, what may stand right after the figures, what may stand there after a space ("any": anything)
    ("chain", quantities.chain, ",-/.:", DIGITS),
    ("site", sites.site, LETTER_AHEAD + ".-_@+", ""),
    ("code", codes.plate, "H", ""),
    ("code", codes.standard, "-:", ""),
    ("time", times.hour, "hHgG", "hHgG"),
    ("time", times.clock, ":", ""),
    ("time", times.gram_or_hour, "gG", ""),
    ("time", times.dotted, ".", ""),
    ("address", codes.address, "/" + LETTER_AHEAD, ""),
    ("rated", quantities.rated, "(", "("),
    ("paper", codes.paper, LETTER_AHEAD + "/-", "/"),
    ("code", codes.code, "any", "any"),
    ("date", dates.full_date, "/-.", "/-."),
    ("phone", phones.telephone, "any", "any"),
    ("phone", phones.service_number, "any", "any"),
    ("phone", phones.called_number, "any", "any"),
    ("score", quantities.score, "-", "-"),
    ("date", dates.days_of_month, ",;-&", ",;-&vđ"),
    ("date", dates.month_and_year, "/-,", "/-"),
    ("date", dates.day_and_month, "/-.", ""),
    ("list", quantities.listed, "-", ""),
    ("fraction", quantities.fraction, "/", "/"),
    ("letter number", codes.numbered_letter, LETTER_AHEAD, CAPITALS),
    ("quantity", quantities.length, "m", ""),
    ("quantity", quantities.quantity, "any", "any"),
)

LETTERS: tuple[Named, ...] = (
    ("site", sites.site),
    ("weekday", dates.weekday),
    ("date", dates.short_month),
    ("entry", terms.entry),
    ("code", codes.code),
    ("times", symbols.times),
    ("roman", codes.roman_numeral),
    ("unit", quantities.unit_alone),
    ("mixed", codes.mixed),
    ("letter", terms.single_letter),
    ("spelled", terms.spelled),
)

SIGNS: tuple[tuple[str, Step, str], ...] = (
    # name, step, the signs it reads
    ("phone", phones.telephone, "(+"),
    ("phone", phones.next_number, "/"),
    ("code", symbols.ussd, "*"),
    ("bullet", symbols.bullet, symbols.BULLETS),
    ("dash", symbols.dash, "-÷"),
    ("slash", symbols.slash, "/"),
    ("times", symbols.times, "×"),
    ("unit", quantities.unit_alone, "any"),
    ("ratio", symbols.ratio, ":,"),
    ("sign", symbols.sign, "any"),
)


@lru_cache(maxsize=512)
def _sign_steps(sign: str) -> tuple[Named, ...]:
    return tuple((name, step) for name, step, signs in SIGNS if signs == "any" or sign in signs)


@lru_cache(maxsize=512)
def _figure_steps(after: str, beyond: str) -> tuple[Named, ...]:
    def is_due(tight: str, spaced: str) -> bool:
        marks, mark = (spaced, beyond) if after == " " else (tight, after)
        return marks == "any" or (mark != "" and mark in marks)

    return tuple((name, step) for name, step, tight, spaced in FIGURES if is_due(tight, spaced))


def steps_for(kind: str | None, cursor: Cursor) -> tuple[Named, ...]:
    """The steps to try on the token under the cursor; for figures, only those that fit what follows them."""
    if kind == "word":
        return LETTERS
    if kind == "sign":
        return _sign_steps(cursor.token)
    after = cursor.text[cursor.end : cursor.end + 2]
    return _figure_steps(after[:1], after[1:] if after[:1] == " " else "")
