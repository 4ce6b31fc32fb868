"""Planning: what is asked for and approved becomes airings, and planning again moves only what has to move."""

from collections import Counter
from datetime import timedelta

import pytest

from broadcaster.config import TimetableSettings
from broadcaster.domain.airing import Outcome, Phase, Reason
from broadcaster.domain.place import Mode
from broadcaster.services import planning
from broadcaster.services.bulletins import Permission
from broadcaster.services.plan_rows import PlanChange
from tests.fixtures import KINDS, NOW
from tests.services.world import COMMUNES, TODAY, World, here

pytestmark = pytest.mark.parametrize("kind", KINDS)

MINUTE = timedelta(minutes=1)
NOTHING = PlanChange()


def test_an_airing_is_planned_for_each_commune_day_and_place(world: World) -> None:
    world.approved()
    world.schedule(communes=list(COMMUNES), slots=["Buổi sáng", "Buổi chiều"])
    assert world.plan().new == 5 * (7 * 2 + 1)  # this morning is over already
    rows = world.airings(commune="kep")
    assert [row.place_in_day for row in rows][:3] == ["Buổi chiều", "Buổi sáng", "Buổi chiều"]
    assert [row.due_at for row in rows][:2] == [here("17:00"), here("05:30", TODAY + timedelta(days=1))]


def test_an_airing_says_what_it_airs_and_how_long(world: World) -> None:
    world.approved()
    world.schedule()
    world.plan()
    row = world.today()
    assert (row.bulletin, row.revision, row.mode, row.phase) == ("tin", 1, Mode.TEST, Phase.PLANNED)
    assert (row.schedule, row.local_date, row.place_in_day) == ("lich", TODAY, "17:00")
    assert row.ends_at > row.due_at
    assert (row.blocked, row.outcome) == (None, None)


def test_planning_again_changes_nothing_and_journals_nothing(world: World) -> None:
    world.approved()
    world.schedule()
    assert world.plan() != NOTHING
    before = (world.count_of_entries(), [(row.id, row.due_at) for row in world.airings()])
    assert world.plan() == NOTHING
    assert world.plan(NOW + timedelta(hours=1)) == NOTHING
    assert (world.count_of_entries(), [(row.id, row.due_at) for row in world.airings()]) == before


def test_a_new_day_adds_a_day(world: World) -> None:
    world.approved()
    world.schedule()
    world.plan()
    assert world.plan(NOW + timedelta(days=1)).new == 1


def test_what_is_not_approved_is_not_planned(world: World) -> None:
    world.write()
    world.schedule()
    assert world.plan() == NOTHING
    world.submit()
    assert world.plan() == NOTHING


def test_a_schedule_airs_only_where_its_bulletin_was_approved_for(world: World) -> None:
    world.approved(permission=Permission(communes=["kep", "my-thai"]))
    world.schedule(communes=["kep", "lang-giang"])
    world.plan()
    assert {row.commune for row in world.airings()} == {"kep"}


def test_nothing_airs_outside_the_time_it_was_approved_for(world: World) -> None:
    tomorrow = TODAY + timedelta(days=1)
    world.approved(permission=Permission(valid_from=here("00:00", tomorrow), valid_until=here("17:00", tomorrow)))
    world.schedule(times=["11:00", "17:00"])
    world.plan()
    assert Counter(row.blocked for row in world.airings()) == {None: 1, Reason.OUTSIDE_APPROVAL: 15}
    assert [row.due_at for row in world.airings(blocked=None)] == [here("11:00", tomorrow)]


def test_nothing_airs_once_it_has_expired(world: World) -> None:
    world.approved(expires="2026-11-24T17:00:00+07:00")
    world.schedule()
    world.plan()
    assert [row.due_at for row in world.airings(blocked=None)] == [here("17:00")]


def test_dates_that_are_left_out_are_left_out(world: World) -> None:
    world.approved()
    world.schedule(exdates=[TODAY, TODAY + timedelta(days=2)], rrule="FREQ=DAILY;COUNT=4")
    world.plan()
    assert [row.local_date.day for row in world.airings()] == [24, 26]


def test_several_bulletins_share_a_slot_in_order(world: World) -> None:
    for number, priority in enumerate(["normal", "priority", "normal"]):
        world.approved(f"tin-{number}", priority=priority)
        world.schedule(f"lich-{number}", f"tin-{number}", slots=["Buổi chiều"], order=-number)
    world.plan()
    rows = world.airings(local_date=TODAY)
    assert [row.schedule for row in rows] == ["lich-1", "lich-2", "lich-0"]
    assert [row.due_at for row in rows] == [here("17:00"), rows[0].ends_at, rows[1].ends_at]


def test_an_edit_moves_what_follows_and_nothing_else(world: World) -> None:
    for name in ("tin-1", "tin-2"):
        world.approved(name)
        world.schedule(name, name, slots=["Buổi chiều"])
    world.approved("xa")
    world.schedule("xa", "xa", communes=["my-thai"])
    world.plan()
    before = {row.id: row.due_at for row in world.airings()}
    world.approved("tin-1", "Bà con chú ý, chú ý nhiều hơn.")
    change = world.plan()
    assert (change.new, change.moved, change.removed) == (0, 16, 0)
    moved = {row.schedule for row in world.airings() if row.due_at != before[row.id]}
    assert moved == {"tin-2"}
    assert {row.revision for row in world.airings(schedule="tin-1")} == {2}


@pytest.mark.parametrize(
    ("how", "outcome", "reason"),
    [("withdrawn", Outcome.CANCELLED, Reason.WITHDRAWN), ("edited", Outcome.SKIPPED, Reason.NOT_APPROVED),
     ("expired", Outcome.EXPIRED, Reason.EXPIRED)],
)  # fmt: skip
def test_what_is_planned_and_may_not_air_any_more_ends_in_the_log(
    world: World, how: str, outcome: Outcome, reason: Reason
) -> None:
    world.approved(expires="2026-11-23T16:55:00+07:00" if how == "expired" else None)
    world.schedule()
    world.plan(NOW)
    if how == "withdrawn":
        world.withdraw(now=here("16:50"))
    elif how == "edited":
        world.write(text="Khác.")
    world.plan(here("16:56"))
    world.run(here("16:56"), here("17:01"))
    assert world.outcome() == (outcome, reason, "none")
    assert world.site.speaker("kep-loa").handed == []


def test_what_was_withdrawn_and_is_approved_again_airs(world: World) -> None:
    world.approved(text="Một.")
    world.schedule()
    world.plan()
    world.withdraw()
    world.plan()
    assert {row.blocked for row in world.airings()} == {Reason.WITHDRAWN}
    world.approved(text="Hai.")
    world.plan()
    assert {row.blocked for row in world.airings()} == {None}


def test_a_commune_taken_out_of_a_schedule_hears_it_no_more(world: World) -> None:
    world.approved()
    world.schedule(communes=["kep", "my-thai"])
    world.plan()
    world.schedule(communes=["my-thai"])
    assert world.plan().removed == 8
    assert {row.commune for row in world.airings()} == {"my-thai"}


def test_the_mode_of_planned_airings_follows_the_stations(world: World) -> None:
    world.approved()
    world.schedule()
    world.plan()
    world.station("kep-that", mode="live")
    world.plan()
    assert {row.mode for row in world.airings()} == {Mode.LIVE}


@pytest.mark.parametrize("start", ["17:01", "16:30"])
def test_a_slot_that_is_moved_moves_its_airings(world: World, start: str) -> None:
    world.approved()
    world.schedule(slots=["Buổi chiều"])
    world.plan()
    key = world.today().id
    slots = f"[{{name: Buổi chiều, start: '{start}', end: '18:00'}}]"
    world.bring(f"communes:\n  - {{code: kep, name: Kép, slots: {slots}}}\n")
    world.plan()
    assert (world.today().id, world.today().due_at) == (key, here(start))


@pytest.mark.parametrize(
    ("settings", "count"), [({"days_ahead": 2}, 3), ({"quiet_hours": ["16:00", "05:00"]}, 0)], ids=["days", "night"]
)
def test_settings_that_were_changed_count_at_once(world: World, settings: dict[str, object], count: int) -> None:
    world.bring("communes:\n  - {code: kep, name: Kép}\n")  # with no quiet hours of its own
    world.approved()
    world.schedule()
    world.plan()
    assert len(world.airings(blocked=None)) == 8
    world.config = world.config.model_copy(update={"timetable": TimetableSettings.model_validate(settings)})
    world.plan()
    assert len(world.airings(blocked=None)) == count


def test_a_bulletin_that_fits_no_slot_is_shown_as_blocked(world: World) -> None:
    world.approved(text="Bà con chú ý. " * 1400)
    world.schedule(slots=["Buổi trưa"])
    world.plan()
    assert {row.blocked for row in world.airings()} == {Reason.SLOT_FULL}


def test_what_is_past_is_not_planned_any_more(world: World) -> None:
    world.approved()
    world.schedule(times=["08:59", "09:00", "09:01"])
    world.plan()
    assert [row.place_in_day for row in world.airings(local_date=TODAY)] == ["09:00", "09:01"]


def test_each_commune_is_planned_by_its_own_clock(world: World) -> None:
    world.bring("communes:\n  - {code: xa, name: Xa, timezone: Europe/Berlin}\n")
    world.approved()
    world.schedule(communes=["kep", "xa"], rrule="FREQ=DAILY;COUNT=1")
    world.plan()
    assert [(row.commune, row.due_at.hour) for row in world.airings()] == [("kep", 10), ("xa", 16)]


def test_only_the_named_communes_are_planned(world: World) -> None:
    world.approved()
    world.schedule(communes=["kep", "my-thai"])
    planning.plan(world.store, world.config, world.actor(None), NOW, ["kep"])
    assert {row.commune for row in world.airings()} == {"kep"}
