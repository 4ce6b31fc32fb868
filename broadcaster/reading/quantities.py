"""Numbers with what they count: thousands and decimals, shorthands of money, units, percent, fractions."""

import re
from itertools import pairwise

from broadcaster.reading.characters import LETTER
from broadcaster.reading.cursor import Cursor, Said
from broadcaster.reading.dates import HOLIDAYS
from broadcaster.reading.numerals import cardinal, digits, fraction_digits
from broadcaster.reading.words import CONTEXT, UNITS

NUMBER = re.compile(
    r"(?P<thousands>[1-9][0-9]{0,2}(?:\.[0-9]{3}){1,6}+)(?:,(?P<d1>[0-9]{1,6}))?+(?![0-9])(?![.,][0-9])"
    r"|(?P<commas>[1-9][0-9]{0,2}(?:,[0-9]{3}){2,6}+)(?![0-9])(?![.,][0-9])"
    r"|(?P<spaced>[1-9][0-9]{0,2}(?: [0-9]{3}){1,5}+)(?![0-9])(?= ?(?:[đĐ₫]|VN|USD|người|hộ|kWh|m2|m²|ha|tấn|kg))"
    r"|(?<![0-9],)(?P<whole>[0-9]{1,18}),(?P<d2>[0-9]{1,9})(?![0-9])(?![.,][0-9])"
    r"|(?P<dotted>[0-9]{1,9}(?:\.[0-9]{1,6}){1,5}+)(?![0-9])"
    r"|(?P<plain>[0-9]++)"
)
SCALE = re.compile(
    rf"(?: ?(?P<scale>tr|triệu|tỷ|tỉ)(?:(?P<rest>[0-9]{{1,3}})(?P<thousands>k)?)?"
    rf"|(?P<k>[kK])(?P<rest_k>[0-9]{{1,3}})?)(?![{LETTER}0-9])"
)
SCALES = {
    "tr": ("triệu", "nghìn"),
    "triệu": ("triệu", "nghìn"),
    "tỷ": ("tỷ", "triệu"),
    "tỉ": ("tỷ", "triệu"),
    "k": ("nghìn", ""),
}
SCALE_WORD = re.compile(r" (?:nghìn|ngàn|triệu|tỷ|tỉ)(?![\w])")
FRACTION = re.compile(
    rf"(?P<top>[0-9]{{1,4}}) ?/ ?(?P<bottom>[0-9]{{1,4}})(?![0-9{LETTER}]|[.,/][0-9])"
    rf"|(?P<top_h>24)/(?P<bottom_h>24)(?P<hours> ?[hH])(?![{LETTER}])"
)
NEXT_WORD = re.compile(rf" ?([{LETTER}]+)")
LENGTH = re.compile(rf"(?P<metres>[0-9]{{1,3}})m(?P<rest>[0-9]{{1,2}})(?![0-9{LETTER}²³/])")
SCORE = re.compile(r"(?P<one>[0-9]{1,2}) ?- ?(?P<two>[0-9]{1,2})(?![0-9/])")
SCORE_WORDS = frozenset({"thắng", "thua", "hòa", "hoà"})
SPORT_WORDS = frozenset({"đội", "bóng", "trận", "chung", "kết", "hiệp", "giải", "tuyển", "u23", "thúc"})
AFTER_SCORE = re.compile(
    rf" (?:trước|cho|ở|tại|sau|ngay|trong|để|và|rồi|nhưng|với)(?![{LETTER}])|(?! ?[{LETTER}0-9%°℃])"
)
AFTER_RESULT = re.compile(rf"{AFTER_SCORE.pattern}|(?= (?:[A-ZĐ]|đội(?![{LETTER}])))")
NEXT_SET = re.compile(r" ?[(,;:] ?")
RATED = re.compile(rf"(?P<one>[0-9]{{1,3}}) ?\((?P<two>[0-9]{{1,4}})\) ?A(?![{LETTER}0-9])")
LIST = re.compile(rf"[0-9]{{1,2}}(?:-[0-9]{{1,2}}){{2,}}(?![0-9{LETTER}]|[/.,-][0-9])")
CHAIN = re.compile(r"[0-9]{1,2}(?:(?:, |[-/.,: ])[0-9]{1,2}(?![0-9])){11,}+")
CHAIN_PART = re.compile(r"[0-9]+|, ?|[-/.: ]")
CHAIN_MARKS = {"-": "đến", "/": "xuyệt", ".": "chấm"}
CODE_LONG = 9  # figures; a longer run without grouping and without a unit is a number of something, not an amount


def _unit_pattern(tight: bool) -> str:
    names = [name for name, (_, where, _) in UNITS.items() if tight or where != "tight"]
    names.sort(key=len, reverse=True)
    return "|".join(re.escape(name) + (rf"(?![{LETTER}0-9])" if name[-1].isalnum() else "") for name in names)


UNIT = re.compile(rf"(?:{_unit_pattern(tight=True)})| (?:{_unit_pattern(tight=False)})")
UNIT_ALONE = re.compile(
    "|".join(
        re.escape(name) + (rf"(?![{LETTER}0-9])" if name[-1].isalnum() else "")
        for name in sorted((n for n, row in UNITS.items() if row[1] == "alone"), key=len, reverse=True)
    )
)
UNIT_AFTER_SLASH = re.compile(_unit_pattern(tight=True))
COMRADE = re.compile(rf"/c(?![{LETTER}])")  # 10 đ/c are ten comrades
ROADS = frozenset({"quốc", "tỉnh", "hương", "huyện", "đại", "thôn"})
LETTER_UNITS = frozenset("AVWTML")


def unit_at(cursor: Cursor, at: int) -> re.Match[str] | None:
    """The unit right after a number, unless a word before makes it a letter: quốc lộ 1A, lớp 5A."""
    found = UNIT.match(cursor.text, at)
    if not found:
        return None
    name = found.group().strip()
    if name == "đ" and COMRADE.match(cursor.text, found.end()):
        return None
    if name == "'" and cursor.text[max(0, cursor.at - 1) : cursor.at] in {"'", '"', "“"}:
        return None
    is_letter = name in LETTER_UNITS and cursor.is_after("letter", 2) and not cursor.is_after("amount word")
    return None if is_letter else found


def _decimal(whole: str, decimals: str, mark: str = "phẩy") -> str:
    return f"{cardinal(whole)} {mark} {fraction_digits(decimals)}"


def is_measured(cursor: Cursor, end: int) -> bool:
    return (
        SCALE.match(cursor.text, end) is not None
        or SCALE_WORD.match(cursor.text, end) is not None
        or unit_at(cursor, end) is not None
    )


def _plain(cursor: Cursor, figures: str, end: int) -> str:
    """A run of figures without marks: an amount, unless zeros in front or its length show a number of something."""
    if figures == "1" and cursor.word_before == "thứ":
        return "nhất"
    if figures in {"4", "04"}:
        return "tư" if cursor.governor in {"thứ", "tháng"} and cursor.governor in cursor.before[-4:] else "bốn"
    if figures.startswith("0") and len(figures) > 1:
        is_next = cursor.text[max(0, cursor.at - 2) : cursor.at - 1].isalpha()
        is_label = (
            (is_next and cursor.word_before in {"số", "mẫu", "biểu"}) or len(figures) > 2 or set(figures) == {"0"}
        )
        return digits(figures) if is_label else cardinal(figures)
    if len(figures) == 3 and cursor.word_before == "lộ" and not ROADS.intersection(cursor.before[-2:]):
        return digits(figures)  # a feeder's number: its first figure is the voltage
    if len(figures) >= CODE_LONG and not is_measured(cursor, end):
        return digits(figures)
    return cardinal(figures)


def _dotted(cursor: Cursor, figures: str, end: int) -> str:
    """Figures parted by dots that are no thousands: "1.5 triệu" is a decimal, "phiên bản 2.1" is not."""
    whole, *rest = figures.split(".")
    if len(rest) == 1:
        return _decimal(whole, rest[0], "phẩy" if is_measured(cursor, end) or _counts(cursor, end) else "chấm")
    return " chấm ".join(digits(part) if part.startswith("0") else cardinal(part) for part in [whole, *rest])


def _counts(cursor: Cursor, end: int) -> bool:
    following = NEXT_WORD.match(cursor.text, end)
    return following is not None and following[1].lower() in CONTEXT["counted"]


def number_at(cursor: Cursor, at: int) -> tuple[int, str]:
    """The number that starts at `at`, a place of an ASCII digit: where it ends, and its words."""
    found = NUMBER.match(cursor.text, at)
    if found is None:  # cannot be: the last alternative takes any digit
        return at + 1, digits(cursor.text[at])
    end = found.end()
    whole, decimals = found["thousands"] or found["whole"], found["d1"] or found["d2"]
    if found["plain"]:
        return end, _plain(cursor, found["plain"], end)
    if found["dotted"]:
        return end, _dotted(cursor, found["dotted"], end)
    whole = re.sub(r"[., ]", "", whole or found.group())
    return end, _decimal(whole, decimals) if decimals else cardinal(whole)


def _scaled(cursor: Cursor, end: int, words: str) -> Said:
    """2tr5 is 2 500 000: the figures after a shorthand fill the next lower group from the left."""
    found = SCALE.match(cursor.text, end)
    if not found or (found["k"] and cursor.text[end] == "K" and words in {"hai", "bốn", "tám"} and not found["rest_k"]):
        return end, words
    upper, lower = SCALES[(found["scale"] or "k").lower()]
    words = f"{words} {upper}"
    rest = found["rest"] or found["rest_k"]
    if rest:
        words += f" {cardinal(rest if found['thousands'] else rest.ljust(3, '0'))} {lower}".rstrip()
    return found.end(), words


def length(cursor: Cursor) -> Said | None:
    """1m65: metres and centimetres of a height or a length."""
    found = LENGTH.match(cursor.text, cursor.at)
    if not found or (found["rest"] in {"2", "3"} and cursor.word_before not in {"cao", "sâu", "dài"}):
        return None
    return found.end(), f"{cardinal(found['metres'])} mét {fraction_digits(found['rest'])}"


def quantity(cursor: Cursor) -> Said | None:
    """A number with its shorthand and its unit."""
    end, words = number_at(cursor, cursor.at)
    end, words = _scaled(cursor, end, words)
    found = unit_at(cursor, end)
    if found:
        return found.end(), f"{words} {UNITS[found.group().strip()][0]}"
    return end, words


def fraction(cursor: Cursor) -> Said | None:
    """2/3 số hộ, 12/15 thôn, 24/7, số nhà 12/5, huyết áp 120/80."""
    found = FRACTION.match(cursor.text, cursor.at)
    if not found:
        return None
    top, bottom = found["top"] or found["top_h"], found["bottom"] or found["bottom_h"]
    if cursor.word_before in CONTEXT["slashed"]:
        link = "xuyệt"
    else:
        following = NEXT_WORD.match(cursor.text, found.end())
        is_count = following is not None and following[1].lower() in CONTEXT["count"]
        is_part = int(top) < int(bottom) <= 10 and not is_count and (top, bottom) != ("24", "7")
        link = "phần" if is_part or (bottom in {"100", "1000"} and int(top) < int(bottom) and not is_count) else "trên"
    words = "tư" if bottom == "4" and link == "phần" else cardinal(bottom)
    return found.end(), f"{cardinal(top)} {link} {words}{' giờ' if found['hours'] else ''}"


def chain(cursor: Cursor) -> Said | None:
    """A dozen short numbers in a row are a list, whatever stands between them."""
    found = CHAIN.match(cursor.text, cursor.at)
    if not found:
        return None
    parts = CHAIN_PART.findall(found.group())
    words = " ".join(cardinal(part) if part.isdecimal() else CHAIN_MARKS.get(part, ",") for part in parts)
    return found.end(), words.replace(" ,", ",")


def score(cursor: Cursor) -> Said | None:
    """thắng 2-1, tỷ số 3-0, U23 Việt Nam thắng Lào 2-1, đội Kép 2-1 đội Tiên Lục (15-12, 13-15, 15-9)."""
    found = SCORE.match(cursor.text, cursor.at)
    if not found:
        return None
    ends_so = AFTER_SCORE.match(cursor.text, found.end()) is not None
    is_draw = cursor.word_before in {"hòa", "hoà"}  # also the end of many names, and of stirring into water
    is_result = _is_after_score_word(cursor.before[-6:]) or (
        cursor.word_before in SCORE_WORDS and (ends_so or not is_draw)
    )
    is_far = ends_so and not SCORE_WORDS.isdisjoint(cursor.before[-6:]) and "điều" not in cursor.before[-6:]
    is_next = cursor.said_by == "score" and NEXT_SET.fullmatch(cursor.gap) is not None
    if not (is_result or is_far or is_next or _is_result_by_fall(cursor, found)):
        return None
    return found.end(), f"{cardinal(found['one'])} {cardinal(found['two'])}"


def _is_after_score_word(before: tuple[str, ...]) -> bool:
    """tỷ số séc 3-0, tỉ số chung cuộc là 2-1."""
    return any(pair in {("tỷ", "số"), ("tỉ", "số")} for pair in pairwise(before))


def _is_result_by_fall(cursor: Cursor, found: re.Match[str]) -> bool:
    """Beside words of sport a pair that falls is a result: no range runs backwards."""
    falls = int(found["one"]) > int(found["two"]) and AFTER_RESULT.match(cursor.text, found.end()) is not None
    is_day = cursor.is_after("date") or f"{found['one']}/{found['two']}" in HOLIDAYS
    return falls and not is_day and not SPORT_WORDS.isdisjoint(cursor.before)


def listed(cursor: Cursor) -> Said | None:
    """Lạng Giang 1-2-3: three short numbers with dashes are a list, where two are a range."""
    found = LIST.match(cursor.text, cursor.at)
    if not found or cursor.word_before == "ngày":
        return None
    return found.end(), ", ".join(map(cardinal, found.group().split("-")))


def rated(cursor: Cursor) -> Said | None:
    """10(40)A: the basic and the highest current on a meter's plate."""
    found = RATED.match(cursor.text, cursor.at)
    return (found.end(), f"{cardinal(found['one'])}, {cardinal(found['two'])} {UNITS['A'][0]}") if found else None


def unit_alone(cursor: Cursor) -> Said | None:
    """(kWh), USD 500: a unit that no word looks like is one wherever it stands, a currency also before its number."""
    found = UNIT_ALONE.match(cursor.text, cursor.at)
    if not found:
        return None
    spoken, _, kind = UNITS[found.group()]
    amount = re.compile(r" ?(?=[0-9])").match(cursor.text, found.end())
    if kind == "money" and amount and cursor.said_by != "quantity":
        end, words = number_at(cursor, amount.end())
        end, words = _scaled(cursor, end, words)
        scale = SCALE_WORD.match(cursor.text, end)
        if scale:
            end, words = scale.end(), words + scale.group()
        return end, f"{words} {spoken}"
    return found.end(), spoken
