"""What was handed over early and is planned otherwise since is taken back first, and airs at most once, as planned."""

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import update

from broadcaster.domain.airing import Evidence, Outcome, Phase, Reason
from broadcaster.services import emergencies, scheduling
from broadcaster.services.bulletins import Permission
from broadcaster.services.plan_rows import PlanChange
from broadcaster.store.tables import AiringRow
from tests.fakes.loudspeakers import Loudspeaker, Vice
from tests.fixtures import KINDS, NOW
from tests.services.early import DUE, EARLY, assert_each_ended_once, edit, handed_over_early, played
from tests.services.world import SECOND, TODAY, World, here

pytestmark = pytest.mark.parametrize("kind", KINDS)

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
LONG = "Bà con chú ý. " * 60


@pytest.fixture
def loa(world: World) -> Loudspeaker:
    return handed_over_early(world)


def test_a_date_that_is_skipped_is_taken_back_before_it_is_forgotten(world: World, loa: Loudspeaker) -> None:
    key = world.today().id
    change = edit(world, exdates=[TODAY])
    assert (change.removed, change.outdated) == (0, 1)
    assert (world.today().phase, world.today().is_outdated) == (Phase.HANDED_OVER, True)
    world.tick(EARLY)
    assert loa.stopped == [key]
    assert world.airings(local_date=TODAY) == []
    assert world.journalled(key) == ["airing_sending", "airing_handed_over", "airing_taken_back"]
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert loa.heard == []
    assert_each_ended_once(world)


def test_a_date_that_is_moved_airs_on_the_other_day_alone(world: World, loa: Loudspeaker) -> None:
    edit(world, rrule="FREQ=DAILY;COUNT=1", moved=[{"from": TODAY, "to": TODAY + DAY}])
    world.tick(EARLY)
    assert (world.today().phase, world.today().due_at, world.today().is_outdated) == (Phase.PLANNED, DUE + DAY, False)
    world.run(DUE - MINUTE, DUE + MINUTE)
    world.run(DUE + DAY - MINUTE, DUE + DAY + MINUTE)
    assert played(loa) == ["24 17:00:00"]
    assert loa.handed == [world.today().id] * 2
    assert_each_ended_once(world)


def test_what_was_moved_here_from_far_away_is_taken_back_too(world: World, loa: Loudspeaker) -> None:
    far = TODAY - 40 * DAY
    move = {"from": far, "to": TODAY}
    world.schedule("xa", dtstart=far, times=["16:00"], rrule="FREQ=YEARLY", moved=[move])
    world.plan()
    world.tick(NOW)
    assert len(loa.orders) == 2
    world.schedule("xa", dtstart=far, times=["16:00"], rrule="FREQ=YEARLY", now=EARLY)
    world.plan(EARLY)
    world.tick(EARLY)
    assert [order.start for order in loa.orders.values()] == [DUE]
    assert [row.due_at for row in world.airings(schedule="xa") if row.due_at < EARLY + DAY] == []


def test_another_time_airs_instead(world: World, loa: Loudspeaker) -> None:
    edit(world, times=["18:00"])
    world.tick(EARLY)
    world.run(DUE - MINUTE, DUE + MINUTE)
    world.run(DUE + 59 * MINUTE, DUE + 61 * MINUTE)
    assert played(loa) == ["23 18:00:00"]
    assert_each_ended_once(world)


def test_a_schedule_that_is_removed_airs_nothing_more(world: World, loa: Loudspeaker) -> None:
    scheduling.remove(world.store, "lich", world.actor("operator"), EARLY)
    world.plan(EARLY)
    world.tick(EARLY)
    assert world.airings() == []
    assert loa.orders == {}


def test_an_edit_and_back_before_the_worker_sees_it_changes_nothing(world: World, loa: Loudspeaker) -> None:
    edit(world, exdates=[TODAY])
    assert edit(world).outdated == 1
    world.tick(EARLY)
    assert (world.today().is_outdated, loa.stopped) == (False, [])
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert played(loa) == ["23 17:00:00"]
    assert_each_ended_once(world)


def test_an_edit_and_back_after_it_was_taken_back_airs_once(world: World, loa: Loudspeaker) -> None:
    for exdates in ([TODAY], [], [TODAY], []):
        edit(world, exdates=exdates)
        world.tick(EARLY)
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert played(loa) == ["23 17:00:00"]
    assert_each_ended_once(world)


def test_an_edit_of_another_day_leaves_what_was_handed_over_where_it_is(world: World, loa: Loudspeaker) -> None:
    assert edit(world, exdates=[TODAY + 3 * DAY]).outdated == 0
    assert world.plan(NOW + DAY / 2) == PlanChange()
    world.tick(EARLY)
    assert loa.stopped == []


def test_a_new_day_alone_takes_nothing_back(world: World, loa: Loudspeaker) -> None:
    for number in range(3):
        world.approved(f"tin-{number}", f"Số {number}. " + LONG)
        world.schedule(f"lich-{number}", f"tin-{number}", slots=["Buổi chiều"], repeats=2, gap_s=15)
    world.plan()
    world.tick(NOW)
    midnight = here("00:00", TODAY + DAY) + SECOND
    world.run(DUE - MINUTE, DUE + 30 * MINUTE, 10 * SECOND)
    world.tick(midnight)
    assert len(loa.orders) > len(world.ended)
    assert world.plan(midnight).outdated == 0


def test_a_neighbour_that_grows_longer_moves_what_follows_it(world: World, loa: Loudspeaker) -> None:
    for number in range(3):
        world.approved(f"tin-{number}", f"Số {number}.")
        world.schedule(f"lich-{number}", f"tin-{number}", slots=["Buổi trưa"], order=number)
    world.plan()
    world.tick(NOW)
    before = {row.schedule: row.due_at for row in world.airings(local_date=TODAY)}
    world.approved("tin-1", LONG, now=EARLY)
    assert world.plan(EARLY).outdated == 2
    world.tick(EARLY)
    world.run(here("11:29"), here("11:40"))
    rows = [row for row in world.airings(local_date=TODAY) if row.schedule != "lich"]
    assert [row.outcome for row in rows] == [Outcome.AIRED] * 3
    assert rows[2].due_at == rows[1].ends_at > before["lich-2"]
    assert [row.started_at for row in rows] == [row.due_at for row in rows]
    assert all(one[2] <= other[1] for one, other in pairwise(sorted(loa.heard, key=lambda it: it[1])))
    assert_each_ended_once(world)


def test_what_is_new_is_not_laid_over_what_still_lies_at_a_station(world: World, loa: Loudspeaker) -> None:
    for number in range(2):
        world.approved(f"tin-{number}", LONG + f"Số {number}.")
        world.schedule(f"lich-{number}", f"tin-{number}", slots=["Buổi trưa"], order=number)
    world.plan()
    world.tick(NOW)
    loa.vice = Vice.DEAF
    world.schedule("lich-0", "tin-0", slots=["Buổi trưa"], exdates=[TODAY], now=EARLY)
    world.approved("gap", LONG, priority="priority", now=EARLY)
    world.schedule("gap", "gap", slots=["Buổi trưa"], order=-1, now=EARLY)
    world.plan(EARLY)
    world.run(EARLY, EARLY + MINUTE)
    rows = world.airings(local_date=TODAY, blocked=None)
    assert [row.schedule for row in rows] == ["lich-0", "lich-1", "gap", "lich"]
    assert all(one.ends_at <= other.due_at for one, other in pairwise(rows))
    loa.vice = Vice.NONE
    world.run(EARLY + MINUTE, EARLY + 2 * MINUTE)
    assert [row.schedule for row in world.airings(local_date=TODAY, blocked=None)] == ["gap", "lich-1", "lich"]
    world.run(here("11:29"), here("11:45"))
    assert [outcome for outcome, _ in outcomes(world)] == [Outcome.AIRED, Outcome.AIRED, None]
    assert_each_ended_once(world)


def outcomes(world: World) -> list[tuple[Outcome | None, str]]:
    return [(row.outcome, row.schedule) for row in world.airings(local_date=TODAY)]


def test_a_new_revision_that_is_approved_airs_instead_of_the_old_one(world: World, loa: Loudspeaker) -> None:
    world.approved(text="Tin mới, dài hơn tin cũ.", now=EARLY)
    world.tick(EARLY)  # it comes before the planner does
    world.plan(EARLY)
    world.tick(EARLY + SECOND)
    assert (world.today().revision, world.today().phase) == (2, Phase.HANDED_OVER)
    assert [order.clip.name for order in loa.orders.values()] == [world.studio.path(world.today().clip).name]
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert_each_ended_once(world)


@pytest.mark.parametrize("is_planned", [True, False])
def test_what_is_withdrawn_ends_at_once_and_moves_nothing_else(
    world: World, loa: Loudspeaker, is_planned: bool
) -> None:
    for number in range(2):
        world.approved(f"tin-{number}", f"Số {number}.")
        world.schedule(f"lich-{number}", f"tin-{number}", slots=["Buổi trưa"], order=number)
    world.plan()
    world.tick(NOW)
    world.withdraw("tin-0", EARLY)
    if is_planned:
        assert world.plan(EARLY).outdated == 0
    world.tick(EARLY)
    assert world.outcome(schedule="lich-0") == (Outcome.CANCELLED, Reason.WITHDRAWN, "none")
    assert loa.stopped == [world.today(schedule="lich-0").id]


def test_new_quiet_hours_hold_back_what_lies_at_a_station(world: World, loa: Loudspeaker) -> None:
    world.bring("communes:\n  - {code: kep, name: Kép, quiet_hours: {start: '16:30', end: '05:00'}}\n", now=EARLY)
    world.plan(EARLY)
    world.tick(EARLY)
    assert (world.today().blocked, loa.orders) == (Reason.QUIET_HOURS, {})
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.SKIPPED, Reason.QUIET_HOURS, "none")


def test_a_commune_for_which_it_is_not_approved_any_more_gives_it_back(world: World, loa: Loudspeaker) -> None:
    world.approved(text="Chỉ cho Mỹ Thái.", permission=Permission(communes=["my-thai"]), now=EARLY)
    world.plan(EARLY)
    world.tick(EARLY)
    assert (world.airings(commune="kep", local_date=TODAY), loa.orders) == ([], {})


def test_a_station_that_goes_live_gets_what_lies_at_the_one_in_test_mode(world: World, loa: Loudspeaker) -> None:
    live = world.station("kep-that", mode="live", lead_s=86_400)
    world.plan(EARLY)
    world.tick(EARLY)
    assert (loa.orders, list(live.orders)) == ({}, [world.today().id])


def test_a_new_station_gets_what_the_other_one_has_already(world: World, loa: Loudspeaker) -> None:
    other = world.station("kep-xa", lead_s=86_400)
    world.plan(EARLY)
    world.tick(EARLY)
    assert list(loa.orders) == list(other.orders) == [world.today().id]
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert_each_ended_once(world)


def test_what_is_due_at_any_moment_is_left_as_it_is(world: World, loa: Loudspeaker) -> None:
    soon = DUE - 25 * SECOND
    assert edit(world, soon, times=["17:30"]).outdated == 0
    world.run(soon, DUE + MINUTE)
    assert world.outcome(place_in_day="17:00") == (Outcome.AIRED, None, Evidence.FINISHED)
    assert world.journalled(world.today(place_in_day="17:00").id)[-1] == "airing_ended"


def test_what_was_planned_otherwise_just_before_that_moment_airs_as_it_was(world: World, loa: Loudspeaker) -> None:
    assert edit(world, DUE - 31 * SECOND, exdates=[TODAY]).outdated == 1
    world.run(DUE - 29 * SECOND, DUE + MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert loa.stopped == []


def test_an_emergency_at_a_station_is_never_taken_back_by_a_plan(world: World, loa: Loudspeaker) -> None:
    world.approved("lu", "Nước lũ lên nhanh.", priority="emergency")
    key = emergencies.ask(world.store, "lu", ["kep"], ["Kép"], world.actor("operator"), EARLY)
    (airing,) = emergencies.confirm(world.store, key, ["Kép"], world.actor("approver"), EARLY)
    earlier = EARLY - 30 * MINUTE  # the clock was set back
    for _ in range(2):
        assert edit(world, earlier, exdates=[TODAY + DAY]).outdated == 0
        assert edit(world, earlier).outdated == 0
        assert [row.is_outdated for row in world.airings(id=airing)] == [False]
        world.hand_over.run(EARLY)
    assert loa.handed[-1] == airing


def test_the_order_of_a_slot_that_lies_in_the_past_now_stays(world: World, loa: Loudspeaker) -> None:
    world.schedule(slots=["Buổi chiều"])
    world.plan()
    world.tick(NOW)
    slots = "[{name: Buổi chiều, start: '16:30', end: '18:00'}]"
    world.bring(f"communes:\n  - {{code: kep, name: Kép, slots: {slots}}}\n", now=here("16:40"))
    assert world.plan(here("16:40")).outdated == 0
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)


def test_a_postponed_airing_stays_where_it_waits(world: World, loa: Loudspeaker) -> None:
    with world.store.writing() as session:
        session.execute(update(AiringRow).where(AiringRow.id == world.today().id).values(postponed_from=NOW))
    assert edit(world, exdates=[TODAY]).outdated == 0
