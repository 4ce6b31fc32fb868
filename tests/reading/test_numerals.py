"""Numbers in words, one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.reading.numerals import cardinal, digits, fraction_digits, roman


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ("0", "không"),
        ("10", "mười"),
        ("11", "mười một"),
        ("14", "mười bốn"),
        ("15", "mười lăm"),
        ("20", "hai mươi"),
        ("21", "hai mươi mốt"),
        ("24", "hai mươi tư"),
        ("55", "năm mươi lăm"),
        ("100", "một trăm"),
        ("105", "một trăm linh năm"),
        ("111", "một trăm mười một"),
        ("1005", "một nghìn không trăm linh năm"),
        ("2000015", "hai triệu không trăm mười lăm"),
        ("1000000000", "một tỷ"),
        ("1000000001", "một tỷ không trăm linh một"),
        ("2500000000000", "hai nghìn năm trăm tỷ"),
    ],
)
def test_a_cardinal_follows_the_rules_of_the_spoken_language(figures: str, words: str) -> None:
    assert cardinal(figures) == words


def test_a_number_longer_than_anyone_follows_is_said_digit_by_digit() -> None:
    assert cardinal("1" * 19) == digits("1" * 19)


def test_digits_keep_their_zeros() -> None:
    assert digits("0204") == "không hai không bốn"


@pytest.mark.parametrize(("figures", "words"), [("6", "sáu"), ("75", "bảy mươi lăm"), ("05", "không năm")])
def test_decimals_are_said_as_a_number_unless_a_zero_leads(figures: str, words: str) -> None:
    assert fraction_digits(figures) == words


@pytest.mark.parametrize(("letters", "figures"), [("IV", "4"), ("XIV", "14"), ("XXI", "21"), ("IIII", ""), ("VX", "")])
def test_a_roman_numeral_is_one_only_when_well_formed(letters: str, figures: str) -> None:
    assert roman(letters) == figures


@given(st.integers(min_value=0, max_value=10**18 - 1), st.integers(min_value=0, max_value=10**18 - 1))
def test_two_numbers_never_sound_alike(one: int, other: int) -> None:
    assert (cardinal(str(one)) == cardinal(str(other))) == (one == other)
