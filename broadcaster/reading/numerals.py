"""Numbers in words, as they are said in Vietnamese. Every function takes and gives plain strings."""

import re
from functools import lru_cache

DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
LONGEST_CARDINAL = 18  # digits; beyond a billion billions nobody follows, so a longer number is said digit by digit

ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def digits(figures: str) -> str:
    """Each digit by its name: "113" -> "một một ba". Everything but ASCII digits is passed over."""
    return " ".join(DIGITS[ord(figure) - 48] for figure in figures if "0" <= figure <= "9")


def _tens(value: int) -> str:
    ten, unit = divmod(value, 10)
    if ten == 0:
        return DIGITS[unit]
    head = "mười" if ten == 1 else DIGITS[ten] + " mươi"
    if unit == 0:
        return head
    if unit == 5:
        return head + " lăm"
    if ten > 1 and unit in {1, 4}:
        return head + (" mốt" if unit == 1 else " tư")
    return f"{head} {DIGITS[unit]}"


def _hundreds(value: int, is_inner: bool) -> str:
    """A number below a thousand; an inner one (after a higher group) names its missing hundreds and tens."""
    hundred, rest = divmod(value, 100)
    if not hundred and not is_inner:
        return _tens(rest)
    head = DIGITS[hundred] + " trăm"
    if rest == 0:
        return head
    return f"{head} linh {DIGITS[rest]}" if rest < 10 else f"{head} {_tens(rest)}"


def _below_billion(value: int, is_inner: bool) -> list[str]:
    words: list[str] = []
    for size, name in ((1_000_000, " triệu"), (1_000, " nghìn"), (1, "")):
        group, value = divmod(value, size)
        if group:
            words.append(_hundreds(group, is_inner or bool(words)) + name)
    return words


@lru_cache(maxsize=4096)
def cardinal(figures: str) -> str:
    """A whole number: "2000015" -> "hai triệu không trăm mười lăm"."""
    figures = figures.lstrip("0") or "0"
    if len(figures) > LONGEST_CARDINAL:
        return digits(figures)
    value = int(figures)
    if value == 0:
        return DIGITS[0]
    billions, rest = divmod(value, 1_000_000_000)
    head = [cardinal(str(billions)) + " tỷ"] if billions else []
    return " ".join(head + _below_billion(rest, bool(billions)))


def fraction_digits(figures: str) -> str:
    """The part after a decimal comma: "6" -> "sáu", "75" -> "bảy mươi lăm", "05" -> "không năm"."""
    return digits(figures) if figures.startswith("0") or len(figures) > 3 else cardinal(figures)


def roman(letters: str) -> str:
    """The figures of a Roman numeral in capitals: "XIV" -> "14"; "" when it is not one."""
    if not letters or len(letters) > 15 or not ROMAN.fullmatch(letters):
        return ""
    values = [ROMAN_VALUES[letter] for letter in letters]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return str(sum(-value if value < following else value for value, following in pairs))
