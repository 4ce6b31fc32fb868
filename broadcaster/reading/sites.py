"""Sites and e-mail addresses: spelled, with every dot, slash and dash said; a label that is words is said as words."""

import re

from broadcaster.reading.cursor import Cursor, Said
from broadcaster.reading.numerals import digits
from broadcaster.reading.words import BORROWED, LETTERS, SITES, TONELESS, spell

ENDINGS = (
    "vn|com|net|org|edu|gov|info|me|io|asia|top|xyz|app|shop|online|site|club|cc|ly|gl|page|tv|co|biz|store|vip|live|"
    "icu|pro|cn|us|gg|ws|mobi|cloud|tech|fun|work|space"
)
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?+"
REST = r"(?:[/?][!#-;=?-Z_a-z~]{0,200})?"
SITE = re.compile(
    r"(?:https?://|HTTPS?://|www\.)[!#-;=?-Z_a-z~]{1,200}"
    rf"|[A-Za-z0-9][\w.+-]{{0,63}}+@{LABEL}(?:\.{LABEL}){{1,5}}"
    rf"|(?:{LABEL}\.){{1,5}}(?:{ENDINGS}|{ENDINGS.upper()})(?![A-Za-z0-9_@-])(?::[0-9]{{1,5}})?{REST}",
    re.ASCII,
)
KNOWN = re.compile("|".join(sorted((part for part in SITES if len(part) > 3), key=len, reverse=True)))
ENDED = frozenset({"", " ", "\n", ",", ")", ";", "!"})
PART = re.compile(r"[A-Za-z]+|[0-9]+|:(?=//)|.")
MARKS = {
    ".": "chấm", "/": "xuyệt", "-": "gạch ngang", "_": "gạch dưới", "@": "a còng", ":": "hai chấm", "?": "hỏi chấm",
    "=": "bằng", "&": "và", "%": "phần trăm", "#": "thăng", "+": "cộng", "~": "ngã", "!": "chấm than", "*": "sao",
    "$": "đô la", ";": "chấm phẩy", ",": "phẩy", "'": "nháy", "(": "mở ngoặc", ")": "đóng ngoặc",
}  # fmt: skip


def _as_syllables(label: str) -> str:
    """A label that is Vietnamese without tone marks, parted into syllables ("tracuu" -> "tra cuu"), else ""."""
    syllables, at = [], 0
    while at < len(label):
        known = KNOWN.match(label, at)
        if known and len(known.group()) < len(label):
            syllables.append(SITES[known.group()])
            at = known.end()
            continue
        found = TONELESS.match(label, at)
        if not found:
            return ""
        end = found.end()
        # A consonant before a vowel opens the next syllable rather than closing this one.
        if found["coda"] and end < len(label) and label[end] in "aeiouy":
            end = found.start("coda")
        syllables.append(label[at:end])
        at = end
    return " ".join(syllables)


def _letters(label: str) -> str:
    label = label.lower()
    if label in SITES or label in BORROWED:
        return SITES.get(label) or BORROWED[label]
    words = _as_syllables(label) if len(label) > 2 else ""
    # Single vowels side by side show that the label was no Vietnamese; spelling is then the safer reading.
    if words and (len(label) > 5 or " " not in words) and all(len(word) > 1 for word in words.split()):
        return words
    return spell(label)


def _part(part: str) -> str:
    if part[0] in MARKS:
        return MARKS[part[0]]
    return _letters(part) if part[0].lower() in LETTERS else digits(part)


def site(cursor: Cursor) -> Said | None:
    """Source of the convention: reading.md, "spelled with chấm, a còng; never dropped"."""
    glued = cursor.text[cursor.end : cursor.end + 2]
    if glued[:1] in ENDED or (glued[0] in ".-" and not glued[1:].isalnum()):
        return None
    if cursor.text[cursor.at].isdecimal() and glued[0] in ".-" and not glued[1:].isalpha():
        return None
    found = SITE.match(cursor.text, cursor.at)
    if not found:
        return None
    address = found.group().rstrip(".,;:!?')")
    return cursor.at + len(address), " ".join(filter(None, map(_part, PART.findall(address))))
