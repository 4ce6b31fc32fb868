"""The same figures and letters, said by what stands beside them."""

import pytest

from broadcaster.reading import read


def said(text: str) -> str:
    return read(text, "vi").spoken


def test_a_hotline_is_read_digit_by_digit() -> None:
    assert said("tổng đài 1900 6769") == "tổng đài một chín không không, sáu bảy sáu chín"


def test_the_same_figures_before_a_noun_are_a_number() -> None:
    assert said("1.900 hộ") == "một nghìn chín trăm hộ"


def test_the_premium_number_of_the_fraud_warning_keeps_every_digit() -> None:
    spoken = said("Đầu số 1900.292900 thu cước tới 8.000đ/phút")
    assert spoken == "Đầu số một chín không không, hai chín hai chín không không thu cước tới tám nghìn đồng một phút"


@pytest.mark.parametrize("grouping", ["0912345678", "0912.345.678", "0912 345 678", "0912-345-678", "09.12.34.56.78"])
def test_a_telephone_number_sounds_the_same_however_it_is_grouped(grouping: str) -> None:
    assert said(grouping).replace(",", "") == "không chín một hai ba bốn năm sáu bảy tám"


@pytest.mark.parametrize("number", ["111", "113", "114", "115"])
def test_an_emergency_number_is_never_an_amount(number: str) -> None:
    assert "trăm" not in said(f"gọi ngay {number} khi có cháy")
    assert "trăm" in said(f"có {number} hộ dân")


def test_the_list_after_a_call_goes_on_being_called() -> None:
    assert said("gọi 113, 114 hoặc 115") == "gọi một một ba, một một bốn hoặc một một năm"


def test_ngay_is_not_doubled() -> None:
    assert said("ngày 31/12") == "ngày ba mươi mốt tháng mười hai"
    assert said("trước 31/12") == "trước ngày ba mươi mốt tháng mười hai"


def test_a_dash_means_until_between_numbers_and_minus_before_a_temperature() -> None:
    assert said("10-15%") == "mười đến mười lăm phần trăm"
    assert said("xuống -5°C") == "xuống âm năm độ xê"
    assert said("- 5 hộ") == "- năm hộ"


def test_a_is_ampere_on_a_breaker_and_a_letter_on_a_road() -> None:
    assert said("aptomat 16A") == "áp tô mát mười sáu am pe"
    assert said("quốc lộ 1A") == "quốc lộ một a"


def test_thu_and_thang_have_their_own_fourth() -> None:
    assert said("thứ 4, tháng 4, quý 4") == "thứ tư, tháng tư, quý bốn"


def test_capitals_of_a_headline_are_words() -> None:
    assert said("XỬ PHẠT VI PHẠM HÀNH CHÍNH") == "XỬ PHẠT VI PHẠM HÀNH CHÍNH"
    assert said("Chương VI") == "Chương sáu"


def test_a_code_is_said_character_by_character() -> None:
    assert said("mã khách hàng PA02") == "mã khách hàng pê a không hai"


def test_a_site_keeps_every_dot() -> None:
    assert said("cskh.npc.com.vn.") == "xê ét ca hát chấm en pê xê chấm com chấm vê en."


@pytest.mark.parametrize("dash", ["-", "\u2013", "\u2014", "\u2011", "\u2212"])
def test_any_dash_of_a_word_processor_means_the_same(dash: str) -> None:
    assert said(f"7h30{dash}11h") == "bảy giờ ba mươi đến mười một giờ"


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u2009", "\t", "  "])
def test_any_space_of_a_word_processor_is_one_space(space: str) -> None:
    assert said(f"22{space}kV và{space}bà") == "hai mươi hai ki lô vôn và bà"


def test_a_sentence_end_after_a_time_does_not_change_the_time() -> None:
    assert said("đến 11h30.") == "đến mười một giờ ba mươi."
