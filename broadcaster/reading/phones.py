"""Hotlines, telephones, emergency and short numbers: digit by digit, a pause between groups."""

import re
from itertools import pairwise

from broadcaster.reading.characters import LETTER
from broadcaster.reading.cursor import Cursor, Said
from broadcaster.reading.numerals import digits
from broadcaster.reading.words import CONTEXT, spell

END = rf"(?![0-9])(?![.,-][0-9])(?![{LETTER}])"
GROUPED = re.compile(
    r"\(?[ ]?(?P<plus>\+|00(?=84))?[ ]?(?P<first>[0-9]{1,5})[ ]?\)?(?:[ .-]{0,3}\(?[0-9]{1,11}\)?){0,6}"
)
SERVICE = re.compile(rf"1[89]00(?:[ .-]?[0-9]{{4,6}}|(?:[ .-][0-9]{{2,4}}){{2,3}}){END}")
YEARS = re.compile(r"1[89]00-(?:1[89]|20)[0-9]{2}")
MASKED = re.compile(
    rf"(?P<head>1[89]00|0[0-9]{{2,4}})[ .-]?(?P<rest>[xX]{{2,7}}|[*]{{2,7}})(?:[ .-]?(?P<tail>[0-9]{{2,4}}))?{END}"
)
ANY = re.compile(rf"[0-9]{{1,15}}(?:[ .-][0-9]{{2,6}}){{0,5}}(?![0-9])(?![{LETTER}])")
HELPERS = {("công", "an"), ("cấp", "cứu"), ("cứu", "hỏa"), ("cứu", "hoả"), ("cứu", "nạn"), ("trẻ", "em")}
CALLED = HELPERS | {("máy", "lẻ"), ("máy", "nhánh")}
MORE_TO_CALL = re.compile(r"/(?:11[1-5]|[0-9]{6,11})(?![0-9])")
BENGALI_NUMBER = re.compile(r" ?নম্বর")
AMOUNT = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
RUN = re.compile(r"[0-9]+")
MORE = re.compile(r"[ .-]?[0-9]")
MOBILE = frozenset({"03", "05", "07", "08", "09"})
EMERGENCY = frozenset({"111", "112", "113", "114", "115"})
"""Child protection, rescue, police, fire and ambulance, by the national numbering plan (Circular 22/2014/TT-BTTTT)."""
FOLLOWING = re.compile(rf" ?([{LETTER}%₫$€°]+)")


def spelled(number: str) -> str:
    """A telephone number for an engine of another language, which would count it: digits of any script, set apart."""
    plus = "+ " if number.startswith("+") else ""
    return plus + ", ".join(map(" ".join, _parted(re.findall(r"\d+", number))))


def _grouped(figures: list[str]) -> str:
    return ", ".join(map(digits, _parted(figures)))


def _parted(figures: list[str]) -> list[str]:
    """Groups as written; a single long one is parted as people say it: 4-4 for 1900, else 4-3-3."""
    if len(figures) == 1 and len(figures[0]) in {8, 10, 11}:
        run = figures[0]
        return [run[:4], run[4:]] if len(run) == 8 else [run[:-6], run[-6:-3], run[-3:]]
    return figures


def _is_counting(cursor: Cursor, end: int) -> bool:
    """Whether the word after the figures counts with them: "300 khách hàng", "50 triệu"."""
    following = FOLLOWING.match(cursor.text, end)
    return following is not None and (following[1].lower() in CONTEXT["counted"] or following[1][0] in "%₫$€°")


def _is_whole(groups: list[str], total: int, rest: str, *, is_foreign: bool) -> bool:
    """Whether groups of `total` digits make a number of the national plan, given what follows them.

    Mobile numbers have 10 digits, others 10 or 11 with the area code; with +84 the leading zero is missing.
    """
    if is_foreign:
        return 9 <= total <= 13 and (total > 10 or not MORE.match(rest))
    if groups[0][:2] in MOBILE:
        return total == 10
    return total == 11 or (total == 10 and not MORE.match(rest))


def telephone(cursor: Cursor) -> Said | None:
    """A whole telephone number by its shape: 0912.345.678, (0204) 3.854.201, +84 912 345 678."""
    found = GROUPED.match(cursor.text, cursor.at) if cursor.text[cursor.at] in "0+(" else None
    if not found or not (found["plus"] or found["first"].startswith("0")):
        return None
    number, groups, total = found.group(), [], 0
    for group in RUN.finditer(number, len("00") if found["plus"] == "00" else 0):
        groups.append(group.group())
        total += len(groups[-1])
        if not _is_whole(groups, total, number[group.end() :], is_foreign=found["plus"] is not None):
            continue
        end = group.end()
        end += number[end : end + 1] == ")" and number[:end].count("(") > number[:end].count(")")
        if cursor.text[cursor.at + end : cursor.at + end + 1].isalnum():
            return None
        prefix = {"+": "cộng ", "00": "không không "}.get(found["plus"], "")
        return cursor.at + end, prefix + _grouped(groups)
    return None


def service_number(cursor: Cursor) -> Said | None:
    """1900 6769, 1800.1091, 1900.292900: a number of these shapes is a service, whatever stands before it but years.

    So is one of which a part is hidden: 0388xxx456.
    """
    if cursor.text[cursor.at] not in "01":
        return None
    masked = MASKED.match(cursor.text, cursor.at)
    if masked:
        hidden = spell(masked["rest"]) or " ".join("sao" for _ in masked["rest"])
        tail = f", {digits(masked['tail'])}" if masked["tail"] else ""
        return masked.end(), f"{digits(masked['head'])}, {hidden}{tail}"
    found = SERVICE.match(cursor.text, cursor.at)
    if found and YEARS.fullmatch(found.group()) and not cursor.is_after("firm call", 4):
        return None
    if not found or cursor.word_before in {"năm", "đoạn"} or _is_counting(cursor, found.end()):
        return None
    return found.end(), _grouped(RUN.findall(found.group()))


def called_number(cursor: Cursor) -> Said | None:
    """Figures after a word of calling, and further ones in its list: gọi 113, 114 hoặc 115; gửi 8055; đầu số 024."""
    found = ANY.match(cursor.text, cursor.at)
    if not found or found.end() - cursor.at < 3:
        return None
    if _slash_ahead(cursor.text, found.end()) and not MORE_TO_CALL.match(cursor.text, found.end()):
        return None  # a date or a paper
    figures = RUN.findall(found.group())
    has_plus = cursor.text[max(0, cursor.at - 1) : cursor.at] == "+"
    is_listed = cursor.continues("phone") or (has_plus and (figures[0].startswith("84") or "đầu" in cursor.before))
    total = sum(map(len, figures))
    is_called = is_listed or BENGALI_NUMBER.match(cursor.text, found.end()) or _is_called(cursor, found.group(), total)
    if total < 3 or not is_called or _is_counting(cursor, found.end()):
        return None
    return found.end(), _grouped(figures)


def next_number(cursor: Cursor) -> Said | None:
    """The slash of 113/114/115 and of 0912 345 678/0204 3854 201, after a number to call."""
    if cursor.said_by != "phone" or cursor.said_to != cursor.at:
        return None
    if MORE_TO_CALL.match(cursor.text, cursor.at):
        return cursor.end, ", "
    return (cursor.end, " hoặc ") if cursor.text[cursor.end : cursor.end + 1] in {"0", "1", "+"} else None


def _slash_ahead(text: str, at: int) -> bool:
    return text[at : at + 1] == "/" and text[at + 1 : at + 2].isdecimal()


def _is_called(cursor: Cursor, number: str, total: int) -> bool:
    """Whether the words before announce a number to call, with nothing but linking words in between."""
    before = cursor.before
    if not before or before[-1] in CONTEXT["amount word"]:
        return False
    is_short = number in EMERGENCY
    if before[-2:] in CALLED or ("đầu", "số") in pairwise(before[-7:]):
        return is_short or before[-2:] not in HELPERS
    if before[-1] == "số":
        return before[-2:] == ("đầu", "số") or _is_called_after_so(cursor, number, total)
    if before[-1] not in CONTEXT["call link"] and before[-1] not in CONTEXT["call"]:
        return is_short and not {"đài", "nóng"}.isdisjoint(before)
    announcing = CONTEXT["call"] if is_short else CONTEXT["firm call"]
    for word in reversed(before[-6:]):
        if word in announcing:
            return True
        if word not in CONTEXT["call link"]:
            return False
    return is_short


def _is_called_after_so(cursor: Cursor, number: str, total: int) -> bool:
    """The word "số" announces a number to call, a paper, a house or an amount; the words before it decide."""
    before = cursor.before
    holder = before[-2] if len(before) > 1 else ""
    if holder in CONTEXT["paper"] or holder in CONTEXT["no number"]:
        return False
    if number in EMERGENCY or not CONTEXT["firm call"].isdisjoint(before[-6:-1]):
        return True
    is_for_calling = holder in CONTEXT["call link"] or holder in CONTEXT["call"] or holder in CONTEXT["number holder"]
    return total >= 4 and (not holder or is_for_calling) and not AMOUNT.fullmatch(number)
