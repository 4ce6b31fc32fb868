"""Pronunciations of sources and communes over the built-in rules."""

import unicodedata

import pytest

from broadcaster.reading import Dictionary, Pronunciation, read
from broadcaster.reading.reader import DICTIONARY


def said(text: str, *layers: list[tuple[str, str]]) -> str:
    found = Dictionary(*([Pronunciation(*entry) for entry in layer] for layer in layers))
    return read(text, "vi", found).spoken


@pytest.mark.parametrize(
    ("entry", "text", "expected"),
    [
        (("Kép Hạ", "Kép hạ"), "thôn Kép Hạ.", "thôn Kép hạ."),
        (("PCBG", "điện lực Bắc Giang"), "PCBG thông báo", "điện lực Bắc Giang thông báo"),
        (("CSKH", "chăm sóc"), "tổng đài CSKH", "tổng đài chăm sóc"),
        (("K7", "ca bảy"), "khu K7, K71", "khu ca bảy, ca bảy mươi mốt"),
        (("2 Tháng 9", "mồng hai tháng chín"), "phố 2 Tháng 9", "phố mồng hai tháng chín"),
        (("e-gov", "i gớp"), "cổng E-Gov", "cổng i gớp"),
        (("→", "sang"), "Kép → Voi", "Kép sang Voi"),
    ],
)
def test_an_entry_says_what_stands_in_it_as_a_whole_word(entry: tuple[str, str], text: str, expected: str) -> None:
    assert said(text, [entry]) == expected


def test_an_entry_with_capitals_stands_only_for_itself() -> None:
    assert said("Voi và voi", [("Voi", "phố Voi")]) == "phố Voi và voi"


def test_small_letters_stand_for_any_case() -> None:
    assert said("GRAB và Grab", [("grab", "gờ ráp")]) == "gờ ráp và gờ ráp"


def test_the_longest_entry_wins() -> None:
    assert said("chợ Kép Hạ", [("Kép", "một"), ("Kép Hạ", "hai"), ("Kép H", "ba")]) == "chợ hai"


def test_a_longer_built_in_rule_wins_over_an_entry() -> None:
    assert said("ngày 15/12/2025", [("15", "rằm")]) == read("ngày 15/12/2025", "vi").spoken


def test_of_equally_long_entries_that_of_the_nearest_layer_wins() -> None:
    assert said("TBA Voi", [("TBA", "trạm của nguồn")], [("TBA", "trạm của xã")]) == "trạm của xã Voi"


def test_an_entry_is_found_across_a_line_break_and_in_decomposed_letters() -> None:
    text = unicodedata.normalize("NFD", "họp tại nhà Kép\nHạ")
    assert said(text, [("Kép Hạ", "Kép dưới")]) == "họp tại nhà Kép dưới"


def test_the_span_names_the_dictionary() -> None:
    reading = read("ở Voi nhé", "vi", Dictionary([Pronunciation("Voi", "phố Voi")]))
    assert [(reading.written[s.start : s.end], s.spoken) for s in reading.spans if s.rule == DICTIONARY] == [
        ("Voi", "phố Voi")
    ]


def test_other_languages_take_no_entries() -> None:
    assert read("Grab", "en", Dictionary([Pronunciation("grab", "x")])).spoken == "Grab"


def test_what_is_held_against_the_facts_is_said_by_the_rules_alone() -> None:
    hiding = Dictionary([Pronunciation("1900 6769", "một"), Pronunciation("npc.com.vn", "trang khác")])
    assert read("gọi 1900 6769, xem npc.com.vn", "vi", hiding) == read("gọi 1900 6769, xem npc.com.vn", "vi")


def test_a_word_between_numbers_to_call_does_not_end_their_list() -> None:
    found = read("gọi 8055 hoặc 8155, 8255", "vi", Dictionary([Pronunciation("hoặc", "hay")]))
    assert found.spoken == "gọi tám không năm năm hay tám một năm năm, tám hai năm năm"


def test_the_nearer_layer_wins_whatever_the_case_of_its_entry() -> None:
    layers = Dictionary([Pronunciation("EVN", "nguồn")], [Pronunciation("evn", "xã")])
    assert read("EVN", "vi", layers).spoken == "xã"
