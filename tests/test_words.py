"""Every text that people can meet has its Vietnamese words, with the same fields, and none is left over."""

from _templates import catalogue, fields, templates
from broadcaster.errors import InputError
from broadcaster.words import LANGUAGES, Words


def test_every_text_of_the_code_has_vietnamese_words() -> None:
    translated = catalogue("vi")
    missing = {place: text for text, place in templates().items() if not translated.get(text)}
    assert not missing, "see scripts/words"


def test_no_vietnamese_words_are_left_of_a_text_that_is_gone() -> None:
    stale = [text for text in catalogue("vi") if text not in templates()]
    assert not stale, "see scripts/words"


def test_a_translation_has_the_fields_of_its_text() -> None:
    differing = {text: said for text, said in catalogue("vi").items() if fields(text) != fields(said)}
    assert not differing


def test_every_template_can_be_filled() -> None:
    for text, said in catalogue("vi").items():
        values = dict.fromkeys(fields(text), "x")
        assert "{" not in text.format(**values)
        assert "{" not in said.format(**values)


def test_the_search_finds_the_texts_of_errors_words_faults_and_problems() -> None:
    found = templates()
    assert found["There is no airing {airing}. See: broadcaster log list"].startswith("services/log.py:")
    assert found["Rendering"].startswith("cli/bulletin.py:")
    assert found["entry {seq} of chain {chain} is missing"].startswith("store/journal.py:")
    assert any(place.startswith("reading/characters.py:") for place in found.values())
    assert "{faults}" not in found


def test_vietnamese_is_said_in_vietnamese() -> None:
    assert Words("vi")("Nothing has aired yet.") == "Chưa có lượt phát nào."


def test_an_error_is_told_in_vietnamese_with_its_values() -> None:
    error = InputError("There is no airing {airing}. See: broadcaster log list", airing="01J")
    assert Words("vi").error(error) == "Không có lượt phát 01J. Xin xem: broadcaster log list"


def test_an_error_inside_an_error_is_told_in_the_same_language() -> None:
    inner = InputError("There is no text. Write what is to be said.")
    outer = InputError("The rule {rule} cannot be read: {error}", rule="DAILY", error=inner)
    assert Words("vi").error(outer).endswith("Chưa có nội dung. Xin ghi lời cần đọc.")


def test_an_unknown_text_falls_back_to_english() -> None:
    assert Words("vi")("Nobody translated {this}.", this="that") == "Nobody translated that."


def test_english_is_said_as_written() -> None:
    assert "en" in LANGUAGES
    assert Words("en")("Nothing has aired yet.") == "Nothing has aired yet."
