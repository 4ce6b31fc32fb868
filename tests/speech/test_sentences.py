"""Where a text is cut, and how long the breaths are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.speech.sentences import (
    CLAUSE_MS,
    LINE_MS,
    LONGEST_CHARACTERS,
    PARAGRAPH_MS,
    SENTENCE_MS,
    Sentence,
    sentences,
)


def test_sentences_end_at_full_stops_questions_and_exclamations() -> None:
    assert [sentence.text for sentence in sentences("Thông báo. Ai biết? Chú ý! Hết")] == [
        "Thông báo.",
        "Ai biết?",
        "Chú ý!",
        "Hết",
    ]


def test_a_clause_has_a_shorter_breath_than_a_sentence() -> None:
    clause, sentence, _ = sentences("Đề nghị: tắt điện. Hết.")
    assert (clause.pause_ms, sentence.pause_ms) == (CLAUSE_MS, SENTENCE_MS)


def test_a_new_line_and_a_new_paragraph_have_longer_breaths() -> None:
    line, paragraph, _ = sentences("Kính gửi bà con\nĐiện lực thông báo.\n\nXin cảm ơn.")
    assert (line.pause_ms, paragraph.pause_ms) == (LINE_MS, PARAGRAPH_MS)


@pytest.mark.parametrize("text", ["Số tiền 1.900.000 đồng", "Lúc 17:30 hôm nay", "Trang npc.com.vn và cskh.npc.com.vn"])
def test_points_and_colons_inside_a_word_do_not_cut(text: str) -> None:
    assert [sentence.text for sentence in sentences(text)] == [text]


def test_a_closing_quote_stays_with_its_sentence() -> None:
    assert [sentence.text for sentence in sentences("Họ nói: “Nợ tiền điện.” Đó là lừa đảo.")] == [
        "Họ nói:",
        "“Nợ tiền điện.”",
        "Đó là lừa đảo.",
    ]


def test_bengali_sentences_end_at_the_danda() -> None:
    assert len(sentences("বিদ্যুৎ থাকবে না। ধন্যবাদ।")) == 2


@pytest.mark.parametrize("text", ["", " \n\t", "... — !", "“”", "🎉🎉"])
def test_a_text_without_letters_and_figures_has_no_sentences(text: str) -> None:
    assert sentences(text) == ()


def test_a_long_sentence_is_cut_after_a_comma() -> None:
    parts = sentences(", ".join(["không cung cấp thông tin cá nhân"] * 20) + ".")
    assert all(part.text.endswith((",", ".")) for part in parts)
    assert all(len(part.text) <= LONGEST_CHARACTERS for part in parts)


@given(st.text(alphabet=st.sampled_from("aệ1 .,:?!\n“”—…।"), max_size=700))
def test_no_letter_is_lost_and_no_piece_is_too_long(text: str) -> None:
    pieces = sentences(text)
    assert all(isinstance(piece, Sentence) and len(piece.text) <= LONGEST_CHARACTERS for piece in pieces)
    said = "".join(character for piece in pieces for character in piece.text if character.isalnum())
    assert said == "".join(character for character in text if character.isalnum())
