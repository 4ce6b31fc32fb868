"""Recurrence in an official's words, checked against counting on the calendar."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.recurrence import Recurrence, adjusted, described, on_dates, once, recurrence
from broadcaster.domain.timetable import WEEKDAYS, local_dates
from broadcaster.errors import InputError
from broadcaster.services.telling import rule_in_words
from broadcaster.words import Words

MONDAY = date(2026, 11, 23)
DAY = timedelta(days=1)
days = st.dates(date(2024, 1, 1), date(2040, 12, 31))


def dates(rule: Recurrence, length: int = 800) -> list[date]:
    return list(local_dates(rule.rrule, rule.dtstart, rule.dtstart, rule.dtstart + DAY * length))


@given(
    first=days,
    weekdays=st.sets(st.sampled_from(WEEKDAYS)),
    every=st.none() | st.integers(1, 5),
    length=st.integers(0, 200),
)
def test_weekdays_of_every_so_many_weeks_until_a_date(
    first: date, weekdays: set[str], every: int | None, length: int
) -> None:
    last = first + DAY * length
    found = dates(recurrence(first, weekdays=weekdays, every_weeks=every, until=last))
    wanted = {WEEKDAYS.index(name) for name in weekdays} or ({first.weekday()} if every is not None else set(range(7)))
    monday = first - DAY * first.weekday()
    counted = [
        day
        for day in (first + DAY * number for number in range(length + 1))
        if day.weekday() in wanted and ((day - monday).days // 7) % (every or 1) == 0
    ]
    assert found == counted


@given(first=days, count=st.integers(1, 30))
def test_a_count_is_of_dates(first: date, count: int) -> None:
    assert dates(recurrence(first, count=count)) == [first + DAY * number for number in range(count)]
    assert dates(once(first)) == [first]


@given(first=days, others=st.sets(st.integers(0, 364), max_size=40))
def test_these_dates_are_exactly_these_across_years_and_leap_days(first: date, others: set[int]) -> None:
    wanted = {first, *(first + DAY * number for number in others)}
    assert dates(on_dates(wanted)) == sorted(wanted)


@pytest.mark.parametrize("first", [date(2027, 3, 1), date(2028, 2, 29), date(2028, 3, 1), date(2027, 12, 31)])
def test_a_whole_year_of_dates_has_each_once(first: date) -> None:
    wanted = [first + DAY * number for number in range(365)]
    assert dates(on_dates(wanted)) == wanted


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(InputError, match="not both"):
        recurrence(MONDAY, until=MONDAY, count=1)
    with pytest.raises(InputError, match="before it begins"):
        recurrence(MONDAY, until=MONDAY - DAY)
    with pytest.raises(InputError, match="Unknown weekday thứ 2"):
        recurrence(MONDAY, weekdays=["thứ 2"])
    with pytest.raises(InputError, match="at least one date"):
        on_dates([])
    with pytest.raises(InputError, match="more than a year apart"):
        on_dates([MONDAY, MONDAY + DAY * 365])


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (recurrence(MONDAY), "every day, from 23/11/2026"),
        (recurrence(MONDAY, count=3), "every day, from 23/11/2026, 3 times"),
        (
            recurrence(MONDAY, weekdays=["fri", "mon"], until=date(2026, 12, 31)),
            "every week on Monday, Friday, from 23/11/2026, until 31/12/2026",
        ),
        (recurrence(MONDAY, every_weeks=2), "every 2 weeks on Monday, from 23/11/2026"),
        (once(MONDAY), "once, on 23/11/2026"),
        (on_dates([MONDAY, MONDAY + DAY * 3]), "on these dates: 23/11/2026, 26/11/2026"),
        (Recurrence(MONDAY, "FREQ=MONTHLY;BYDAY=-1FR"), "by the rule FREQ=MONTHLY;BYDAY=-1FR, from 23/11/2026"),
        (Recurrence(MONDAY, "FREQ=WEEKLY"), "by the rule FREQ=WEEKLY, from 23/11/2026"),
    ],
)
def test_a_rule_is_told_in_words(rule: Recurrence, told: str) -> None:
    assert rule_in_words(rule, Words("en")) == told


def test_an_end_or_a_beginning_changes_without_the_days() -> None:
    fortnightly = recurrence(MONDAY, weekdays=["mon", "fri"], every_weeks=2, count=3)
    longer = adjusted(fortnightly, until=date(2026, 12, 31))
    assert longer == Recurrence(MONDAY, "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;UNTIL=20261231")
    assert adjusted(longer, first=MONDAY + DAY) == Recurrence(MONDAY + DAY, longer.rrule)
    assert adjusted(longer, count=5).rrule == "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;COUNT=5"
    with pytest.raises(InputError, match="before it begins"):
        adjusted(longer, until=MONDAY - DAY)
    with pytest.raises(InputError, match="name them anew"):
        adjusted(on_dates([MONDAY, MONDAY + DAY]), until=MONDAY)


def test_it_is_told_in_vietnamese() -> None:
    rule = recurrence(MONDAY, weekdays=["mon", "sun"], count=4)
    assert rule_in_words(rule, Words("vi")) == "hằng tuần vào thứ Hai, Chủ nhật, từ 23/11/2026, 4 lần"


def test_of_many_dates_the_first_are_told() -> None:
    (part,) = described(on_dates([MONDAY + DAY * number * 2 for number in range(20)]))
    assert str(part.values["dates"]).count("/2026") == 12
    assert str(part.values["dates"]).endswith("…")
