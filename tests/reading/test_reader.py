"""What holds for a reading as a whole: places, structure, problems, other languages."""

import unicodedata

import pytest

from broadcaster.reading import Reading, Severity, read


def severities(reading: Reading) -> list[Severity]:
    return [problem.severity for problem in reading.problems]


def test_every_spoken_span_points_to_what_was_written() -> None:
    reading = read("Gọi 1900 6769 ngay", "vi")
    changed = {reading.written[s.start : s.end]: s.spoken for s in reading.spans if s.spoken.strip().islower()}
    assert changed["1900 6769"] == "một chín không không, sáu bảy sáu chín"


def test_case_punctuation_and_paragraphs_survive() -> None:
    text = "Kính thưa bà con!\r\n\r\nMời họp.\nTrân trọng"
    assert read(text, "vi").spoken == "Kính thưa bà con!\n\nMời họp.\nTrân trọng"


def test_one_line_stays_one_line() -> None:
    assert "\n" not in read("a) Một; b) Hai; • Ba", "vi").spoken


def test_decomposed_letters_mean_what_they_look_like() -> None:
    text = "Tối thứ 4, họp tại NVH thôn Bằng"
    assert read(unicodedata.normalize("NFD", text), "vi") == read(text, "vi")


def test_the_icelandic_letter_that_old_fonts_leave_is_read_as_the_vietnamese_one() -> None:
    assert read("Ðiện lực", "vi").spoken == "Điện lực"


@pytest.mark.parametrize("character", ["\u200b", "\u202e", "\ufeff", "\u0007", "\ue000", "\u00ad", "\ud800"])
def test_an_unseen_character_is_refused_at_its_place_and_not_said(character: str) -> None:
    reading = read(f"bà con{character} ơi", "vi")
    assert severities(reading) == [Severity.REFUSED]
    assert (reading.problems[0].start, reading.problems[0].end) == (6, 7)
    assert reading.problems[0].values["place"] == 7
    assert reading.spoken == "bà con ơi"
    assert not reading.is_sayable


@pytest.mark.parametrize("character", ["😀", "{", "}", "中", "|", "\\", "©", "⇒"])
def test_what_no_rule_says_is_reported_and_kept(character: str) -> None:
    reading = read(f"điện {character}", "vi")
    assert severities(reading) == [Severity.UNSAYABLE]
    assert character in reading.spoken
    assert not reading.is_sayable


@pytest.mark.parametrize("character", ["а", "Ο", "１", "𝟎", "٣"])
def test_a_homoglyph_of_another_script_is_flagged_and_blocks(character: str) -> None:
    reading = read(f"gọi {character}", "vi")
    assert severities(reading) == [Severity.SUSPECT]
    assert not reading.is_sayable


def test_a_placeholder_left_over_is_reported() -> None:
    assert severities(read("xã {commune}", "vi")) == [Severity.UNSAYABLE, Severity.UNSAYABLE]


def test_a_message_fills_from_its_values() -> None:
    problem = read("điện 😀", "vi").problems[0]
    filled = problem.message.format(**problem.values)
    assert filled == "The character 😀 (U+1F600) at place 6 cannot be said. Replace it by words."


def test_other_languages_are_cleaned_and_left_as_written() -> None:
    reading = read("  Pay\u00a0114 to 692 million,  in 2025! ", "en")
    assert reading.spoken == "Pay 114 to 692 million, in 2025!"
    assert reading.is_sayable


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "Call 1900 6769, now!", "Call 1 9 0 0, 6 7 6 9, now!"),
        ("en", "call +84 912 345 678", "call + 8 4, 9 1 2, 3 4 5, 6 7 8"),
        ("en", "call 0912345678", "call 0 9 1 2, 3 4 5, 6 7 8"),
        ("bn", "১৯০০ ৬৭৬৯ নম্বরে", "১ ৯ ০ ০, ৬ ৭ ৬ ৯ নম্বরে"),
        ("en", "dial 113", "dial 1 1 3"),
        ("bn", "১১৩ নম্বরে, ৫ নম্বর ওয়ার্ড", "১ ১ ৩ নম্বরে, ৫ নম্বর ওয়ার্ড"),
    ],
)
def test_a_telephone_number_is_not_counted_in_any_language(language: str, written: str, spoken: str) -> None:
    reading = read(written, language)
    assert reading.spoken == spoken
    assert read(spoken, language).spoken == spoken


def test_bengali_keeps_the_joiners_that_shape_its_letters() -> None:
    assert read("র\u200d্যাব ক্\u200cষ", "bn").is_sayable
    assert severities(read("ab\u200dc", "en")) == [Severity.REFUSED]


def test_a_forged_letter_in_a_latin_word_is_flagged_in_any_language() -> None:
    assert severities(read("p\u0430ypal", "en")) == [Severity.SUSPECT]


def test_a_region_after_the_language_changes_nothing() -> None:
    assert read("22kV", "vi-VN").spoken == "hai mươi hai ki lô vôn"


@pytest.mark.parametrize("text", ["", " ", "\n\n", "...", "-"])
def test_a_text_without_words_has_a_reading(text: str) -> None:
    reading = read(text, "vi")
    assert reading.is_sayable
    assert reading.spoken == text.strip()
