"""Times of day and lengths in hours: 17h30, 17g30, 17:30, 7 giờ 30, 24h."""

import re

from broadcaster.reading.characters import LETTER
from broadcaster.reading.cursor import Cursor, Said
from broadcaster.reading.numerals import cardinal

MARK = rf"(?P<mark> ?(?:'|ph?(?![{LETTER}])| phút))?+"
MINUTES = rf"(?P<minute>[0-9]{{1,2}})(?![0-9])(?![.,:/][0-9])(?! ?%){MARK}(?![{LETTER}0-9])"
# "8h 20 hộ" is eight o'clock and twenty households: minutes after a space must be followed by what follows a time.
SPACED = (
    r"(?P<spaced>[0-5]?[0-9])(?![.,:/-][0-9])"
    r"(?:(?P<spaced_mark> ?(?:'|phút|PHÚT))|(?=[,.;:)\n-]|$| -| (?:sáng|trưa|chiều|tối|đêm|ngày|đến|tới|tại|NGÀY|ĐẾN)))"
)
HOUR = re.compile(
    rf"(?P<hour>[0-9]{{1,3}}) ?(?:[hH](?:\.(?=[0-9]{{2}}))?|[gG](?=[0-9]))(?:{MINUTES}| {SPACED}|(?![{LETTER}0-9]))"
    rf"|(?P<said_hour>[0-9]{{1,2}}) (?:giờ|GIỜ) (?P<said_minute>{SPACED.replace('spaced', 'said')})"
)
CLOCK = re.compile(
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?+(?![0-9:])(?! ?%)"
    r"(?P<mark> ?[hH](?![A-Za-z]))?+"
)
DOTTED = re.compile(r"(?P<hour>[01]?[0-9]|2[0-4])\.(?P<minute>[0-5][0-9])(?![0-9])(?![.,][0-9])")
QUARTERS = frozenset({"00", "15", "30", "45"})
DOTTED_BEFORE = re.compile(r"(?:lúc|hồi|từ|sáng|chiều|tối)[: ]{1,2}[0-9]{1,2}\.[0-9]{2} ?- ?$")
AFTER_TIME = re.compile(r" ?(?:[-,;.)\n]|$)| (?:đến|tới|ngày|sáng|trưa|chiều|tối|đêm|thứ|hàng|các|tại|ở|hôm)(?!\w)")
GRAM_HOUR = re.compile(rf"(?P<hour>[0-9]{{1,2}})[gG](?![{LETTER}0-9])")
RANGE_BEFORE = re.compile(r"(?:sáng|trưa|chiều|tối|đêm|từ|lúc)[: ]{1,2}[0-9]{1,2}g(?:[0-9]{2})? ?- ?$")
TIME_WORDS = frozenset(
    {
        "sáng",
        "trưa",
        "chiều",
        "tối",
        "đêm",
        "lúc",
        "từ",
        "khoảng",
        "đến",
        "tới",
        "trước",
        "sau",
        "đúng",
        "hồi",
        "vào",
        "hơn",
    }
)
PARTS_OF_DAY = re.compile(r" (?:sáng|trưa|chiều|tối|đêm|ngày|hôm|thứ|SÁNG|TRƯA|CHIỀU|TỐI|ĐÊM|NGÀY)")


def _minutes(minute: str | None, mark: str | None, second: str | None = None) -> str:
    """What follows "giờ"; a full hour says no minutes, and a single figure needs "phút" to be understood."""
    if second and int(second):
        return f" {cardinal(minute or '0')} phút {cardinal(second)} giây"
    if not minute or int(minute) == 0:
        return ""
    is_unit_said = bool(mark and not mark.strip().lower().startswith("h")) or int(minute) < 10
    return f" {cardinal(minute)}{' phút' if is_unit_said else ''}"


def hour(cursor: Cursor) -> Said | None:
    """17h30, 17g30, 7 h 30', 24h. An "h" after up to three figures is an hour, also a number of hours (48h, 100h)."""
    found = HOUR.match(cursor.text, cursor.at)
    if not found:
        return None
    hour_, minute = found["hour"] or found["said_hour"], found["minute"] or found["spaced"] or found["said"]
    mark = found["mark"] or found["spaced_mark"] or found["said_mark"]
    if minute and (int(minute) > 59 or int(hour_) > 24):
        return None
    return found.end(), f"{cardinal(hour_)} giờ{_minutes(minute, mark)}"


def clock(cursor: Cursor) -> Said | None:
    """17:30 and 17:30:15."""
    found = CLOCK.match(cursor.text, cursor.at)
    if not found or int(found["hour"]) > 24 or cursor.governor in {"lệ", "số", "kinh"}:
        return None
    return found.end(), f"{cardinal(found['hour'])} giờ{_minutes(found['minute'], found['mark'], found['second'])}"


def dotted(cursor: Cursor) -> Said | None:
    """17.30 after a word of time or before a part of the day, where it cannot be a measure."""
    found = DOTTED.match(cursor.text, cursor.at)
    if not found:
        return None
    is_due = cursor.word_before in {"lúc", "hồi"} or PARTS_OF_DAY.match(cursor.text, found.end()) is not None
    is_range = found["minute"] in QUARTERS and (
        cursor.word_before in {"từ", "đến", "tới"} or DOTTED_BEFORE.search(cursor.left) is not None
    )
    if not is_due and not (is_range and AFTER_TIME.match(cursor.text, found.end())):
        return None
    return found.end(), f"{cardinal(found['hour'])} giờ{_minutes(found['minute'], None)}"


def gram_or_hour(cursor: Cursor) -> Said | None:
    """6g is six o'clock beside words of time, and six grams elsewhere."""
    found = GRAM_HOUR.match(cursor.text, cursor.at)
    if not found or int(found["hour"]) > 24 or found.group().endswith("G"):
        return None
    is_due = cursor.word_before in TIME_WORDS or RANGE_BEFORE.search(cursor.left) is not None
    if not is_due and not PARTS_OF_DAY.match(cursor.text, found.end()):
        return None
    return found.end(), cardinal(found["hour"]) + " giờ"
