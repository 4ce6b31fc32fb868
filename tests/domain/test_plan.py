"""A commune's day as the planner lays it: who airs when, and what stands in the way of whom."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.airing import AiringKey, Reason
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.plan import PlannedAiring, Wish, lay_day, obstacle
from broadcaster.domain.timetable import Blocked, CommuneTimetable, Slot, Window, instant

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
MONDAY = date(2026, 11, 23)
NIGHT = Window(time(21), time(5))
EVENING = Slot("Buổi chiều", Window(time(17), time(17, 30)))
COMMUNE = CommuneTimetable("kep", VIETNAM, (EVENING,), NIGHT)


def here(text: str, day: date = MONDAY) -> datetime:
    return datetime.fromisoformat(f"{day}T{text}+07:00").astimezone(UTC)


def wish(schedule: str, minutes: float = 10, **values: object) -> Wish:
    """A wish for the evening slot, unless a time is given."""
    plain = Wish(schedule, MONDAY, timedelta(minutes=minutes), Priority.NORMAL, 0, (here("00:00"), schedule))
    return replace(plain, slot=None if "at" in values else EVENING.name, **values)  # type: ignore[arg-type]


def laid(*wishes: Wish, timetable: CommuneTimetable = COMMUNE, day: date = MONDAY) -> dict[str, PlannedAiring]:
    return {airing.key.schedule: airing for airing in lay_day(timetable, day, wishes)}


def starts(airings: dict[str, PlannedAiring]) -> list[tuple[str, str]]:
    """Who airs, in order, with the local time."""
    return [
        (name, f"{airing.due_at.astimezone(VIETNAM):%H:%M}") for name, airing in airings.items() if not airing.blocked
    ]


def test_a_slot_is_filled_end_to_end() -> None:
    assert starts(laid(wish("a", 10), wish("b", 15), wish("c", 5))) == [("a", "17:00"), ("b", "17:10"), ("c", "17:25")]


def test_the_more_urgent_comes_first_then_the_order_then_the_older() -> None:
    older, newer = (here("01:00"), "z"), (here("02:00"), "a")
    found = laid(
        wish("newer", 5, age=newer),
        wish("older", 5, age=older),
        wish("ordered", 5, age=older, order=-1),
        wish("priority", 5, age=newer, order=9, priority=Priority.PRIORITY),
        wish("emergency", 5, age=newer, order=9, priority=Priority.EMERGENCY),
    )
    assert [name for name, _ in starts(found)] == ["emergency", "priority", "ordered", "older", "newer"]


def test_one_that_does_not_fit_leaves_its_room_to_the_next() -> None:
    found = laid(wish("a", 20), wish("too long", 15), wish("short", 10, order=1))
    assert starts(found) == [("a", "17:00"), ("short", "17:20")]
    assert found["too long"].blocked is Reason.SLOT_FULL


def test_an_airing_may_end_exactly_with_its_slot() -> None:
    assert laid(wish("a", 30))["a"].blocked is None


def test_a_slot_of_other_days_yields_nothing() -> None:
    weekend = replace(EVENING, days=frozenset({5, 6}))
    assert laid(wish("a"), timetable=replace(COMMUNE, slots=(weekend,))) == {}


def test_a_wish_for_a_slot_the_commune_does_not_have_yields_nothing() -> None:
    assert laid(replace(wish("a"), slot="Buổi tối")) == {}


def test_the_key_is_the_schedule_the_commune_the_day_and_the_place_in_it() -> None:
    found = laid(wish("slotted"), wish("timed", at="06:30"))
    assert found["slotted"].key == AiringKey("slotted", "kep", MONDAY, "Buổi chiều")
    assert found["timed"].key == AiringKey("timed", "kep", MONDAY, "06:30")


def test_a_neighbour_that_grows_moves_the_next_but_keeps_its_key() -> None:
    before, after = laid(wish("a", 5), wish("b", 5)), laid(wish("a", 12), wish("b", 5))
    assert before["b"].due_at != after["b"].due_at
    assert before["b"].key == after["b"].key


@pytest.mark.parametrize(
    ("at", "blocked"),
    [("20:50", None), ("20:50:01", Reason.QUIET_HOURS), ("05:00", None), ("04:59:59", Reason.QUIET_HOURS),
     ("03:15", Reason.QUIET_HOURS)],
)  # fmt: skip
def test_quiet_hours_block_whatever_touches_them(at: str, blocked: Reason | None) -> None:
    assert laid(wish("a", 10, at=at))["a"].blocked is blocked


def test_a_slot_that_reaches_into_the_quiet_hours_airs_until_they_begin() -> None:
    late = replace(COMMUNE, slots=(Slot(EVENING.name, Window(time(20, 40), time(21, 40))),))
    found = laid(wish("a", 20), wish("b", 20), timetable=late)
    assert starts(found) == [("a", "20:40")]
    assert found["b"].blocked is Reason.QUIET_HOURS


def test_a_slot_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    night_shift = replace(COMMUNE, slots=(Slot(EVENING.name, Window(time(23, 50), time(0, 20))),), quiet_hours=None)
    found = laid(wish("a", 10), wish("b", 10), timetable=night_shift)
    assert [airing.due_at for airing in found.values()] == [here("23:50"), here("00:00", date(2026, 11, 24))]
    assert {airing.key.local_date for airing in found.values()} == {MONDAY}


def test_a_reserved_window_blocks_on_its_days() -> None:
    relay = Blocked(Window(time(17, 5), time(17, 15)), "Tiếp sóng", frozenset({0}))
    reserved = replace(COMMUNE, reserved=(relay,))
    assert laid(wish("a", at="17:00"), timetable=reserved)["a"].blocked is Reason.RESERVED
    assert laid(wish("a", 5, at="17:00"), timetable=reserved)["a"].blocked is None
    assert laid(wish("a", at="17:15"), timetable=reserved)["a"].blocked is None


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"expires_at": here("17:00")}, Reason.EXPIRED),
        ({"expires_at": here("17:00:01")}, None),
        ({"valid_from": here("17:00:01")}, Reason.OUTSIDE_APPROVAL),
        ({"valid_from": here("17:00")}, None),
        ({"valid_until": here("17:00")}, Reason.OUTSIDE_APPROVAL),
        ({"valid_until": here("17:00:01")}, None),
    ],
)
def test_nothing_airs_expired_or_outside_its_approval(values: dict[str, Any], reason: Reason | None) -> None:
    assert laid(wish("a", **values))["a"].blocked is reason
    assert laid(wish("a", is_rehearsal=True, **values))["a"].blocked is reason


def test_of_two_at_once_the_less_urgent_is_blocked_though_it_is_earlier() -> None:
    found = laid(wish("normal", at="12:00"), wish("urgent", at="12:05", priority=Priority.PRIORITY))
    assert found["normal"].blocked is Reason.OVERLAP
    assert found["urgent"].blocked is None


def test_of_two_equally_urgent_at_once_the_later_is_blocked() -> None:
    found = laid(wish("later", at="12:05", order=-1), wish("earlier", at="12:00"))
    assert found["later"].blocked is Reason.OVERLAP
    assert found["earlier"].blocked is None


def test_one_that_follows_at_once_does_not_overlap() -> None:
    assert starts(laid(wish("a", at="12:00"), wish("b", at="12:10"))) == [("a", "12:00"), ("b", "12:10")]


def test_what_is_blocked_already_blocks_nobody() -> None:
    expired = wish("expired", at="12:00", priority=Priority.EMERGENCY, expires_at=here("11:00"))
    assert laid(expired, wish("normal", at="12:05"))["normal"].blocked is None


def test_a_fixed_time_in_a_slot_blocks_what_it_meets() -> None:
    found = laid(wish("slotted"), wish("urgent", 5, at="17:05", priority=Priority.EMERGENCY))
    assert found["slotted"].blocked is Reason.OVERLAP


def test_a_rehearsal_is_held_back_by_neither_night_nor_relay() -> None:
    relay = Blocked(Window(time(3), time(4)), "Tiếp sóng")
    rehearsal = wish("a", at="03:15", is_rehearsal=True)
    assert laid(rehearsal, timetable=replace(COMMUNE, reserved=(relay,)))["a"].blocked is None


def test_a_rehearsal_does_not_sound_over_another_airing() -> None:
    found = laid(wish("real", at="12:00"), wish("rehearsal", at="12:05", is_rehearsal=True))
    assert found["rehearsal"].blocked is Reason.OVERLAP


def test_a_rehearsal_keeps_to_its_slot() -> None:
    assert laid(wish("a", 40, is_rehearsal=True))["a"].blocked is Reason.SLOT_FULL


def test_a_day_looks_the_same_when_one_schedule_names_a_time_twice() -> None:
    twice = [wish("a", at="17:00"), wish("a", at="17:00:00")]
    assert lay_day(COMMUNE, MONDAY, twice) == lay_day(COMMUNE, MONDAY, twice[::-1])


def test_half_past_two_airs_once_on_the_days_on_which_clocks_change() -> None:
    berlin = CommuneTimetable("kep", ZoneInfo("Europe/Berlin"), (), None)
    for day in (date(2027, 3, 28), date(2026, 10, 25)):
        found = lay_day(berlin, day, [replace(wish("a", at="02:30"), local_date=day)])
        assert [airing.blocked for airing in found] == [None]


def test_the_first_obstacle_is_the_one_that_is_told() -> None:
    night = (here("22:00"), here("22:10"))
    assert obstacle(COMMUNE, wish("a", expires_at=here("12:00")), night) is Reason.EXPIRED
    assert obstacle(COMMUNE, wish("a"), night, here("17:30")) is Reason.QUIET_HOURS


def _clock(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


windows = st.builds(
    lambda start, length: Window(_clock(start), _clock(start + length)), st.integers(0, 1439), st.integers(1, 1000)
)
communes = st.builds(
    lambda zone, slots, quiet, reserved: CommuneTimetable(
        "kep",
        ZoneInfo(zone),
        tuple(Slot(name, window) for name, window in slots.items()),
        quiet,
        tuple(Blocked(window, "") for window in reserved),
    ),
    st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Berlin"]),
    st.dictionaries(st.sampled_from(["sáng", "trưa", "chiều"]), windows),
    st.none() | windows,
    st.lists(windows, max_size=1),
)
wishes = st.lists(
    st.builds(
        lambda name, place, minutes, priority, order, age, is_rehearsal: Wish(
            schedule=name,
            local_date=MONDAY,
            duration=timedelta(minutes=minutes),
            priority=priority,
            order=order,
            age=(here("00:00") - timedelta(days=age), name),
            slot=place if isinstance(place, str) else None,
            at=None if isinstance(place, str) else f"{_clock(place):%H:%M}",
            is_rehearsal=is_rehearsal,
        ),
        st.sampled_from("abcdefgh"),
        st.sampled_from(["sáng", "trưa", "chiều"]) | st.integers(0, 1439),
        st.integers(1, 90),
        st.sampled_from(Priority),
        st.integers(0, 2),
        st.integers(0, 1),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda wish: (wish.schedule, wish.place_in_day),
)
days = st.sampled_from([MONDAY, date(2027, 3, 28), date(2026, 10, 25)])


@given(communes, wishes, days)
def test_no_two_airings_of_a_day_sound_at_once(commune: CommuneTimetable, asked: list[Wish], day: date) -> None:
    sounding = [airing for airing in lay_day(commune, day, asked) if airing.blocked is None]
    for before, after in pairwise(sounding):
        assert before.ends_at <= after.due_at


@given(communes, wishes, days)
def test_no_airing_but_a_rehearsal_sounds_in_the_quiet_hours(
    commune: CommuneTimetable, asked: list[Wish], day: date
) -> None:
    rehearsals = {(wish.schedule, wish.place_in_day) for wish in asked if wish.is_rehearsal}
    quiet = commune.quiet_hours or Window(time(), time())
    nights = [quiet.on(day + timedelta(days=number), commune.zone) for number in (-2, -1, 0, 1, 2)]
    for airing in lay_day(commune, day, asked):
        if (
            airing.blocked is None
            and commune.quiet_hours
            and (airing.key.schedule, airing.key.place_in_day) not in rehearsals
        ):
            assert not any(airing.due_at < end and start < airing.ends_at for start, end in nights)


@given(communes, wishes)
def test_every_wish_that_has_its_place_gets_one_airing_with_its_own_key(
    commune: CommuneTimetable, asked: list[Wish]
) -> None:
    keys = [airing.key for airing in lay_day(commune, MONDAY, asked)]
    placed = [wish for wish in asked if wish.at or commune.slot(wish.slot or "")]
    assert sorted(keys) == sorted(AiringKey(w.schedule, "kep", MONDAY, w.place_in_day) for w in placed)


@given(communes, wishes, days, st.randoms(use_true_random=False))
def test_the_order_in_which_wishes_are_found_changes_nothing(
    commune: CommuneTimetable, asked: list[Wish], day: date, chance: Random
) -> None:
    shuffled = list(asked)
    chance.shuffle(shuffled)
    assert lay_day(commune, day, shuffled) == lay_day(commune, day, asked)


@given(communes, wishes)
def test_a_slot_holds_what_airs_in_it(commune: CommuneTimetable, asked: list[Wish]) -> None:
    for airing in lay_day(commune, MONDAY, asked):
        slot = commune.slot(airing.key.place_in_day)
        if slot is not None and airing.blocked is None:
            start, end = slot.window.on(MONDAY, commune.zone)
            assert start <= airing.due_at < airing.ends_at <= end


def test_a_fixed_time_is_due_at_that_local_time() -> None:
    assert laid(wish("a", at="11:30"))["a"].due_at == instant(MONDAY, time(11, 30), VIETNAM) == here("11:30")
