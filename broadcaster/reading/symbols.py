"""Marks between words and numbers: dashes of ranges, slashes, signs; a sign that no rule says is a problem."""

import re

from broadcaster.reading.characters import LETTER
from broadcaster.reading.cursor import NEARBY, Cursor, Said
from broadcaster.reading.numerals import digits
from broadcaster.reading.quantities import UNIT_AFTER_SLASH
from broadcaster.reading.words import CONTEXT, SYMBOLS, UNITS

NUMERIC_STEPS = frozenset({"quantity", "date", "time", "roman", "fraction", "letter number", "weekday"})
REPEATED = frozenset({"thứ", "tháng", "quý", "ngày"})
BULLETS = "•▪●◦■□○►➢➤✓✔❖◆♦⁃∙·*+"
FIGURE_WITH_WORD = re.compile(rf"[0-9.,]+ ?[{LETTER}]")
FIGURE_AHEAD = re.compile(r" ?(?=[0-9])")
DASH_TO_WORD = re.compile(rf"- ?([{LETTER}]+)")
DASH_TO_FIGURE = re.compile(rf"- ?(?P<figure>[0-9]{{1,6}}) ?(?P<word>[{LETTER}]+)")
DASH_TO_WEEKDAY = re.compile(r"- ?(?:T[2-7]|CN)(?![0-9A-Za-z])")
DASH_TO_ROMAN = re.compile(r"- ?[IVX]+(?![A-Za-z])")
MINUS = re.compile(r"-(?=[0-9])")
DEGREES = re.compile(r"-[0-9,.]+ ?(?:°|độ|oC)")
COUNTED_BEFORE = re.compile(
    rf"[0-9][%đ₫]? ?(?:[{LETTER}]+[ /]?){{1,3}}$|(?:lần|viên|gói|thìa|buổi|suất|đồng|triệu|nghìn)$"
)
PAID = re.compile(r"(?:đ|₫|đồng|VNĐ|VND|%|USD|[$€k]|tr|triệu)$", re.IGNORECASE)
CODE_AHEAD = re.compile(r"[A-Z]+[0-9]")
WORD_BEFORE = re.compile(rf"[{LETTER}] ([{LETTER}]+) $")
NAME_AHEAD = re.compile(r"[0-9A-ZĐ]")
LIST_NUMBER = re.compile(r"(?:^|[\s(])[0-9]{1,2}$")
AGE_AHEAD = re.compile(r" ?[0-9]{1,3} (?:tuổi|tháng tuổi|tuần tuổi)")
USSD = re.compile(r"\*[0-9*]{2,20}#")
TIMES = re.compile(r"[xX×](?= ?[0-9])")


def ussd(cursor: Cursor) -> Said | None:
    """*101#: a code typed on a telephone."""
    found = USSD.match(cursor.text, cursor.at)
    if not found:
        return None
    return found.end(), " ".join({"*": "sao", "#": "thăng"}.get(c) or digits(c) for c in found.group())


def bullet(cursor: Cursor) -> Said | None:
    """The sign that opens an item of a list is layout: a dash keeps the place, and the line break the pause."""
    mark = cursor.text[cursor.at]
    is_opening = cursor.is_line_start() and cursor.text[cursor.at + 1 : cursor.at + 2] in {" ", ""}
    if mark not in BULLETS or (mark in "*+" and not is_opening):
        return None
    return cursor.at + 1, "-"


def dash(cursor: Cursor) -> Said | None:
    """A dash (or the ÷ of engineers) between two of a kind is "đến"; glued before a lone number it is "âm"."""
    if cursor.gap in {"", " "} and cursor.said_by in NUMERIC_STEPS:
        said = _until(cursor)
        if said:
            return said
    if cursor.said_by and cursor.said_to == cursor.at and NAME_AHEAD.match(cursor.text, cursor.at + 1):
        return cursor.at + 1, ", "
    unit = DASH_TO_FIGURE.match(cursor.text, cursor.at)
    if unit and cursor.said_by in NUMERIC_STEPS and cursor.word_before == unit["word"].lower() and len(cursor.gap) < 12:
        return unit.start("figure"), "đến"
    return _minus(cursor)


def _until(cursor: Cursor) -> Said | None:
    """The dash right after a number, when a number or the same word goes on: 5-7, thứ 2-thứ 6, quý I-II, T2-CN."""
    text, at = cursor.text, cursor.at
    figure = FIGURE_AHEAD.match(text, at + 1)
    if figure:
        # "Thôn 3 - 25 hộ" and "Kép 2 - 250kVA" name a place and then count; "cấp 3 - 4" is a range.
        is_label = cursor.said_by == "quantity" and (
            cursor.governor_of_said in CONTEXT["name"] or _is_after_name(cursor)
        )
        if cursor.gap == " " and is_label and FIGURE_WITH_WORD.match(text, figure.end()):
            return None
        return (figure.end(), "đến" + _repeated(cursor)) if _is_of_one_kind(cursor, figure.end()) else None
    if cursor.said_by == "weekday" and DASH_TO_WEEKDAY.match(text, at):
        return at + 1, "đến"
    if cursor.said_by == "roman" and DASH_TO_ROMAN.match(text, at):
        return at + 1, "đến" + _repeated(cursor)
    word = DASH_TO_WORD.match(text, at)
    if word and cursor.governor_of_said == word[1].lower():
        return word.start(1), "đến"
    return None


def _is_after_name(cursor: Cursor) -> bool:
    """Whether the number said last follows a proper name: a capital inside a sentence, and not an abbreviation."""
    found = WORD_BEFORE.search(cursor.text[max(0, cursor.said_from - NEARBY) : cursor.said_from])
    return found is not None and found[1][0].isupper() and not found[1].isupper()


def _is_of_one_kind(cursor: Cursor, figure: int) -> bool:
    """Whether the number at `figure` can end a range: "560kVA-35kV" lists two values, "65kg-70kg" is a range."""
    first = cursor.text[cursor.said_from : cursor.said_to]
    unit = first.lstrip("0123456789., ").lower()
    if cursor.said_by == "letter number":
        return False
    if cursor.said_by != "quantity" or not unit or PAID.search(first):
        return True
    return cursor.text[figure : figure + 24].lstrip("0123456789., ").lower().startswith(unit)


def _repeated(cursor: Cursor) -> str:
    """The word before the first number, where it is said again: "thứ 2-6" is "thứ hai đến thứ sáu"."""
    governor = cursor.governor_of_said
    is_repeated = cursor.said_by in {"quantity", "roman"} and governor in REPEATED
    return f" {governor}" if is_repeated else ""


def _minus(cursor: Cursor) -> Said | None:
    text, at = cursor.text, cursor.at
    if not MINUS.match(text, at) or (at and text[at - 1] not in " (\n:<>=≤≥"):
        return None
    if cursor.is_line_start() and not DEGREES.match(text, at):
        return None
    return at + 1, "âm"


def slash(cursor: Cursor) -> Said | None:
    """Per: "một" for things counted or paid for, "trên" between units of measure; a pause between mere words."""
    text, at = cursor.text, cursor.at
    if text[at] != "/":
        return None
    following = re.match(rf" ?([{LETTER}]+|[0-9])?", text[at + 1 : at + 24])
    word = following[1] if following and following[1] else ""
    end = at + 1
    if not word:
        return end, "xuyệt"
    if word[0].isdecimal():
        return end, "trên" if cursor.said_to == at else "xuyệt"
    if CODE_AHEAD.match(text, end):
        return end, ", "
    if (
        LIST_NUMBER.search(text[max(0, at - 4) : at])
        and (text[end] == " " or _opens_line(text, at))
        and word[0].isupper()
    ):
        return end, "," if text[end] == " " else ", "
    is_after_number = cursor.said_to == at and cursor.said_by in {"quantity", "unit", "slash"}
    unit = UNIT_AFTER_SLASH.match(text, end)
    if unit and unit.group() not in {"đ", "đồng", "T"}:
        is_paid = PAID.search(text[max(0, at - 12) : at]) is not None
        link = "một" if is_paid else "trên" if is_after_number else "trên một"
        return unit.end(), f"{link} {UNITS[unit.group()][0]}"
    return end, "một" if is_after_number or COUNTED_BEFORE.search(cursor.left) else "," if text[end] == " " else ", "


def _opens_line(text: str, at: int) -> bool:
    """Whether only a number of one or two figures stands between the start of the line and `at`."""
    line = text.rfind("\n", max(0, at - NEARBY), at) + 1
    return text[line or max(0, at - NEARBY) : at].strip(" ").isdecimal()


def ratio(cursor: Cursor) -> Said | None:
    """1:500, a colon between figures that are no time; a comma that is no decimal one is a pause."""
    return cursor.at + 1, "trên" if cursor.text[cursor.at] == ":" else ", "


def sign(cursor: Cursor) -> Said | None:
    """A sign of the table; comparison signs only before a number, where they compare."""
    mark = cursor.text[cursor.at]
    if mark in "<>":
        if not re.match(r"=? ?-?[0-9]", cursor.text[cursor.at + 1 : cursor.at + 4]):
            return None
        if AGE_AHEAD.match(cursor.text, cursor.at + 1):
            return cursor.at + 1, "dưới" if mark == "<" else "trên"
        is_equal = cursor.text[cursor.at + 1] == "="
        words = "nhỏ hơn" if mark == "<" else "lớn hơn"
        return cursor.at + 1 + is_equal, words + (" hoặc bằng" if is_equal else "")
    spoken = SYMBOLS.get(mark)
    return (cursor.at + 1, spoken) if spoken else None


def times(cursor: Cursor) -> Said | None:
    """3x4, 2 x 1,5: an x between numbers is "nhân"."""
    found = TIMES.match(cursor.text, cursor.at)
    if not found or cursor.said_by != "quantity" or cursor.gap not in {"", " "}:
        return None
    return found.end(), "nhân"
