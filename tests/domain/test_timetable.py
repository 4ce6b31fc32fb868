"""Windows, quiet hours and instants, also on the days on which clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.timetable import (
    ALL_DAYS,
    Blocked,
    CommuneTimetable,
    Window,
    instant,
    local_time,
    weekdays,
)
from broadcaster.errors import InputError

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 23)
SPRING, AUTUMN = date(2027, 3, 28), date(2026, 10, 25)
NIGHT = Window(time(21), time(5))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def here(text: str, day: date = MONDAY) -> datetime:
    """A moment of a Vietnamese day, worked out without the code under test."""
    return utc(f"{day}T{text}+07:00")


def commune(quiet: Window | None = NIGHT, *reserved: Blocked, zone: ZoneInfo = VIETNAM) -> CommuneTimetable:
    return CommuneTimetable("kep", zone, (), quiet, reserved)


def test_a_window_within_a_day_ends_on_that_day() -> None:
    assert Window(time(17), time(17, 30)).on(MONDAY, VIETNAM) == (here("17:00"), here("17:30"))


def test_a_window_that_crosses_midnight_ends_on_the_next_day() -> None:
    assert NIGHT.on(MONDAY, VIETNAM) == (here("21:00"), here("05:00", date(2026, 11, 24)))


def test_instants_are_aware_and_in_utc() -> None:
    found = instant(MONDAY, time(17), VIETNAM)
    assert found.tzinfo is UTC
    assert found == datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end"),
    [("05:00", "05:10"), ("20:50", "21:00"), ("05:00", "21:00"), ("12:00", "12:00:01")],
    ids=["starts as they end", "ends as they begin", "fills the whole day", "at noon"],
)
def test_outside_the_quiet_hours_is_not_quiet(start: str, end: str) -> None:
    assert not commune().is_quiet((here(start), here(end)))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (here("04:59:59.999999"), here("05:10")),
        (here("20:50"), here("21:00:00.000001")),
        (here("21:00"), here("21:00:01")),
        (here("23:59"), here("00:01", date(2026, 11, 24))),
        (here("03:15"), here("03:35")),
        (here("20:00"), here("06:00", date(2026, 11, 24))),
        (here("12:00"), here("12:00", date(2026, 11, 24))),
    ],
    ids=["a moment early", "a moment long", "first", "at midnight", "at 03:15", "over all of them", "for a day"],
)
def test_whatever_touches_the_quiet_hours_is_quiet(start: datetime, end: datetime) -> None:
    assert commune().is_quiet((start, end))


def test_quiet_hours_at_noon_leave_the_night_free() -> None:
    siesta = commune(Window(time(12), time(13, 30)))
    assert siesta.is_quiet((here("13:29"), here("13:31")))
    assert not siesta.is_quiet((here("23:00"), here("23:30")))


def test_without_quiet_hours_nothing_is_quiet() -> None:
    assert not commune(None).is_quiet((here("00:00"), here("23:59")))


def test_a_reserved_window_comes_on_its_days_only_and_reaches_over_midnight() -> None:
    relay = commune(None, Blocked(Window(time(23, 30), time(0, 30)), "Tiếp sóng", frozenset({0})))
    monday_night = (here("23:30"), here("00:30", date(2026, 11, 24)))
    assert list(relay.reserved_around(MONDAY)) == [monday_night]
    assert list(relay.reserved_around(date(2026, 11, 24))) == [monday_night]
    assert list(relay.reserved_around(date(2026, 11, 25))) == []


minutes = st.integers(0, 24 * 60 - 1)


def clock_time(minute: int) -> time:
    return time(minute // 60, minute % 60)


@given(minutes, minutes, minutes, st.integers(1, 24 * 60))
def test_quiet_is_what_a_clock_on_the_wall_says_minute_by_minute(
    quiet_start: int, quiet_end: int, start: int, length: int
) -> None:
    if quiet_start == quiet_end:
        quiet_end = (quiet_end + 1) % (24 * 60)
    begins = here("00:00") + timedelta(minutes=start)
    shown = ((start + minute) % (24 * 60) for minute in range(length))
    if quiet_start < quiet_end:
        expected = any(quiet_start <= minute < quiet_end for minute in shown)
    else:
        expected = any(minute >= quiet_start or minute < quiet_end for minute in shown)
    timetable = commune(Window(clock_time(quiet_start), clock_time(quiet_end)))
    assert timetable.is_quiet((begins, begins + timedelta(minutes=length))) == expected


def test_a_time_that_spring_skips_is_read_with_the_offset_before_the_gap() -> None:
    assert instant(SPRING, time(2, 30), BERLIN) == utc("2027-03-28T03:30+02:00")


def test_a_time_that_autumn_repeats_means_the_first() -> None:
    assert instant(AUTUMN, time(2, 30), BERLIN) == utc("2026-10-25T02:30+02:00")


@given(st.dates(date(2000, 1, 1), date(2037, 12, 31)), st.times(), st.sampled_from(["Europe/Berlin", "Asia/Ho_Chi_Minh",
       "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Sao_Paulo"]))  # fmt: skip
def test_a_daily_time_comes_once_a_day_in_order(day: date, at: time, zone: str) -> None:
    today, tomorrow = (instant(date_, at, ZoneInfo(zone)) for date_ in (day, day + timedelta(days=1)))
    assert timedelta(hours=22) <= tomorrow - today <= timedelta(hours=26)


def test_quiet_hours_over_a_change_of_clocks_last_as_long_as_the_night_does() -> None:
    night = Window(time(21), time(5))
    lengths = [end - start for start, end in (night.on(day - timedelta(days=1), BERLIN) for day in (SPRING, AUTUMN))]
    assert lengths == [timedelta(hours=7), timedelta(hours=9)]


@pytest.mark.parametrize(
    ("moment", "is_quiet"),
    [("04:59:59+02:00", True), ("05:00+02:00", False), ("03:30+02:00", True), ("01:59+01:00", True)],
)
def test_the_morning_after_the_change_is_quiet_by_the_new_time(moment: str, is_quiet: bool) -> None:
    start = utc(f"{SPRING}T{moment}")
    assert commune(zone=BERLIN).is_quiet((start, start + timedelta(microseconds=1))) == is_quiet


GRACE = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("due", "latest"),
    [("17:00", "17:05"), ("20:50", "20:52"), ("20:52", "20:52"), ("20:40", "20:45")],
    ids=["nothing near", "cut by the night", "no room at all", "just enough room"],
)
def test_the_latest_start_still_ends_before_the_night(due: str, latest: str) -> None:
    assert commune().latest_start(here(due), timedelta(minutes=8), GRACE) == here(latest)


def test_the_latest_start_ends_before_a_reserved_window_of_that_day() -> None:
    window = Window(time(17, 12), time(17, 20))
    relay = commune(NIGHT, Blocked(window, "Tiếp sóng", frozenset({0})))
    tuesday = date(2026, 11, 24)
    assert relay.latest_start(here("17:00"), timedelta(minutes=10), GRACE) == here("17:02")
    assert relay.latest_start(here("17:00", tuesday), timedelta(minutes=10), GRACE) == here("17:05", tuesday)


@given(minutes, minutes, minutes, st.integers(1, 300), st.integers(0, 120), st.sampled_from([VIETNAM, BERLIN]),
       st.sampled_from([MONDAY, SPRING, AUTUMN]))  # fmt: skip
def test_no_start_up_to_the_latest_one_touches_the_quiet_hours(
    quiet_start: int, quiet_end: int, due_minute: int, length: int, grace: int, zone: ZoneInfo, day: date
) -> None:
    timetable = commune(Window(clock_time(quiet_start), clock_time(quiet_end)), zone=zone)
    due, duration = instant(day, clock_time(due_minute), zone), timedelta(minutes=length)
    latest = timetable.latest_start(due, duration, timedelta(minutes=grace))
    assert due <= latest <= due + timedelta(minutes=grace)
    if not timetable.is_quiet((due, due + duration)):
        assert not timetable.is_quiet((latest, latest + duration))


@pytest.mark.parametrize(
    ("text", "expected"), [("05:30", time(5, 30)), ("00:00", time()), ("23:59:59", time(23, 59, 59))]
)
def test_a_time_of_day_is_read(text: str, expected: time) -> None:
    assert local_time(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "17", "7:30", "24:00", "17:60", "17:00:60", "17:00:00:00", "17.00", "17h00", "+7:30", " 7:30", "-0:00",
     "٠٧:٣٠", "１７:００", "17:0a"],
)  # fmt: skip
def test_what_is_no_time_of_day_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(InputError, match=r'Write it as "17:00", in quotes'):
        local_time(text)


def test_weekdays_count_from_monday() -> None:
    assert weekdays(["mon", "sun"]) == {0, 6}
    assert weekdays(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]) == ALL_DAYS


def test_an_unknown_weekday_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"Unknown weekday Monday. Known: mon, tue"):
        weekdays(["Monday"])
