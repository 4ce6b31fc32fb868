"""The listener's ear: two spellings that sound alike are the same reading.

Two texts are compared by espeak-ng's phonemes (voice vi), after variants have been made one that a listener takes for
the same: "linh" and "lẻ", the names of letters, spellings of borrowed words. What changes a number is never made one:
"một" and "mốt", "năm" and "lăm" stay apart.
"""

import contextlib
import ctypes
import functools
import re
import unicodedata
from pathlib import Path

import espeakng_loader

FIGURE = r"(?:không|một|mốt|hai|ba|bốn|tư|năm|lăm|sáu|bảy|tám|chín|mười|mươi|linh|trăm|nghìn|triệu|tỷ|phẩy)"
UNIT = r"(?:đồng|triệu|nghìn|tỷ|phần trăm|giờ|mi li mét|độ|năm|tháng|tuổi)"

WORDS = {
    # spellings
    "ngàn": "nghìn", "tỉ": "tỷ", "bẩy": "bảy", "nhăm": "lăm", "mồng": "mùng", "kí": "ki", "goát": "oát",
    "ampe": "am pe", "đôla": "đô la", "hotline": "hót lai", "zalo": "da lô", "website": "oép sai", "email": "i meo",
    "facebook": "phây búc", "iphone": "ai phôn", "covid": "cô vít", "app": "áp", "link": "linh",
    # letters, by whichever of their names
    "b": "bê", "bờ": "bê", "c": "xê", "cờ": "xê", "d": "đê", "dê": "đê", "đ": "đê", "đờ": "đê", "e": "ê", "g": "gờ",
    "gi": "gờ", "giê": "gờ", "h": "hát", "hắt": "hát", "hờ": "hát", "k": "ca", "l": "lờ", "m": "em", "mờ": "em",
    "n": "en", "nờ": "en", "o": "ô", "p": "pê", "pờ": "pê", "q": "quy", "cu": "quy", "quờ": "quy", "kiu": "quy",
    "r": "rờ", "s": "ét", "sờ": "ét", "t": "tê", "tờ": "tê", "v": "vê", "vờ": "vê", "x": "ích", "xờ": "ích",
}  # fmt: skip
VARIANTS = [
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"\b(trăm|nghìn|triệu) lẻ\b", r"\1 linh"),
        (r"\b(mươi|linh|phẩy|hai) tư\b", r"\1 bốn"),
        (r"\b(triệu|tỷ) không nghìn (?=không trăm)", r"\1 "),
        (rf"\bnghìn không trăm (?=linh|mười|{FIGURE} mươi)", "nghìn "),
        (rf"\bmùng (?={FIGURE}(?: {FIGURE})? tháng)", ""),
        (rf"\bgiờ không (?={FIGURE}\b)", "giờ "),
        (rf"\b(giờ(?: {FIGURE})+) phút\b", r"\1"),
        (rf"\b((?:{FIGURE} )+)({UNIT}) đến ((?:{FIGURE} )+)\2\b(?! {FIGURE})", r"\1đến \3\2"),
        (rf"\btừ (?=(?:{FIGURE} )+(?:\w+ ){{0,4}}?đến {FIGURE})", ""),
        (r"\bk[iý] ?l[ôo] ?", "ki lô "),
        (r"\bki lô (?:met|mét)\b", "ki lô mét"),
        (r"\bki lô gr?am\b", "ki lô gam"),
        (r"\bmi ?li ?m[eé]t\b", "mi li mét"),
        (r"\bmê ?ga ?oát\b", "mê ga oát"),
        (r"\b(?:ca|ki lô) vê a\b", "ki lô vôn am pe"),
        (r"\b(đồng|nghìn|mét|giờ|viên) (?:trên một|trên|mỗi|một) (?=phút|giờ|ngày|tháng|hộ|tin|ki lô|cân)", r"\1 mỗi "),
        (rf"\b(nghị định|luật|thông tư|quyết định) số (?={FIGURE} )", r"\1 "),
        (r"\b(?:gạch chéo|sổ chéo|xuyệc|xẹt|xẹc)\b", "xuyệt"),
        (r"\be (?=[lmnr]ờ\b)", ""),
        (r"\b(ét|ích) (?:sì|sờ|xì|xờ)\b", r"\1"),
        (r"\by dài\b", "y"),
        (r"\bô (?:ti) (?:pi)\b", "ô tê pê"),
        (r"\b[iê] vi en\b", "ê vê en"),
        (r"\bvi en\b", "vê en"),
        (r"\bpi [xs]i\b", "pê xê"),
        (r"\bchấm cơm\b", "chấm com"),
        (r"\bh[óố]t lai(?: nờ| n)\b", "hót lai"),
        (r"\b(?:web|goép|uép|vép) ?(?:site|sai|xai)\b", "oép sai"),
        (r"\bi mêu\b|\bi mây\b", "i meo"),
        (r"\bđường lin\b", "đường linh"),
        (r"\bphây bút\b|\bfây búc\b", "phây búc"),
        (r"\bvi ét teo\b|\bviết teo\b", "viettel"),
        (r"\bép\b", "áp"),
    )
]
UNREAD = re.compile(r"[\d²³%&@#*/\\]|\b[bcdfghjklmnpqrstvwxzđ]{2,}\b", re.IGNORECASE)

_UTF8, _IPA = 1, 2
_NO_OUTPUT, _DONT_EXIT = 2, 0x8000


def alike(said: str, expected: str) -> bool:
    """Whether a listener hears in `said` one of the readings that `expected` holds, parted by ` | `."""
    return not is_unread(said) and phonemes(said) in {phonemes(one) for one in expected.split(" | ")}


def is_unread(said: str) -> bool:
    """Whether digits, symbols, bare consonants or other scripts are left: an engine may make something of them."""
    said = unicodedata.normalize("NFC", said)
    return UNREAD.search(said) is not None or any(
        unicodedata.category(c)[0] in "NS"
        or unicodedata.category(c) in {"Cf", "Co", "Cn"}
        or (c.isalpha() and "LATIN" not in unicodedata.name(c, ""))
        for c in said
    )


def folded(text: str) -> str:
    """The words of a text without case and punctuation, each variant in one form."""
    text = re.sub(r"[^\w\s]|_", " ", unicodedata.normalize("NFC", text).lower())
    text = " ".join(WORDS.get(word, word) for word in text.split())
    for pattern, plain in VARIANTS:
        text = pattern.sub(plain, text)
    return " ".join(WORDS.get(word, word) for word in text.split())


@functools.lru_cache(maxsize=8192)
def phonemes(text: str) -> str:
    """The sounds of a text without stress and gaps, as espeak-ng's Vietnamese voice makes them."""
    return re.sub(r"[\sˈˌ]+", "", _library().phonemes(folded(text)))


@functools.cache
def _library() -> "_Library":
    return _Library()


class _Library:
    """espeak-ng inside this process: only benchmarks and tests, which nothing depends on, may do that."""

    def __init__(self) -> None:
        self._home = Path(espeakng_loader.get_data_path()).parent
        self._c = ctypes.CDLL(espeakng_loader.get_library_path())
        self._c.espeak_TextToPhonemes.restype = ctypes.c_char_p
        with contextlib.chdir(self._home):  # it cuts longer paths, and opens dictionaries as it needs them
            self._c.espeak_Initialize(_NO_OUTPUT, 0, b".", _DONT_EXIT)
            if self._c.espeak_SetVoiceByName(b"vi") != 0:
                raise RuntimeError("espeak-ng has no Vietnamese voice")

    def phonemes(self, text: str) -> str:
        kept = ctypes.create_string_buffer(text.encode())
        rest = ctypes.c_void_p(ctypes.addressof(kept))
        found = []
        with contextlib.chdir(self._home):
            while rest.value:
                found.append(self._c.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA))
        return b"".join(found).decode()
