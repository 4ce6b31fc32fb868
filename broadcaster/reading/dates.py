"""Days, months, quarters and years, and ranges and lists of them. Day before month, as written in Vietnam."""

import re

from broadcaster.reading.characters import LETTER
from broadcaster.reading.cursor import Cursor, Said
from broadcaster.reading.numerals import cardinal
from broadcaster.reading.words import CONTEXT

NO_MORE = rf"(?![0-9{LETTER}])(?![.,/][0-9])(?!/[{LETTER}]{{2}})(?! ?%)"
DAY, MONTH = r"(?P<day>0?[1-9]|[12][0-9]|3[01])", r"(?P<month>0?[1-9]|1[0-2])"
FULL = re.compile(rf"{DAY} ?(?P<sep>[/.-]) ?{MONTH} ?(?P=sep) ?(?P<year>[12][0-9]{{3}}){NO_MORE}")
SHORT_YEAR = re.compile(rf"{DAY}/{MONTH}/(?P<year>[0-9]{{2}}){NO_MORE}")
ISO = re.compile(rf"(?P<year>[12][0-9]{{3}})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12][0-9]|3[01]){NO_MORE}")
DAYS = re.compile(
    r"(?P<days>(?:0?[1-9]|[12][0-9]|3[01])(?: ?(?:-|,|;|&|và|đến) ?(?:0?[1-9]|[12][0-9]|3[01])){1,9})"
    rf" ?/ ?{MONTH}(?:/(?P<year>[12][0-9]{{3}}))?{NO_MORE}"
)
DAYS_OF_MONTH = re.compile(
    r"(?P<days>(?:0?[1-9]|[12][0-9]|3[01]) ?- ?(?:0?[1-9]|[12][0-9]|3[01])) (?P<month>)(?P<year>)(?=tháng|THÁNG|Tháng)"
)
DAY_MONTH = re.compile(rf"{DAY}/{MONTH}{NO_MORE}(?!-[0-9]{{1,4}}(?![0-9/]))")
DASHED = re.compile(rf"{DAY}(?P<sep>[.-]){MONTH}{NO_MORE}(?!-[0-9])")
MONTH_YEAR = re.compile(
    rf"(?:(?P<first>0?[1-9]|1[0-2])(?P<gap> ?- ?|, ?))?{MONTH} ?[/-] ?(?P<year>[12][0-9]{{3}}){NO_MORE}"
)
DAYS_LISTED = re.compile(r"(?:ngày|mùng|mồng)(?: ?[0-9]{1,2} ?(?:,|;|và|-|đến|&|hoặc) ?){1,9}$")
WEEKDAY = re.compile(r"T(?P<day>[2-7])(?![0-9/A-Za-z])(?P<more>(?: ?-| đến|,| và) ?(?:T[2-7](?![0-9])|CN))?")
SHORT_MONTH = re.compile(rf"T{MONTH} ?[/-] ?(?P<year>20[0-9]{{2}})(?![0-9])")
AFTER_WEEKDAY = re.compile(r" (?:hàng|hằng) tuần|, ?ngày [0-9]| (?:và|&) (?:CN|chủ nhật)")
LUNAR_AHEAD = re.compile(
    rf",? (?:âm lịch|dương lịch|ÂL(?![{LETTER}])|năm (?:Giáp|Ất|Bính|Đinh|Mậu|Kỷ|Canh|Tân|Nhâm|Quý) [{LETTER}])"
)
DAY_PARTS = frozenset({"sáng", "trưa", "chiều", "tối", "đêm", "từ", "đến", "ngày", "và"})
PART = re.compile(r"[0-9]+|[^0-9 ]+")
NEXT_WORD = re.compile(rf" ?([{LETTER}]+)")
HOLIDAYS = frozenset(
    [
        "1/1",
        "3/2",
        "9/2",
        "14/2",
        "27/2",
        "8/3",
        "26/3",
        "30/4",
        "1/5",
        "7/5",
        "15/5",
        "19/5",
        "1/6",
        "5/6",
        "21/6",
        "28/6",
        "27/7",
        "19/8",
        "2/9",
        "10/10",
        "13/10",
        "20/10",
        "9/11",
        "20/11",
        "22/12",
        "24/12",
        "25/12",
    ]
)
LINK_WORDS = {"-": "đến", "&": "và"}


def month(figures: str) -> str:
    """The name of a month after "tháng"; the fourth is "tư"."""
    return "tư" if int(figures) == 4 else cardinal(figures)


def year(figures: str | None) -> str:
    """ " năm ..." for a year of four figures or of two (this century), "" for none."""
    return f" năm {cardinal('20' + figures if len(figures) == 2 else figures)}" if figures else ""


def _day(cursor: Cursor, figures: str) -> str:
    """A day with the word that announces it, unless the text has it: never "ngày ngày"."""
    if cursor.word_before in CONTEXT["day"] or cursor.before[-3:] == ("ngày", "và", "đêm"):
        return cardinal(figures)
    before = cursor.before[-3:]  # từ 18 đến 20/12
    is_end_of_range = len(before) == 3 and before[0] == "từ" and before[1].isdecimal() and before[2] in {"đến", "tới"}
    if is_end_of_range or cursor.word_before in CONTEXT["named after a date"]:
        return cardinal(figures)
    if cursor.is_after("holiday", 4) or DAYS_LISTED.search(cursor.left):
        return ("mùng " if int(figures) <= 10 else "") + cardinal(figures)
    return "ngày " + cardinal(figures)


def full_date(cursor: Cursor) -> Said | None:
    """31/12/2025, 31-12-2025, 31.12.2025, 31/12/25, 2025-12-31."""
    text, at = cursor.text, cursor.at
    found = FULL.match(text, at) or SHORT_YEAR.match(text, at) or ISO.match(text, at)
    if not found:
        return None
    return found.end(), f"{_day(cursor, found['day'])} tháng {month(found['month'])}{year(found['year'])}"


def days_of_month(cursor: Cursor) -> Said | None:
    """10-15/12, 20, 21 và 22/11/2026, 5-7 tháng 12."""
    found = DAYS.match(cursor.text, cursor.at)
    has_day_word = cursor.word_before in CONTEXT["day"]
    if not found and has_day_word:
        found = DAYS_OF_MONTH.match(cursor.text, cursor.at)
    if not found or ("-" not in found["days"] and not has_day_word) or cursor.governor == "thứ":
        return None
    days = PART.findall(found["days"])
    ranges = [(days[i - 1], days[i + 1]) for i, part in enumerate(days) if part == "-"]
    if any(int(first) >= int(last) for first, last in ranges):
        return None
    words = [_day(cursor, days[0])]
    for link, day in zip(days[1::2], days[2::2], strict=True):
        if link in ",;":
            words[-1] += link
            words.append(cardinal(day))
        else:
            words.append(f"{LINK_WORDS.get(link, link)} {'ngày ' if link == '-' else ''}{cardinal(day)}")
    tail = f" tháng {month(found['month'])}{year(found['year'])}" if found["month"] else " "
    return found.end(), " ".join(words) + tail.rstrip()


def is_lunar(cursor: Cursor, end: int) -> bool:
    """Whether what ends there can only be a date, of the lunar calendar: 10/3 âm lịch, giỗ Tổ 10/3."""
    return LUNAR_AHEAD.match(cursor.text, end) is not None or cursor.before[-2:] == ("giỗ", "tổ")


def _is_fraction(cursor: Cursor, day: int, month_: int, end: int) -> bool:
    """Whether "2/3" is two thirds rather than the second of March; words beside it decide, then its size."""
    following = NEXT_WORD.match(cursor.text, end)
    word = following[1].lower() if following else ""
    if is_lunar(cursor, end):
        return False
    if cursor.word_before in CONTEXT["slashed"]:
        return True
    if cursor.token.startswith("0") or cursor.word_before in CONTEXT["date"] or cursor.is_after("holiday", 2):
        return False
    if cursor.text.startswith("24/7", cursor.at):
        return True
    if cursor.word_before.isdecimal():
        return False
    if word in CONTEXT["part"] or word in CONTEXT["count"] or word in CONTEXT["counted"]:
        return day <= month_
    if cursor.is_after("share") or cursor.word_before == "lệ":
        return day <= month_
    return day < month_ <= 5 and f"{day}/{month_}" not in HOLIDAYS


def _is_holiday(cursor: Cursor, found: re.Match[str]) -> bool:
    return cursor.is_after("holiday", 5) and f"{int(found['day'])}/{int(found['month'])}" in HOLIDAYS


def day_and_month(cursor: Cursor) -> Said | None:
    """20/11, and with the word "ngày" or a holiday before it also 20-11 and 20.11."""
    found = DAY_MONTH.match(cursor.text, cursor.at)
    if found and _is_fraction(cursor, int(found["day"]), int(found["month"]), found.end()):
        return None
    if not found:
        found = DASHED.match(cursor.text, cursor.at)
        is_due = cursor.word_before == "ngày" or cursor.continues("date")
        if found and not is_due and not _is_holiday(cursor, found):
            return None
    if not found:
        return None
    return found.end(), f"{_day(cursor, found['day'])} tháng {month(found['month'])}"


def weekday(cursor: Cursor) -> Said | None:
    """T2-T6, sáng T7: days of the week in short, where a range or a part of the day shows that they are meant."""
    found = WEEKDAY.match(cursor.text, cursor.at)
    if not found or not (
        found["more"]
        or cursor.said_by in {"weekday", "dash"}
        or cursor.word_before in DAY_PARTS
        or _is_weekday_here(cursor)
    ):
        return None
    return cursor.at + 2, "thứ " + ("tư" if found["day"] == "4" else cardinal(found["day"]))


def _is_weekday_here(cursor: Cursor) -> bool:
    """kể cả T7, trực T7, T5 hàng tuần, T5, ngày 18/6."""
    is_after = cursor.word_before in {"cả", "trực", "trừ", "nghỉ", "dân"}
    return is_after or AFTER_WEEKDAY.match(cursor.text, cursor.at + 2) is not None


def short_month(cursor: Cursor) -> Said | None:
    """T11/2026."""
    found = SHORT_MONTH.match(cursor.text, cursor.at)
    if not found:
        return None
    return found.end(), f"tháng {month(found['month'])}{year(found['year'])}"


def month_and_year(cursor: Cursor) -> Said | None:
    """11/2026, 3-5/2026, and quarters: quý 4/2026."""
    found = MONTH_YEAR.match(cursor.text, cursor.at)
    if not found or (cursor.is_after("paper", 2) and cursor.word_before != "tháng"):
        return None
    first, last = found["first"], found["month"]
    if cursor.governor in {"quý", "kỳ", "đợt"} and cursor.word_before in {"quý", "kỳ", "đợt"}:
        words = (cardinal(first) + " đến " if first else "") + cardinal(last)
        return found.end(), words + year(found["year"])
    is_list = bool(first) and "," in found["gap"]
    if first and (int(first) >= int(last) or (is_list and cursor.word_before != "tháng")):
        return None
    head = "" if cursor.word_before in {"tháng", "số"} else "tháng "  # the number of a paper that comes out monthly
    words = f"{month(first)}{',' if is_list else ' đến'} tháng {month(last)}" if first else month(last)
    return found.end(), head + words + year(found["year"])
