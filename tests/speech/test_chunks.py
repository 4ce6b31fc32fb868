"""Where a sentence is cut for a service that takes little at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.errors import SpeechError
from broadcaster.speech.chunks import Chunk, chunks
from broadcaster.speech.sentences import COMMA_MS


def texts(text: str, longest: int) -> list[str]:
    return [chunk.text for chunk in chunks(text, longest)]


def test_what_is_short_enough_stays_whole() -> None:
    assert chunks("Bà con chú ý.", 100) == (Chunk("Bà con chú ý.", 0),)
    assert texts("x" * 100, 100) == ["x" * 100]


def test_it_is_cut_after_a_comma_with_the_comma_s_breath() -> None:
    first, second = chunks("Không mở đường link lạ, không cho ai mã", 30)
    assert first == Chunk("Không mở đường link lạ,", COMMA_MS)
    assert second.text == "không cho ai mã"


def test_without_a_comma_it_is_cut_between_words_and_no_breath_is_put_there() -> None:
    assert chunks("ngành điện không thu tiền", 12) == (
        Chunk("ngành điện", 0),
        Chunk("không thu", 0),
        Chunk("tiền", 0),
    )


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("mất một trăm hai mươi triệu đồng rồi", "mất"),
        ("gọi số một chín không không sáu", "gọi số"),
        ("call the line 1900 6769 now", "call the line"),
        ("tăng thêm năm phẩy hai phần", "tăng thêm"),
    ],
)
def test_a_number_stays_whole(text: str, first: str) -> None:
    assert texts(text, 19)[0] == first


def test_a_comma_inside_a_number_is_no_place_to_cut() -> None:
    assert texts("nợ tiền 692,000,000 đồng", 16) == ["nợ tiền", "692,000,000 đồng"]


def test_a_number_that_is_itself_too_long_is_cut_between_its_words() -> None:
    assert texts("không một hai ba bốn năm", 12) == ["không một", "hai ba bốn", "năm"]


def test_a_word_that_is_too_long_is_refused_rather_than_cut() -> None:
    with pytest.raises(SpeechError, match="one word of more than 20 characters"):
        chunks("xin chào " + "a" * 21, 20)


@pytest.mark.parametrize("text", ["", "  ", "... —", "🎉"])
def test_nothing_to_say_is_no_chunk(text: str) -> None:
    assert chunks(text, 100) == ()


@given(st.lists(st.text(alphabet="aệ1,.—", min_size=1, max_size=10), max_size=60).map(" ".join))
def test_no_letter_is_lost_and_no_chunk_is_too_long(text: str) -> None:
    found = texts(text, 20)
    assert all(len(chunk) <= 20 for chunk in found)
    assert [word for chunk in found for word in chunk.split() if any(map(str.isalnum, word))] == [
        word for word in text.split() if any(map(str.isalnum, word))
    ]
