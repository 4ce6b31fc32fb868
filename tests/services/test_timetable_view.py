"""The timetable as it is looked at: sessions with minutes and caps, what is blocked and why, the next 24 hours."""

from datetime import date, timedelta

import pytest

from broadcaster.domain.airing import Outcome, Reason
from broadcaster.errors import InputError
from broadcaster.services.timetable_view import ShownDay, hours_ahead, view
from tests.fixtures import KINDS, NOW
from tests.services.world import TODAY, World, here

DAY = timedelta(days=1)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def days(world: World, first: date = TODAY, count: int = 1) -> list[ShownDay]:
    with world.store.reading() as session:
        return list(view(session, world.config, "kep", first, count, NOW).days)


def test_a_day_has_its_slots_and_what_airs_in_them(world: World) -> None:
    world.approved(now=here("00:05"))
    world.schedule("lich-a", slots=["Buổi sáng", "Buổi chiều"], repeats=3, gap_s=1)
    world.schedule("lich-b", slots=["Buổi chiều"])
    world.schedule("lich-c", times=["19:15"])
    world.plan(here("00:10"))
    (day,) = days(world)
    assert [(part.name, [airing.schedule for airing in part.airings]) for part in day.sessions] == [
        ("Buổi sáng", ["lich-a"]), ("Buổi trưa", []), ("Buổi chiều", ["lich-a", "lich-b"]), ("", ["lich-c"])
    ]  # fmt: skip
    assert (day.count, day.most_sessions, day.per_session) == (3, 3, timedelta(minutes=45))
    planned = world.airings(local_date=TODAY, place_in_day="Buổi chiều")
    assert day.sessions[2].used == sum((row.ends_at - row.due_at for row in planned), timedelta())
    assert f"{day.sessions[3].airings[0].due:%H:%M %z}" == "19:15 +0700"


def test_what_does_not_air_stands_where_it_would_with_its_reason(world: World) -> None:
    world.approved()
    world.schedule("lich-a", slots=["Buổi trưa"], repeats=20, gap_s=120)
    world.schedule("lich-b", times=["21:30"])
    world.plan()
    (day,) = days(world)
    noon, night = day.sessions[1], day.sessions[-1]
    assert [(airing.schedule, airing.reason, airing.sounds) for airing in noon.airings] == [
        ("lich-a", Reason.SLOT_FULL, False)
    ]
    assert [(airing.schedule, airing.reason) for airing in night.airings] == [("lich-b", Reason.QUIET_HOURS)]
    assert (noon.used, day.count) == (timedelta(), 0)


def test_what_has_aired_and_what_was_missed_is_told(world: World) -> None:
    world.approved()
    world.schedule("lich-a", times=["09:30", "10:00"])
    world.plan()
    world.run(here("09:29:55"), here("09:31"))
    world.tick(here("11:00"))
    (day,) = days(world)
    shown = {airing.place_in_day: (airing.outcome, airing.reason) for part in day.sessions for airing in part.airings}
    assert shown == {"09:30": (Outcome.AIRED, None), "10:00": (Outcome.MISSED, Reason.SERVER_DOWN)}
    assert day.count == 1


def test_beyond_what_is_planned_it_is_shown_as_it_would_be(world: World) -> None:
    world.approved()
    world.schedule("lich-a", slots=["Buổi sáng"], rrule="FREQ=WEEKLY;BYDAY=MO,TU")
    world.plan()
    found = {
        day.date: [airing.airing is not None for part in day.sessions for airing in part.airings]
        for day in days(world, TODAY, 21)
    }
    aired = {day: planned for day, planned in found.items() if planned}
    assert aired == {
        TODAY + DAY: [True], TODAY + 7 * DAY: [True], TODAY + 8 * DAY: [False], TODAY + 14 * DAY: [False],
        TODAY + 15 * DAY: [False],
    }  # fmt: skip


def test_a_slot_across_midnight_belongs_to_the_day_on_which_it_begins(world: World) -> None:
    world.bring("""
communes:
  - code: kep
    name: Kép
    slots: [{name: Khuya, start: "23:30", end: "00:30"}]
    quiet_hours: {start: "02:00", end: "03:00"}
""")
    world.approved()
    world.schedule("lich-a", slots=["Khuya"], repeats=20, gap_s=60, rrule="FREQ=DAILY;COUNT=1")
    world.schedule("lich-b", slots=["Khuya"], order=1, rrule="FREQ=DAILY;COUNT=2", repeats=19, gap_s=60)
    world.plan()
    first, second = days(world, TODAY, 2)
    assert [airing.schedule for part in first.sessions for airing in part.airings] == ["lich-a", "lich-b"]
    assert [airing.schedule for part in second.sessions for airing in part.airings] == ["lich-b"]


def test_the_next_24_hours_hold_what_is_on_air_and_what_comes(world: World) -> None:
    world.approved()
    world.schedule("lich-a", times=["09:30", "17:00"])
    world.schedule("lich-b", times=["21:30"])
    world.plan()
    world.run(here("09:29:55"), here("09:30"))
    with world.store.reading() as session:
        ahead = hours_ahead(session, world.config, "kep", here("09:30:00"))
    assert [(airing.schedule, f"{airing.due:%d %H:%M}", airing.sounds) for airing in ahead] == [
        ("lich-a", "23 09:30", True), ("lich-a", "23 17:00", True), ("lich-b", "23 21:30", False)
    ]  # fmt: skip


def test_a_commune_that_does_not_exist_is_told(world: World) -> None:
    with world.store.reading() as session, pytest.raises(InputError, match=r"no commune xa\. Known: kep"):
        view(session, world.config, "xa", TODAY, 1, NOW)


def test_what_is_moved_over_the_edge_of_the_plan_is_shown_once(world: World) -> None:
    world.approved()
    moved = [{"from": "2026-11-27", "to": "2026-12-08"}, {"from": "2026-12-11", "to": "2026-11-25"}]
    world.schedule("lich-a", slots=["Buổi sáng"], rrule="FREQ=WEEKLY;BYDAY=FR", moved=moved)
    world.plan()
    shown = {
        day.date: len([airing for part in day.sessions for airing in part.airings]) for day in days(world, TODAY, 25)
    }
    aired = {day for day, count in shown.items() if count}
    assert aired == {date(2026, 11, 25), date(2026, 12, 4), date(2026, 12, 8)}
    assert set(shown.values()) == {0, 1}
    with world.store.reading() as session:
        assert len(hours_ahead(session, world.config, "kep", NOW, 48)) == 1


def test_what_airs_after_midnight_in_a_slot_is_shown_with_it(world: World) -> None:
    world.bring(
        """
communes:
  - code: kep
    name: Kép
    slots: [{name: Khuya, start: "23:30", end: "00:30"}]
    quiet_hours: {start: "02:00", end: "03:00"}
"""
    )
    world.approved()
    world.schedule("lich-a", slots=["Khuya"], repeats=20, gap_s=90, rrule="FREQ=DAILY;COUNT=1")
    world.schedule("lich-b", slots=["Khuya"], order=1, rrule="FREQ=DAILY;COUNT=1")
    world.plan()
    (day,) = days(world)
    assert [airing.schedule for part in day.sessions for airing in part.airings] == ["lich-a", "lich-b"]


def test_of_two_slots_at_one_time_each_has_its_own(world: World) -> None:
    world.bring(
        """
communes:
  - code: kep
    name: Kép
    slots: [{name: Mot, start: "09:30", end: "10:30"}, {name: Hai, start: "10:00", end: "11:00"}]
"""
    )
    world.approved()
    world.schedule("lich-a", slots=["Hai"])
    world.plan()
    (day,) = days(world)
    assert [(part.name, len(part.airings)) for part in day.sessions] == [("Mot", 0), ("Hai", 1)]


def test_a_rehearsal_is_no_session(world: World) -> None:
    world.approved()
    world.schedule("thu", times=["09:30"], rehearsal=True)
    world.plan()
    (day,) = days(world)
    assert (day.count, [part.name for part in day.sessions if part.airings]) == (0, [""])
