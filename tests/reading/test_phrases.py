"""Written phrases and what they must sound like; the tables hold further accepted readings after ' | '."""

import re
from pathlib import Path

import pytest

from benchmarks import ear
from broadcaster.reading import read

HERE = Path(__file__).parent
# Two ways of saying the same figure; which one a table uses is taste.
STYLES = [
    (re.compile(r"\b(trăm|nghìn|triệu) lẻ\b"), r"\1 linh"),
    (re.compile(r"\b(mươi|linh|phẩy) tư\b"), r"\1 bốn"),
    (re.compile(r"\bmùng (?=\w+(?: \w+)? tháng)"), ""),
    (re.compile(r"\b(giờ (?:\w+ ){0,2}\w+) phút\b"), r"\1"),
]


def heard(text: str) -> str:
    """A text as a listener compares it: no case, no punctuation, one style for figures."""
    text = " ".join(re.sub(r"[^\w\s]", " ", text.lower()).split())
    for pattern, plain in STYLES:
        text = pattern.sub(plain, text)
    return text


def phrases(name: str) -> list[tuple[str, str]]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(row[1], row[2]) for row in rows]


@pytest.mark.parametrize(("written", "accepted"), phrases("phrases_vi.tsv"))
def test_a_phrase_is_said_as_people_say_it(written: str, accepted: str) -> None:
    assert heard(read(written, "vi").spoken) in [heard(one) for one in accepted.split(" | ")]


# The sample writes borrowed words and letters in spellings of its own; these forms sound the same.
SPELLINGS = [("bẩy", "bảy"), ("ngàn", "nghìn"), ("tỉ", "tỷ")]


@pytest.mark.parametrize(("written", "accepted"), phrases("sample_vi.tsv"))
def test_the_conventions_of_the_sample_are_kept(written: str, accepted: str) -> None:
    spoken = heard(read(written, "vi").spoken)
    for spelling, usual in SPELLINGS:
        spoken = re.sub(rf"\b{spelling}\b", usual, spoken)
    assert spoken in [heard(one) for one in accepted.split(" | ")]


@pytest.mark.parametrize(
    "name", ["blind_phrases_vi.tsv", "blind_second_vi.tsv", "blind_third_vi.tsv", "blind_bulletins_vi.tsv"]
)
def test_what_was_written_before_the_rules_is_heard_as_it_is_meant(name: str) -> None:
    """By ear, as `scripts/bench reading` measures it; one in fifty may be a matter of taste."""
    cases = [(written.replace("\\n", "\n"), accepted) for written, accepted in phrases(name)]
    wrong = [written for written, accepted in cases if not ear.alike(read(written, "vi").spoken, accepted)]
    assert len(wrong) <= 0.02 * len(cases), wrong


def test_the_tables_of_phrases_are_of_the_promised_size() -> None:
    assert len(phrases("phrases_vi.tsv")) >= 200
