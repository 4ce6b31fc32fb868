"""Which line breaks are heard as pauses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.reading import read
from broadcaster.reading.lines import unwrapped

LONG = "Thời gian gần đây, các đối tượng lừa đảo gọi điện, nhắn tin tự xưng là nhân viên"


@pytest.mark.parametrize(
    "text",
    [
        f"{LONG}\nđiện lực",
        f"{LONG}\nĐiện lực Lạng Giang",
        f"{LONG}\r\nđiện lực",
        f"{LONG}  \n  điện lực",
        "báo cho\ncông an xã",
        "trước ngày\n25 tháng này",
    ],
)
def test_a_break_inside_a_sentence_is_no_pause(text: str) -> None:
    assert "\n" not in read(text, "vi").spoken


@pytest.mark.parametrize(
    "text",
    [
        "THÔNG BÁO\nKính thưa bà con",
        "Mời họp.\nTrân trọng",
        "Lịch cắt điện:\nthôn Vôi",
        f"{LONG}\n- một",
        f"{LONG}\n• một",
        f"{LONG}\na) một",
        f"{LONG}\n2. một",
        f"{LONG}\n\nđiện lực",
        "Thôn Vôi\nThôn Toàn Mỹ",
    ],
)
def test_a_break_that_ends_a_clause_or_begins_an_item_stays(text: str) -> None:
    assert "\n" in read(text, "vi").spoken


def test_a_name_cut_by_the_end_of_a_line_is_still_known() -> None:
    reading = read(f"{LONG}, chỉ cài ứng dụng từ App\nStore hoặc CH Play.", "vi")
    assert reading.spoken == read(f"{LONG}, chỉ cài ứng dụng từ App Store hoặc CH Play.", "vi").spoken


@given(st.text(st.sampled_from("aA0 .:-•\n\r\t)"), max_size=300))
def test_places_stay_where_they_were(text: str) -> None:
    assert len(unwrapped(text)) == len(text)


def test_an_empty_line_stays_when_small_letters_follow() -> None:
    assert read("không\n\npê", "vi").spoken == "không\n\npê"
