"""Patterns: what may be filled into a field, and what becomes of the text."""

from dataclasses import replace
from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.bulletin import Field, Priority
from broadcaster.domain.pattern import Expiry, FieldKind, Pattern, PatternField, Value, Version
from broadcaster.errors import InputError

TODAY = date(2026, 11, 24)
TEXT = "Xã {commune}: {day}, từ {since} đến {until}[, vì {why}]. Gọi {hotline}."


def field(name: str = "x", kind: FieldKind = FieldKind.TEXT, **rules: object) -> PatternField:
    return replace(PatternField(name, kind, {"vi": name}, {"vi": "ví dụ"}), **rules)  # type: ignore[arg-type]


NOTICE = Pattern(
    id="cat-dien", title={"vi": "Cắt điện"}, about={"vi": "Khi cắt điện"}, field=Field.DIRECTION,
    priority=Priority.NORMAL, facts=(), expires=Expiry("day", "until"), versions={"vi": Version("Cắt điện", TEXT)},
    fields=(
        field("day", FieldKind.DATE), field("since", FieldKind.TIME), field("until", FieldKind.TIME, after="since"),
        field("why", required=False),
    ),
)  # fmt: skip
GIVEN = {"day": "25/11/2026", "since": "7h30", "until": "11:00"}


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (FieldKind.TEXT, "  chợ\n Vôi ", "chợ Vôi"),
        (FieldKind.NUMBER, "24", 24),
        (FieldKind.MONEY, "1.250.000đ", 1_250_000),
        (FieldKind.MONEY, "8 000", 8_000),
        (FieldKind.MONEY, "8000 đồng", 8_000),
        (FieldKind.DATE, "5/12/2026", date(2026, 12, 5)),
        (FieldKind.DATE, "2026-12-05", date(2026, 12, 5)),
        (FieldKind.DATE, "24-11-2026", TODAY),
        (FieldKind.TIME, "7:30", time(7, 30)),
        (FieldKind.TIME, "7h", time(7)),
        (FieldKind.TIME, "07g05", time(7, 5)),
        (FieldKind.TIME, "17 giờ 30", time(17, 30)),
    ],
)
def test_a_value_is_taken_as_people_write_it(kind: FieldKind, given: str, value: Value) -> None:
    assert field(kind=kind).value(given, TODAY) == value


@pytest.mark.parametrize(
    ("wanted", "given", "told"),
    [
        (field(), "gọi {hotline}", "without braces"),
        (field(), "a]b", "without braces"),
        (field(max_characters=3), "bốn chữ", "at most 3 characters"),
        (field(kind=FieldKind.NUMBER, max=9), "10", "10 is more than 9"),
        (field(kind=FieldKind.NUMBER, min=1), "0", "0 is less than 1"),
        (field(kind=FieldKind.NUMBER), "1,5", "whole number"),
        (field(kind=FieldKind.NUMBER), "1.5", "whole number"),
        (field(kind=FieldKind.NUMBER), "-1", "whole number"),
        (field(kind=FieldKind.DATE), "31/2/2026", "write a date"),
        (field(kind=FieldKind.DATE), "mai", "write a date"),
        (field(kind=FieldKind.DATE), "23/11/2026", "is over"),
        (field(kind=FieldKind.DATE, past=True), "25/11/2026", "still to come"),
        (field(kind=FieldKind.TIME), "25:00", "write a time"),
        (field(kind=FieldKind.TIME), "7h60", "write a time"),
        (field(kind=FieldKind.CHOICE, choices={"fire": {"vi": "cháy"}}), "lũ", "Choose one of: fire"),
    ],
)
def test_a_value_against_the_rules_is_refused_by_the_name_of_its_field(
    wanted: PatternField, given: str, told: str
) -> None:
    with pytest.raises(InputError, match=told) as refused:
        wanted.value(given, TODAY)
    assert str(refused.value).startswith("x: ")


def test_a_choice_is_made_by_its_name_or_its_words() -> None:
    wanted = field(kind=FieldKind.CHOICE, choices={"fire": {"vi": "cháy", "en": "a fire"}})
    assert {wanted.value(text, TODAY) for text in ("fire", "cháy", "a fire")} == {"fire"}


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InputError) as refused:
        NOTICE.values({"day": "1/1/2026", "since": "9:00", "until": "8:00", "wy": "x"}, TODAY)
    assert str(refused.value).splitlines() == [
        "There is no field wy. Fields: day, since, until, why.",
        "day: 2026-01-01 is over.",
        "until must come after since.",
    ]


def test_what_is_required_is_missed_and_what_is_optional_is_not() -> None:
    with pytest.raises(InputError, match=r"^since is missing.$"):
        NOTICE.values(GIVEN | {"since": " "}, TODAY)
    assert "why" not in NOTICE.values(GIVEN, TODAY)


def test_the_text_keeps_its_placeholders_and_leaves_out_the_part_that_is_empty() -> None:
    written = {"day": "mai", "since": "7h", "until": "9h"}
    assert NOTICE.filled("vi", written).text == "Xã {commune}: mai, từ 7h đến 9h. Gọi {hotline}."
    assert "từ 7h đến 9h, vì sửa chữa. Gọi" in NOTICE.filled("vi", written | {"why": "sửa chữa"}).text


def test_a_part_that_is_left_out_leaves_no_spaces_behind() -> None:
    pattern = replace(NOTICE, versions={"vi": Version("t", TEXT.replace("[, vì {why}]", "") + " [Vì {why}.]\nHết.")})
    written = {"day": "mai", "since": "7h", "until": "9h"}
    assert pattern.filled("vi", written).text.endswith("Gọi {hotline}.\nHết.")


def test_it_expires_when_what_it_announces_is_over() -> None:
    values = NOTICE.values(GIVEN, TODAY)
    assert NOTICE.expires_at(values) == datetime(2026, 11, 25, 11)  # noqa: DTZ001 - local, as said
    whole_day = replace(NOTICE, expires=Expiry("day"))
    assert whole_day.expires_at(values) == datetime(2026, 11, 25, 23, 59, 59)  # noqa: DTZ001
    assert replace(NOTICE, expires=None).expires_at(values) is None


def test_a_sentence_brings_its_own_full_stop() -> None:
    written = {"day": "mai.", "since": "7h", "until": "9h"}
    ended = replace(NOTICE, versions={"vi": Version("t", TEXT + " Ngày {day}.")})
    assert ended.filled("vi", written).text.endswith("Ngày mai.")


def test_of_two_numbers_the_later_one_is_the_larger() -> None:
    pair = (field("low", FieldKind.NUMBER), field("high", FieldKind.NUMBER, after="low"))
    pattern = replace(NOTICE, fields=pair, expires=None, versions={"vi": Version("t", "{low} đến {high}")})
    assert pattern.values({"low": "1", "high": "5"}, TODAY) == {"low": 1, "high": 5}
    with pytest.raises(InputError, match="high must come after low"):
        pattern.values({"low": "5", "high": "5"}, TODAY)


@pytest.mark.parametrize("choices", [None, {"fire": {"en": "a fire"}}])
def test_a_choice_without_words_in_a_language_is_refused(choices: dict[str, dict[str, str]] | None) -> None:
    chosen = field("what", FieldKind.CHOICE, choices=choices)
    with pytest.raises(InputError, match="what: a choice has no words in vi"):
        replace(NOTICE, fields=(chosen,), expires=None, versions={"vi": Version("t", "{what}")})


def test_a_language_that_it_lacks_is_told_with_those_it_has() -> None:
    with pytest.raises(InputError, match=r"not written in bn. Languages: vi"):
        NOTICE.version("bn")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TEXT + " {hotlne}", "names hotlne, which is no field"),
        (TEXT.replace("{day}", "mai"), "field day stands in no text"),
        (TEXT + " {why}", "put its part in square brackets"),
        (TEXT + " [a", "not closed"),
        (TEXT + " [a [b] c]", "not closed"),
        (TEXT + " {", "not closed"),
    ],
)
def test_a_text_that_does_not_fit_its_fields_is_refused(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        replace(NOTICE, versions={"vi": Version("t", text)})


def test_fields_that_do_not_fit_together_are_refused() -> None:
    for fields, told in (
        ((field("commune"),), "name of a placeholder"),
        ((*NOTICE.fields[:2], field("until", FieldKind.TIME, after="day"), NOTICE.fields[3]), "until comes after day"),
        ((field("day"), *NOTICE.fields[1:]), "expiry needs the field day"),
    ):
        with pytest.raises(InputError, match=told):
            replace(NOTICE, fields=fields)


@given(st.text(), st.sampled_from(FieldKind))
def test_no_text_does_more_than_be_refused(given: str, kind: FieldKind) -> None:
    wanted = field(kind=kind, choices={"a": {"vi": "b"}} if kind is FieldKind.CHOICE else None)
    try:
        value = wanted.value(given, TODAY)
    except InputError:
        return
    if isinstance(value, str):
        assert not set("{}[]") & set(value)
