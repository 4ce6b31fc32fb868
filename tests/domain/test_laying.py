"""Several days laid at once: caps, holidays, what goes on to another slot, moved dates, and slots across midnight."""

from dataclasses import replace
from datetime import date, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.airing import Reason
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.laying import lay
from broadcaster.domain.plan import (
    Held,
    HeldAiring,
    OnHolidays,
    Overflow,
    PlannedAiring,
    Wanted,
    Wish,
    dates_of_wish,
    whole_length,
)
from broadcaster.domain.timetable import Caps, CommuneTimetable, Slot, Window, local_dates
from tests.domain.days import COMMUNE, EVENING, MONDAY, NIGHT, VIETNAM, here, key, wish

TUESDAY, SATURDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=5)
MORNING = Slot("Buổi sáng", Window(time(6), time(6, 30)))
TWO = replace(COMMUNE, slots=(MORNING, EVENING))


def morning(schedule: str, minutes: float = 10, **values: object) -> Wish:
    return replace(wish(schedule, minutes), slot=MORNING.name, **values)  # type: ignore[arg-type]


def laid(timetable: CommuneTimetable, *wanted: tuple[date, Wish], held: Held | None = None) -> dict[str, PlannedAiring]:
    days: dict[date, list[Wanted]] = {}
    for day, wished in wanted:
        days.setdefault(day, []).append(Wanted(day, wished))
    return {f"{a.key.schedule} {a.key.local_date.day}": a for a in lay(timetable, days, held or {})}


def found(airings: dict[str, PlannedAiring]) -> dict[str, str]:
    """Each airing's local time, or why it is blocked."""
    return {
        name: str(a.blocked) if a.blocked else f"{a.due_at.astimezone(VIETNAM):%d %H:%M}" for name, a in airings.items()
    }


def test_only_the_earliest_sessions_of_a_day_stay_under_the_cap() -> None:
    capped = replace(TWO, caps=Caps(sessions_per_day=2))
    wanted = [
        (MONDAY, wish("noon", at="12:00")),
        (MONDAY, wish("evening")),
        (MONDAY, morning("a")),
        (MONDAY, morning("b")),
    ]
    assert found(laid(capped, *wanted)) == {
        "a 23": "23 06:00", "b 23": "23 06:10", "noon 23": "23 12:00", "evening 23": "cap_sessions",
    }  # fmt: skip


def test_a_slot_in_which_nothing_airs_is_no_session() -> None:
    capped = replace(TWO, caps=Caps(sessions_per_day=1))
    wanted = [(MONDAY, morning("too long", 31)), (MONDAY, wish("evening"))]
    assert found(laid(capped, *wanted)) == {"too long 23": "slot_full", "evening 23": "23 17:00"}


def test_a_fixed_time_inside_a_slot_belongs_to_its_session() -> None:
    capped = replace(COMMUNE, caps=Caps(sessions_per_day=1))
    wanted = [(MONDAY, wish("slot", 5)), (MONDAY, wish("fixed", 5, at="17:20")), (MONDAY, wish("late", at="18:00"))]
    assert found(laid(capped, *wanted)) == {"slot 23": "23 17:00", "fixed 23": "23 17:20", "late 23": "cap_sessions"}


def test_a_session_airs_no_more_minutes_than_its_cap_and_a_shorter_one_still_fits() -> None:
    capped = replace(COMMUNE, caps=Caps(per_session=timedelta(minutes=15)))
    wanted = [(MONDAY, wish("a", 10)), (MONDAY, wish("b", 10)), (MONDAY, wish("c", 5))]
    assert found(laid(capped, *wanted)) == {"a 23": "23 17:00", "b 23": "cap_minutes", "c 23": "23 17:10"}


def test_weekends_can_be_without_sessions() -> None:
    capped = replace(COMMUNE, caps=Caps(weekends=False))
    assert found(laid(capped, (MONDAY, wish("a")), (SATURDAY, wish("a")))) == {
        "a 23": "23 17:00",
        "a 28": "cap_sessions",
    }


def test_what_was_begun_counts_towards_the_caps() -> None:
    capped = replace(TWO, caps=Caps(sessions_per_day=1, per_session=timedelta(minutes=15)))
    held = {key("begun"): HeldAiring(here("06:00"), here("06:10"))}
    airings = laid(capped, (MONDAY, morning("a")), (MONDAY, morning("b", 5)), (MONDAY, wish("c")), held=held)
    assert found(airings) == {"a 23": "cap_minutes", "b 23": "23 06:10", "c 23": "cap_sessions"}


def test_an_emergency_takes_its_time_and_no_session_from_others() -> None:
    capped = replace(TWO, caps=Caps(sessions_per_day=2, per_session=timedelta(minutes=15)))
    held = {
        key("lu"): HeldAiring(here("06:00"), here("06:10"), counts=False),
        key("lu-2"): HeldAiring(here("13:00"), here("13:10"), counts=False),
    }
    airings = laid(capped, (MONDAY, morning("a", 15)), (MONDAY, wish("b", at="13:05")), (MONDAY, wish("c")), held=held)
    assert found(airings) == {"a 23": "23 06:10", "b 23": "overlap", "c 23": "23 17:00"}


def test_what_was_begun_at_a_time_that_nobody_wishes_for_any_more_counts_too() -> None:
    capped = replace(TWO, caps=Caps(sessions_per_day=2))
    held = {key("late"): HeldAiring(here("20:00"), here("20:10"))}  # handed over early, and due late
    airings = laid(capped, (MONDAY, morning("a")), (MONDAY, wish("b", at="12:00")), (MONDAY, wish("c")), held=held)
    assert found(airings) == {"a 23": "23 06:00", "b 23": "cap_sessions", "c 23": "cap_sessions"}


def test_a_rehearsal_knows_no_caps_and_uses_none_up() -> None:
    capped = replace(TWO, caps=Caps(sessions_per_day=1))
    wanted = [(MONDAY, morning("try", is_rehearsal=True)), (MONDAY, wish("evening")), (MONDAY, wish("x", at="19:00"))]
    assert found(laid(capped, *wanted))["evening 23"] == "23 17:00"


def test_a_holiday_holds_back_only_what_is_to_be_skipped_then() -> None:
    closed = replace(COMMUNE, holidays=frozenset({MONDAY}))
    wanted = [(MONDAY, wish("skips", on_holidays=OnHolidays.SKIP)), (MONDAY, wish("keeps"))]
    assert found(laid(closed, *wanted)) == {"skips 23": "holiday", "keeps 23": "23 17:00"}


def test_of_several_reasons_the_first_of_the_list_is_given() -> None:
    day = replace(
        COMMUNE, holidays=frozenset({MONDAY}), quiet_hours=Window(time(17), time(18)), caps=Caps(sessions_per_day=0)
    )
    skips = wish("a", 40, on_holidays=OnHolidays.SKIP, expires_at=here("16:00"))
    assert found(laid(day, (MONDAY, skips)))["a 23"] == "expired"
    assert found(laid(day, (MONDAY, replace(skips, expires_at=None))))["a 23"] == "holiday"
    assert found(laid(day, (MONDAY, wish("a", 40))))["a 23"] == "quiet_hours"
    assert found(laid(replace(day, quiet_hours=None), (MONDAY, wish("a", 40))))["a 23"] == "cap_sessions"


def test_what_does_not_fit_goes_on_to_the_next_slot_and_keeps_its_key() -> None:
    wanted = [(MONDAY, morning("a", 25)), (MONDAY, morning("b", 10, overflow=Overflow.NEXT_SLOT)), (MONDAY, wish("c"))]
    airings = laid(TWO, *wanted)
    assert found(airings) == {"a 23": "23 06:00", "b 23": "23 17:00", "c 23": "23 17:10"}
    assert airings["b 23"].key.place_in_day == MORNING.name


def test_after_the_last_slot_of_a_day_the_first_of_the_next_one_follows() -> None:
    wanted = [(MONDAY, wish("a", 25)), (MONDAY, wish("b", 10, overflow=Overflow.NEXT_SLOT))]
    assert found(laid(TWO, *wanted))["b 23"] == "24 06:00"


def test_what_does_not_fit_can_go_to_the_same_slot_of_the_next_day() -> None:
    wanted = [(MONDAY, morning("a", 25)), (MONDAY, morning("b", 10, order=1, overflow=Overflow.NEXT_DAY))]
    assert found(laid(TWO, *wanted, (TUESDAY, morning("a", 10)))) == {
        "a 23": "23 06:00", "b 23": "24 06:10", "a 24": "24 06:00",
    }  # fmt: skip


@pytest.mark.parametrize("overflow", [Overflow.NEXT_SLOT, Overflow.NEXT_DAY])
def test_what_fits_nowhere_is_told_where_it_was_wished_for(overflow: Overflow) -> None:
    airings = laid(TWO, (MONDAY, morning("long", 31, overflow=overflow)))
    assert found(airings) == {"long 23": "slot_full"}
    assert airings["long 23"].due_at == here("06:00")


def test_a_fixed_time_goes_nowhere() -> None:
    capped = replace(TWO, caps=Caps(per_session=timedelta(minutes=5)))
    assert found(laid(capped, (MONDAY, wish("a", 10, at="12:00", overflow=Overflow.NEXT_SLOT)))) == {
        "a 23": "cap_minutes"
    }


def test_a_slot_across_midnight_does_not_sound_over_the_next_day() -> None:
    night = CommuneTimetable("kep", VIETNAM, (Slot("Đêm", Window(time(23), time(1))),), None)
    wanted = [(MONDAY, replace(wish("late", 90), slot="Đêm")), (TUESDAY, wish("early", at="00:20"))]
    assert found(laid(night, *wanted)) == {"late 23": "23 23:00", "early 24": "overlap"}
    urgent = replace(wanted[1][1], priority=Priority.EMERGENCY)
    assert found(laid(night, wanted[0], (TUESDAY, urgent))) == {"late 23": "overlap", "early 24": "24 00:20"}


def test_a_fixed_time_gives_way_to_what_is_on_air() -> None:
    held = {key("begun"): HeldAiring(here("11:55"), here("12:05"))}
    assert found(laid(COMMUNE, (MONDAY, wish("a", at="12:00")), held=held)) == {"a 23": "overlap"}


def test_a_time_that_a_clock_change_skips_airs_once_and_one_that_comes_twice_the_first_time() -> None:
    berlin = CommuneTimetable("kep", ZoneInfo("Europe/Berlin"), (), None)
    for day, hour in ((date(2027, 3, 28), "03:30+0200"), (date(2026, 10, 25), "02:30+0200")):
        (airing,) = laid(berlin, (day, wish("a", at="02:30"))).values()
        assert f"{airing.due_at.astimezone(berlin.zone):%H:%M%z}" == hour


def test_exceptions_and_moves_change_single_dates_and_keep_the_rules_own() -> None:
    days = [MONDAY + timedelta(days=number) for number in range(4)]
    moved = {days[1]: SATURDAY, days[2]: SATURDAY}
    assert list(dates_of_wish(days, frozenset({days[0], days[2]}), moved)) == [(days[1], SATURDAY), (days[3], days[3])]


def test_repeats_are_plays_in_all_with_the_gaps_between_them() -> None:
    minute = timedelta(minutes=1)
    assert whole_length(minute, 1, minute) == minute
    assert whole_length(minute, 3, timedelta(seconds=30)) == 4 * minute


@pytest.mark.parametrize(
    ("rule", "dtstart", "dates"),
    [
        ("FREQ=MONTHLY;BYMONTHDAY=31", date(2027, 1, 31), ["2027-01-31", "2027-03-31", "2027-05-31"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", date(2027, 1, 31), ["2027-01-31", "2027-02-28", "2027-03-31"]),
        ("FREQ=YEARLY", date(2028, 2, 29), ["2028-02-29", "2032-02-29", "2036-02-29"]),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO", date(2026, 1, 1), ["2026-12-28", "2032-12-27", "2037-12-28"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", MONDAY, ["2026-11-23", "2026-12-07", "2026-12-21"]),
    ],
)
def test_month_ends_leap_days_and_week_53_come_as_the_calendar_has_them(
    rule: str, dtstart: date, dates: list[str]
) -> None:
    occurring = local_dates(rule, dtstart, dtstart, date(2040, 1, 1))
    assert [str(next(occurring)) for _ in range(3)] == dates


@st.composite
def weeks(draw: st.DrawFn) -> tuple[CommuneTimetable, dict[date, list[Wanted]], Held]:
    """A commune with caps, holidays and slots, one of them across midnight, and what is wished for some days of it."""
    days = [MONDAY + timedelta(days=number) for number in range(draw(st.integers(1, 5)))]
    caps = Caps(draw(st.none() | st.integers(0, 3)), timedelta(minutes=draw(st.integers(5, 45))), draw(st.booleans()))
    slots = (MORNING, EVENING, Slot("Đêm", Window(time(20, 30), time(0, 30))))
    timetable = CommuneTimetable(
        "kep", VIETNAM, slots, NIGHT, (), caps, frozenset(draw(st.sets(st.sampled_from(days))))
    )
    wanted: dict[date, list[Wanted]] = {day: [] for day in days}
    for number in range(draw(st.integers(0, 15))):
        place = draw(st.sampled_from(["Buổi sáng", "Buổi chiều", "Đêm", "06:10", "12:00", "20:50"]))
        wished = replace(
            wish(f"w{number}", draw(st.integers(1, 40))),
            slot=None if ":" in place else place, at=place if ":" in place else None,
            priority=draw(st.sampled_from(Priority)), order=draw(st.integers(0, 2)),
            on_holidays=draw(st.sampled_from(OnHolidays)), overflow=draw(st.sampled_from(Overflow)),
        )  # fmt: skip
        for day in draw(st.sets(st.sampled_from(days))):
            wanted[day].append(Wanted(day, wished))
    held = {key("held"): HeldAiring(here("06:05"), here("06:15"))} if draw(st.booleans()) else {}
    return timetable, wanted, held


@given(weeks())
def test_every_wish_has_one_airing_and_none_breaks_a_rule(
    week: tuple[CommuneTimetable, dict[date, list[Wanted]], Held],
) -> None:
    timetable, wanted, held = week
    airings = lay(timetable, wanted, held)
    keys = [airing.key for airing in airings]
    asked = [(w.wish.schedule, w.date, w.wish.place_in_day) for day in wanted.values() for w in day]
    assert sorted((k.schedule, k.local_date, k.place_in_day) for k in keys) == sorted(asked)
    sounding = [airing for airing in airings if airing.blocked is None]
    intervals = sorted([(a.due_at, a.ends_at) for a in sounding] + [(h.start, h.end) for h in held.values()])
    assert all(before[1] <= after[0] for before, after in pairwise(intervals))
    assert not any(timetable.is_quiet((airing.due_at, airing.ends_at)) for airing in sounding)
    wishes = {(w.wish.schedule, w.wish.place_in_day): w.wish for day in wanted.values() for w in day}
    caps = timetable.caps
    assert caps is not None
    for day in sorted({airing.due_at.astimezone(VIETNAM).date() for airing in sounding} - {MONDAY - timedelta(days=1)}):
        minutes: dict[object, timedelta] = {}
        for start, end in intervals:
            at = start.astimezone(VIETNAM)
            if at.date() == day and at.time() >= time(5):
                name = next((s.name for s in timetable.slots if s.window.on(day, VIETNAM)[0] <= start
                             < s.window.on(day, VIETNAM)[1]), start)  # fmt: skip
                minutes[name] = minutes.get(name, timedelta()) + (end - start)
        most = caps.sessions_on(day)
        assert most is None or len(minutes) <= max(most, bool(held) and day == MONDAY)
        assert caps.per_session is not None
        limit = max(caps.per_session, timedelta(minutes=10) if held and day == MONDAY else timedelta())
        assert all(length <= limit for length in minutes.values())
    for airing in sounding:
        if wishes[airing.key.schedule, airing.key.place_in_day].on_holidays is OnHolidays.SKIP:
            assert airing.due_at.astimezone(VIETNAM).date() not in timetable.holidays


def test_reasons_keep_the_order_of_the_contract() -> None:
    order = ["expired", "holiday", "quiet_hours", "reserved", "cap_sessions", "cap_minutes", "slot_full", "overlap"]
    assert [reason for reason in Reason if reason in order] == order


def test_a_fixed_time_has_no_slot_to_go_on_to() -> None:
    capped = replace(TWO, caps=Caps(per_session=timedelta(minutes=5)))
    long = wish("long", 10, at="19:00", overflow=Overflow.NEXT_SLOT)
    assert found(laid(capped, (MONDAY, long)))["long 23"] == "cap_minutes"


def test_a_fixed_time_after_midnight_is_in_the_slot_of_the_day_before() -> None:
    night = Slot("Khuya", Window(time(23, 30), time(0, 30)))
    crossing = replace(COMMUNE, slots=(night,), quiet_hours=None, caps=Caps(sessions_per_day=1))
    airings = laid(crossing, (TUESDAY, wish("early", at="00:10")), (TUESDAY, wish("late", at="09:00")))
    assert found(airings) == {"early 24": "24 00:10", "late 24": "24 09:00"}
