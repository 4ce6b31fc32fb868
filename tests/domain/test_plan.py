"""A commune's day as the planner lays it: who airs when, and what stands in the way of whom."""

from dataclasses import replace
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from broadcaster.domain.airing import AiringKey, Reason
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.plan import HeldAiring
from broadcaster.domain.timetable import Blocked, CommuneTimetable, Slot, Window, instant
from tests.domain.days import COMMUNE, EVENING, MONDAY, VIETNAM, here, key, laid, lay_day, starts, wish


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
        found = lay_day(berlin, day, [wish("a", at="02:30")])
        assert [airing.blocked for airing in found] == [None]


def test_the_first_obstacle_is_the_one_that_is_told() -> None:
    late = replace(COMMUNE, slots=(Slot(EVENING.name, Window(time(20, 40), time(21, 40))),))
    found = laid(wish("expired", 90, expires_at=here("12:00")), wish("too long", 90), timetable=late)
    assert found["expired"].blocked is Reason.EXPIRED
    assert found["too long"].blocked is Reason.QUIET_HOURS


def test_a_slot_is_laid_around_what_was_begun() -> None:
    begun = {key("a"): HeldAiring(here("17:05"), here("17:10"))}
    found = {airing.key.schedule: airing for airing in lay_day(COMMUNE, MONDAY, [wish(n) for n in "abc"], begun)}
    assert starts(found) == [("b", "17:10"), ("c", "17:20")]


def test_what_fits_before_something_begun_is_laid_before_it() -> None:
    begun = {key("x"): HeldAiring(here("17:10"), here("17:20"))}
    found = {airing.key.schedule: airing for airing in lay_day(COMMUNE, MONDAY, [wish(n) for n in "ab"], begun)}
    assert starts(found) == [("a", "17:00"), ("b", "17:20")]


def test_what_was_begun_is_neither_laid_again_nor_in_anyones_way_elsewhere() -> None:
    begun = {key("a"): HeldAiring(here("09:00"), here("09:10"))}
    assert [a.key.schedule for a in lay_day(COMMUNE, MONDAY, [wish("a"), wish("b")], begun)] == ["b"]


def test_a_fixed_time_is_due_at_that_local_time() -> None:
    assert laid(wish("a", at="11:30"))["a"].due_at == instant(MONDAY, time(11, 30), VIETNAM) == here("11:30")
