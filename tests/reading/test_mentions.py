"""Numbers, sites and accounts that a text names, however they are written."""

import pytest
from hypothesis import given

from broadcaster.reading.mentions import Kind, mentions, normal
from tests.reading.test_properties import texts


def found(text: str) -> list[tuple[str, str]]:
    return [(mention.kind, mention.value) for mention in mentions(text)]


@pytest.mark.parametrize("written", ["1900 6769", "1900.6769", "1900-6769", "19006769", "1900 67 69", "1900\n6769"])
def test_one_hotline_has_one_normal_form(written: str) -> None:
    assert found(f"Gọi tổng đài {written} ngay") == [("phone", "19006769")]


@pytest.mark.parametrize(
    "written", ["0912.345.678", "0912 345 678", "+84 912 345 678", "+84912345678", "(+84) 912345678"]
)
def test_a_mobile_number_is_the_same_with_the_code_of_the_country(written: str) -> None:
    assert found(f"liên hệ {written}.") == [("phone", "0912345678")]


@pytest.mark.parametrize(
    "written", ["cskh.npc.com.vn", "https://cskh.npc.com.vn/", "http://www.cskh.npc.com.vn", "CSKH.NPC.COM.VN"]
)
def test_one_site_has_one_normal_form(written: str) -> None:
    assert found(f"vào {written} để tra") == [("site", "cskh.npc.com.vn")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chuyển vào số tài khoản 0123456789 Vietcombank", [("account", "0123456789")]),
        ("STK: 19031234567890 của bà A", [("account", "19031234567890")]),
        ("nộp vào 19031234567890 trước ngày 5/12", [("account", "19031234567890")]),
        ("gửi về dienluc@gmail.com", [("site", "dienluc@gmail.com")]),
        ("báo ngay 113", [("phone", "113")]),
        ("১৯০০ ৬৭৬৯ নম্বরে ফোন করুন", [("phone", "19006769")]),
        ("Call 0204 3854 201 today", [("phone", "02043854201")]),
        ("CCCD 024012345678, mã khách hàng PA02GG0012345", []),
        ("nợ 125000000 đồng, 1.900 hộ, ngày 05/12/2025, 17h30", []),
    ],
)
def test_what_a_listener_could_act_on_is_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


def test_places_are_those_of_the_text_as_it_is_shown() -> None:
    (mention,) = mentions("Gọi ngay số 1900 6769!")
    assert (mention.start, mention.end, mention.written) == (12, 21, "1900 6769")


def test_a_fact_is_compared_in_the_same_form() -> None:
    assert normal(Kind.PHONE, "+84 204 3854 201") == normal(Kind.PHONE, "0204.3854.201")


@given(texts)
def test_mentions_never_raise_and_never_overlap(text: str) -> None:
    at = 0
    for mention in mentions(text):
        assert at <= mention.start < mention.end
        at = mention.end
