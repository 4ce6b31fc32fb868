"""Papers (15/TB-UBND), codes said character by character, mixed names (A4, H5N1) and Roman numerals."""

import re
import string

from broadcaster.reading.characters import LETTER
from broadcaster.reading.cursor import Cursor, Said
from broadcaster.reading.dates import is_lunar
from broadcaster.reading.numerals import cardinal, digits, fraction_digits, roman
from broadcaster.reading.quantities import is_measured
from broadcaster.reading.words import CONTEXT, ENTRIES, is_syllable, spell

CAPITALS = "A-ZĐƯ"
PAPER = re.compile(
    rf"(?P<number>[0-9]{{1,6}}[a-zA-Z]?)(?:/(?P<year>[0-9]{{4}}))?+"
    rf"(?P<marks>(?: ?/ ?|-(?=[{CAPITALS}&-]{{2,12}}/))[{CAPITALS}]{{2,10}}[0-9]{{0,3}}[a-zđ]?(?![{LETTER}])"
    rf"(?:[-/.&][{CAPITALS}]{{1,10}}[a-zđ]?[0-9]{{0,3}}(?![{LETTER}])){{0,5}}|/[{CAPITALS}]{{1,3}}[0-9]{{1,3}}(?![{LETTER}0-9]))"
)
PAPER_YEAR = re.compile(r"(?P<number>[0-9]{1,6})/(?P<year>(?:19|20)[0-9]{2})(?![0-9/])")
ORDINALS = {"1": "nhất", "4": "tư"}
MARK_PART = re.compile(rf"[/&]|[{LETTER}]+|[0-9]+")
ADDRESS = re.compile(rf"[0-9]{{1,4}}[A-Z]?(?:/[0-9]{{1,4}}[A-Z]?){{1,5}}(?![{LETTER}0-9]|[/.,-][0-9])")
ADDRESS_PART = re.compile(r"[0-9]+|[A-Z]|/")
CODE = re.compile(
    rf"[0-9{CAPITALS}]+[0-9A-Za-zĐđ]*(?:[./-][0-9A-ZĐ]+|(?<=[0-9]) [0-9]{{2,}}){{0,8}}(?![{LETTER}])(?![.,/-]?[0-9])"
)
PLATE = re.compile(
    r"[0-9]{2}[A-ZĐ]{1,2}[0-9]?[ -]{1,3}[0-9]{3}\.?[0-9]{2}(?![0-9])|[0-9]{2}[A-ZĐ][0-9]?[ -][0-9]{4}(?![0-9])"
)
MIXED = re.compile(
    r"(?P<head>[A-Za-zĐđ]+)(?P<tail>[0-9][0-9A-Za-zĐđ]*)(?:\.(?P<decimal>[0-9]{1,2})(?![0-9]|\.[0-9])|,(?P<metres>[0-9]{1,2})m(?![A-Za-z0-9²³]))?"
)
NUMBERED = re.compile(
    rf"(?P<number>[0-9]{{1,4}})(?P<head>[A-ZĐ]{{1,2}}|[a-eđ](?![a-zđ]))(?P<tail>[0-9]{{0,3}})(?![{LETTER}0-9])"
    r"(?:\.(?P<decimal>[0-9]{1,2})(?![0-9]|\.[0-9]))?"
)
SPACED_LETTER = re.compile(rf"(?P<number>[0-9]{{1,3}}) (?P<head>[A-ZĐ])(?![{LETTER}0-9&])")
STANDARD = re.compile(r"(?P<number>[0-9]{1,5})(?:-(?P<part>[0-9]{1,2}))?:(?P<year>(?:19|20)[0-9]{2})(?![0-9])")
SWITCH = re.compile(r"[0-9]{3}-[0-9]{1,2}/[0-9]{1,3}(?![0-9/])")
SHAPES = {2: PLATE, 3: SWITCH}  # by the length of the first run of figures
RUNS = re.compile(r"[0-9]+|[^0-9]")
ROMAN_PART = re.compile(rf"[IVXLCDM]{{1,8}}(?![{LETTER}])|[ivxl]{{1,8}}(?![{LETTER}])")
ROMAN_AHEAD = re.compile(rf"(?:,| và| ?-) ?[IVX]{{2,4}}(?![{LETTER}])")
YEAR_AFTER = re.compile(r" ?[/-] ?((?:19|20)[0-9]{2})(?![0-9/])")
_LEAD = r"[\s:.\"“”'(]"
CODE_HEADS = re.compile(
    rf"\b(?:{'|'.join(sorted(CONTEXT['code head'], key=len, reverse=True))})"
    rf"(?:{_LEAD}+(?:{'|'.join(sorted(CONTEXT['code link'], key=len, reverse=True))})(?![{LETTER}]))*"
    rf"{_LEAD}*(?:[a-zđ]{{1,2}}[ -]?)?$"
)
COUNTED = re.compile(rf" ?(?:[%₫$€°]|(?:{'|'.join(sorted(CONTEXT['counted']))})(?![{LETTER}]))")
NUMBERED_BEFORE = frozenset({"quý", "tháng", "ngày", "năm", "chương", "kỳ", "đợt"})


def _marks(marks: str) -> str:
    words = []
    for part in MARK_PART.findall(marks):
        if part in {"TW", "TƯ"}:
            words.append("trung ương")
        elif part[0].isdecimal():
            words.append(cardinal(part))
        else:
            words.append({"/": "xuyệt", "&": "và"}.get(part) or spell(part))
    return " ".join(words)


def _paper_number(figures: str) -> str:
    """The number of a paper keeps its leading zero: 05/QĐ-UBND is "không năm"."""
    number = figures.rstrip(string.ascii_letters)
    letter = figures[len(number) :]
    words = digits(number) if number.startswith("0") else cardinal(number)
    return f"{words} {spell(letter)}" if letter else words


def paper(cursor: Cursor) -> Said | None:
    """15/TB-UBND, 49/2024/NĐ-CP, 57-NQ/TW; after the name of a paper also 100/2019."""
    found = PAPER.match(cursor.text, cursor.at)
    if found:
        middle = f" xuyệt {cardinal(found['year'])}" if found["year"] else ""
        return found.end(), f"{_paper_number(found['number'])}{middle} {_marks(found['marks'])}"
    found = PAPER_YEAR.match(cursor.text, cursor.at)
    if found and cursor.is_after("paper", 2) and cursor.word_before != "tháng":
        return found.end(), f"{_paper_number(found['number'])} xuyệt {cardinal(found['year'])}"
    return None


def address(cursor: Cursor) -> Said | None:
    """ngõ 12/5/3, số nhà 12A/5: after a word for a house or a lane, whatever date it looks like."""
    found = ADDRESS.match(cursor.text, cursor.at)
    if not found or cursor.word_before not in CONTEXT["slashed"] or is_lunar(cursor, found.end()):
        return None
    if cursor.word_before == "số" and found.group().count("/") == 1:
        return None  # a paper, as likely
    parts = ADDRESS_PART.findall(found.group())
    return found.end(), " ".join("xuyệt" if p == "/" else cardinal(p) if p.isdecimal() else spell(p) for p in parts)


def _is_in_code(cursor: Cursor) -> bool:
    if cursor.continues("code"):
        return True
    if cursor.word_before in NUMBERED_BEFORE:
        return False
    return cursor.is_after("code", 8) and CODE_HEADS.search(cursor.left) is not None


def _groups(code: str) -> str:
    """Character by character; a pause for a dot, dash or space, "xuyệt" for a slash."""
    parts = re.split(r"([ ./-]+)", code)
    words = [spell(part) if index % 2 == 0 else " xuyệt " if "/" in part else ", " for index, part in enumerate(parts)]
    return "".join(words).replace("  ", " ")


def code(cursor: Cursor) -> Said | None:
    """PA02GG0012345, 98A-123.45, 0100109106-001 after a word that announces a code."""
    shape = SHAPES.get(cursor.end - cursor.at)
    found = shape.match(cursor.text, cursor.at) if shape else None
    if found and not cursor.text[found.end() : found.end() + 1].isalpha():
        return found.end(), _groups(found.group())
    found = CODE.match(cursor.text, cursor.at)
    if not found or (cursor.token.isdecimal() and is_measured(cursor, cursor.end)):
        return None
    if not any(c.isdecimal() for c in found.group()) or not _is_in_code(cursor):
        return None
    text = found.group()
    is_counted = COUNTED.match(cursor.text, found.end())
    if is_counted or (text.isdecimal() and len(text) < 3 and not text.startswith("0")):
        return None
    return found.end(), _groups(text)


def plate(cursor: Cursor) -> Said | None:
    """29H-8888, xe 15H-123.45: no clock has 29 hours, nor figures of four after a dash."""
    found = PLATE.match(cursor.text, cursor.at)
    return (found.end(), _groups(found.group())) if found else None


def standard(cursor: Cursor) -> Said | None:
    """TCVN 8400-2:2023: the number, the part and the year of a standard."""
    found = STANDARD.match(cursor.text, cursor.at)
    if not found or not cursor.is_after("standard", 3):
        return None
    part = f" gạch {cardinal(found['part'])}" if found["part"] else ""
    return found.end(), f"{_paper_number(found['number'])}{part}, năm {cardinal(found['year'])}"


def _mixed_parts(code: str) -> str:
    """Letters spelled, short numbers as numbers; a long or zero-led number digit by digit."""
    parts = RUNS.findall(code)
    is_code = len(parts) > 4 and len(code) > 6
    said = [
        spell(part) if not part[0].isdecimal() or is_code or part.startswith("0") or len(part) > 2 else cardinal(part)
        for part in parts
    ]
    return " ".join(said)


def mixed(cursor: Cursor) -> Said | None:
    """A4, F0, H5N1, U23, PM2.5: capitals with figures right after them."""
    found = MIXED.match(cursor.text, cursor.at)
    if not found or cursor.text[found.end() : found.end() + 1].isalpha():
        return None
    head = found["head"]
    if len(head) > 1 and (not head.isupper() or (is_syllable(head.lower()) and len(head) > 3)):
        return None
    decimal = f" chấm {fraction_digits(found['decimal'])}" if found["decimal"] else ""
    decimal = f" phẩy {fraction_digits(found['metres'])} mét" if found["metres"] else decimal
    if head == "D" and cursor.word_before == "ống" and found["tail"].isdecimal():
        return found.end(), f"{spell(head)} {cardinal(found['tail'])}{decimal}"  # the diameter of a pipe
    return found.end(), _mixed_parts(head + found["tail"]) + decimal


def numbered_letter(cursor: Cursor) -> Said | None:
    """1A, 5B, 10C1, 4G: a number with the letter that tells it from its neighbours."""
    found = NUMBERED.match(cursor.text, cursor.at)
    if not found and cursor.is_after("letter"):
        found = SPACED_LETTER.match(cursor.text, cursor.at)
        return (found.end(), f"{cardinal(found['number'])} {spell(found['head'])}") if found else None
    if not found or is_measured(cursor, found.end("number")):
        return None
    number = found["number"]
    is_feeder = len(number) == 3 and cursor.word_before == "lộ"
    tail = f" {cardinal(found['tail'])}" if found["tail"] else ""
    tail += f" chấm {fraction_digits(found['decimal'])}" if found["decimal"] and found["tail"] else ""
    return found.end(), f"{digits(number) if is_feeder else cardinal(number)} {spell(found['head'])}{tail}"


def _is_headline(cursor: Cursor, end: int) -> bool:
    """Whether the neighbours are words in capitals, so that "VI" of "VI PHẠM" is a word as well."""
    right = re.match(rf"[ ]([{LETTER}]+)", cursor.text[end : end + 24])
    left = re.search(rf"([{LETTER}]+)[ ]$", cursor.text[max(0, cursor.at - 24) : cursor.at])
    sides = [side[1] for side in (left, right) if side]
    return any(len(side) > 1 and side.isupper() and not roman(side) and side.lower() not in ENTRIES for side in sides)


def roman_numeral(cursor: Cursor) -> Said | None:
    """quý III/2026, Chương II, Đại hội XIV, II. Nội dung; lower case and single letters only where a number is due."""
    found = ROMAN_PART.match(cursor.text, cursor.at)
    if not found:
        return None
    letters = found.group()
    figures = roman(letters.upper())
    due = CONTEXT["numeral" if letters.isupper() else "small numeral"]
    is_due = (
        cursor.word_before in due
        or cursor.continues("roman")
        or cursor.before[-2:] == ("mức", "độ")
        or (letters.isupper() and cursor.governor in {"quý", "chương"})
    )
    if not figures or (not is_due and not _stands_alone(cursor, letters, found.end())):
        return None
    words = ORDINALS.get(figures, "") if cursor.word_before == "thứ" else ""
    words = words or cardinal(figures)
    after = YEAR_AFTER.match(cursor.text, found.end())
    if after:
        return after.end(), f"{words} năm {cardinal(after[1])}"
    return found.end(), words


def _stands_alone(cursor: Cursor, letters: str, end: int) -> bool:
    """Whether letters are a numeral without a word that asks for one."""
    if not letters.isupper() or not set(letters) <= set("IVX"):
        return False
    mark = cursor.text[end : end + 1]
    if (cursor.is_line_start() and mark in {".", ")", "/"} and mark) or ROMAN_AHEAD.match(cursor.text, end):
        return True
    return len(letters) > 1 and not (letters in {"VI", "XI", "XX", "IX"} and _is_headline(cursor, end))
