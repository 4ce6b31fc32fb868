"""Rules that yield local dates (RFC 5545), checked against counting on the calendar."""

import calendar
from datetime import date, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.timetable import local_dates
from broadcaster.errors import InputError

MONDAY = date(2026, 11, 23)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def dates(rule: str, first: date, last: date, dtstart: date = MONDAY) -> list[date]:
    return list(local_dates(rule, dtstart, first, last))


def after(days: int) -> date:
    return MONDAY + timedelta(days=days)


def test_a_daily_rule_holds_both_ends_of_the_stretch() -> None:
    assert dates("FREQ=DAILY", after(2), after(4)) == [after(2), after(3), after(4)]


def test_nothing_occurs_before_its_first_day() -> None:
    assert dates("FREQ=DAILY", after(-5), after(1)) == [MONDAY, after(1)]
    assert dates("FREQ=DAILY", after(-5), after(-1)) == []


def test_a_count_is_used_up_from_the_first_day_on() -> None:
    assert dates("FREQ=DAILY;COUNT=5", after(3), after(30)) == [after(3), after(4)]
    assert dates("FREQ=DAILY;COUNT=5", after(5), after(30)) == []


@pytest.mark.parametrize("until", ["20261125", "20261125T000000", "20261125T235959Z"])
def test_the_day_of_until_still_occurs(until: str) -> None:
    assert dates(f"FREQ=DAILY;UNTIL={until}", MONDAY, after(30)) == [MONDAY, after(1), after(2)]


def test_an_endless_rule_still_occurs_in_a_hundred_years() -> None:
    far = date(2126, 11, 23)
    assert dates("FREQ=DAILY", far, far) == [far]


def test_an_absurd_count_costs_nothing() -> None:
    assert dates("FREQ=DAILY;COUNT=1000000000", MONDAY, after(1)) == [MONDAY, after(1)]


def test_an_absurd_interval_occurs_once() -> None:
    assert dates("FREQ=DAILY;INTERVAL=99999999999999999999", MONDAY, after(400)) == [MONDAY]


def test_the_rule_may_be_written_small_and_with_its_name() -> None:
    assert dates("rrule:freq=weekly;byday=mo,we", MONDAY, after(7)) == [MONDAY, after(2), after(7)]


@pytest.mark.parametrize("rule", ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MONTHLY;BYDAY=6MO"])
def test_a_day_that_no_calendar_has_never_occurs(rule: str) -> None:
    assert dates(rule, MONDAY, date.max) == []


def test_the_thirty_first_occurs_in_long_months_only() -> None:
    found = dates("FREQ=MONTHLY;BYMONTHDAY=31", date(2027, 1, 1), date(2027, 12, 31), date(2026, 12, 31))
    assert [day.month for day in found] == [1, 3, 5, 7, 8, 10, 12]


def test_the_last_day_of_a_month_is_its_last_day() -> None:
    found = dates("FREQ=MONTHLY;BYMONTHDAY=-1", date(2027, 1, 1), date(2028, 12, 31))
    assert found == [date(y, m, calendar.monthrange(y, m)[1]) for y in (2027, 2028) for m in range(1, 13)]


def test_a_leap_day_occurs_in_leap_years_only() -> None:
    found = dates("FREQ=YEARLY", date(2096, 1, 1), date(2105, 1, 1), date(2096, 2, 29))
    assert found == [date(2096, 2, 29), date(2104, 2, 29)]


def test_a_year_with_a_week_53_has_it_and_no_other_year() -> None:
    found = dates("FREQ=YEARLY;BYWEEKNO=53;BYDAY=TH", MONDAY, date(2060, 12, 31))
    first, last = MONDAY.toordinal(), date(2060, 12, 31).toordinal()
    calendar_days = (date.fromordinal(number) for number in range(first, last + 1))
    assert found == [day for day in calendar_days if day.isocalendar()[1:] == (53, 4)]


@given(st.sets(st.sampled_from(DAYS), min_size=1), st.integers(1, 4), st.integers(0, 6), st.integers(0, 90))
def test_weekly_rules_agree_with_counting_weeks(byday: set[str], interval: int, offset: int, skipped: int) -> None:
    start = after(offset)
    week = start - timedelta(days=start.weekday())
    expected = [
        day
        for day in (start + timedelta(days=number) for number in range(skipped, skipped + 60))
        if DAYS[day.weekday()] in byday and (day - week).days // 7 % interval == 0
    ]
    first, last = start + timedelta(days=skipped), start + timedelta(days=skipped + 59)
    assert dates(f"FREQ=WEEKLY;INTERVAL={interval};BYDAY={','.join(sorted(byday))}", first, last, start) == expected


rules = st.builds(
    "FREQ={};INTERVAL={}{}{}".format,
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]),
    st.sampled_from(
        [1, 2, 3, 5]
    ),  # 7 days on from a Monday no Tuesday ever comes, and dateutil looks up to the year 9999
    st.sampled_from(["", ";BYMONTHDAY=1,15,-1", ";BYDAY=TU,SA", ";BYMONTH=2,11,12"]),
    st.sampled_from(["", ";COUNT=7", ";COUNT=200", ";UNTIL=20270401"]),
)


@given(rules, st.integers(-10, 400), st.integers(0, 60))
def test_a_shorter_stretch_shows_the_same_dates(rule: str, skipped: int, length: int) -> None:
    first, last = after(skipped), after(skipped + length)
    everything = dates(rule, after(-10), after(460))
    assert everything == sorted(set(everything))
    assert dates(rule, first, last) == [day for day in everything if first <= day <= last]


@pytest.mark.parametrize(
    "rule",
    ["FREQ=HOURLY", "FREQ=MINUTELY", "FREQ=SECONDLY", "freq=hourly", "FREQ=DAILY;BYHOUR=3", "FREQ=DAILY;BYMINUTE=3",
     "FREQ=DAILY;BYSECOND=3", "DTSTART:20260101\nRRULE:FREQ=DAILY", "FREQ=DAILY\nEXDATE:20261124",
     "FREQ=DAILY\nRDATE:20261124", "FREQ=DAILY\nEXRULE:FREQ=DAILY"],
)  # fmt: skip
def test_what_is_not_about_dates_is_refused(rule: str) -> None:
    with pytest.raises(InputError, match="a rule yields dates"):
        dates(rule, MONDAY, after(1))


@pytest.mark.parametrize(
    "rule",
    ["", "hằng ngày", "FREQ=", "FREQ=OFTEN", "FREQ=DAILY;COUNT=1e9", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=-1",
     "FREQ=DAILY;UNTIL=tomorrow", "FREQ=DAILY;BYDAY=XX", "BYDAY=MO", "FREQ=DAILY;COUNT=3;UNTIL=20270101",
     "FREQ=DAILY;MONKEYS=12"],
)  # fmt: skip
def test_a_rule_that_cannot_be_followed_is_refused(rule: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        dates(rule, MONDAY, after(1))


@pytest.mark.parametrize("rule", [" INTERVAL=0;FREQ=DAILY", "FREQ=DAILY; INTERVAL=0", "FREQ=DAILY;\tINTERVAL=0"])
def test_an_interval_of_nothing_is_refused_behind_spaces_too(rule: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(islice(local_dates(rule, MONDAY, MONDAY, after(1)), 10))


@given(st.text(max_size=40))
def test_any_other_text_is_refused_and_not_a_crash(text: str) -> None:
    with pytest.raises(InputError):
        dates(text, MONDAY, after(1))
