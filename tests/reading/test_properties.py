"""What holds for any text at all."""

import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.reading import Reading, read
from tests.reading.test_phrases import phrases

UNREAD = re.compile(r"[\d²³%&@#*/\\$€£₫°+=<>{}|^~]|\b[bcdfghjklmnpqrstvwxzđ]{2,}\b", re.IGNORECASE)
SNIPPETS = [written for written, _ in phrases("phrases_vi.tsv")]

any_text = st.text(max_size=120)
dense = st.text(alphabet="0123456789 .,:/-–()%đkmhgAVIXTPabc+*\n'\"&₫", max_size=60)
bulletins = st.lists(
    st.one_of(
        st.sampled_from(SNIPPETS), dense, st.sampled_from([",", ".", " ", "\n", "-", "/", "(", ")", "và", "\u200b"])
    ),
    max_size=8,
).map(" ".join)
glued = st.lists(st.one_of(st.sampled_from(SNIPPETS), dense), max_size=5).map("".join)
texts = st.one_of(any_text, dense, bulletins, glued)


def check_places(reading: Reading) -> None:
    at = 0
    for span in reading.spans:
        assert span.start == at < span.end
        at = span.end
    assert at == len(reading.written)
    assert "".join(span.spoken for span in reading.spans) == reading.spoken
    for problem in reading.problems:
        assert 0 <= problem.start < problem.end <= len(reading.written)
        assert problem.message.format(**problem.values)


@settings(max_examples=300)
@given(texts, st.sampled_from(["vi", "en", "bn", "", "xx"]))
def test_reading_never_raises_and_its_spans_cover_the_text(text: str, language: str) -> None:
    reading = read(text, language)
    assert reading.written == unicodedata.normalize("NFC", text)
    check_places(reading)


@settings(max_examples=300)
@given(texts)
def test_no_digit_or_symbol_is_left_when_the_text_is_sayable(text: str) -> None:
    reading = read(text, "vi")
    if reading.is_sayable:
        assert not UNREAD.search(reading.spoken)
        assert not any(unicodedata.category(c)[0] in "NS" for c in reading.spoken)


@settings(max_examples=300)
@given(st.one_of(bulletins, dense))
def test_reading_its_own_output_changes_nothing(text: str) -> None:
    reading = read(text, "vi")
    if reading.is_sayable:
        assert read(reading.spoken, "vi").spoken == reading.spoken


@given(texts)
def test_words_are_one_space_apart(text: str) -> None:
    reading = read(text, "vi")
    if reading.is_sayable:
        assert "  " not in reading.spoken
        assert reading.spoken == reading.spoken.strip()


@given(st.text(alphabet="abc 12.đ", max_size=60))
def test_one_line_is_said_in_one_line(text: str) -> None:
    assert "\n" not in read(text, "vi").spoken


def test_a_pile_of_combining_marks_is_composed_piece_by_piece() -> None:
    reading = read("a" + "\u0301\u0316" * 500, "vi")
    assert not reading.is_sayable
    check_places(reading)
