"""Stations that do not give back what they were handed, workers that die meanwhile, and people who are faster."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.domain.airing import Evidence, Outcome, Phase, Reason
from broadcaster.services import planning
from broadcaster.services.plan_rows import PlanChange
from broadcaster.store import airings
from tests.fakes.loudspeakers import Loudspeaker, Vice, WorkerKilledError
from tests.fixtures import KINDS, Databases
from tests.services.conftest import cast_filled
from tests.services.early import DUE, EARLY, assert_each_ended_once, edit, handed_over_early, played
from tests.services.world import SECOND, TODAY, World, here, world_in

pytestmark = pytest.mark.parametrize("kind", KINDS)

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def loa(world: World) -> Loudspeaker:
    return handed_over_early(world)


def test_what_cannot_be_taken_back_keeps_its_place_until_it_can(world: World, loa: Loudspeaker) -> None:
    loa.vice = Vice.DEAF
    edit(world, times=["18:00"])
    world.run(EARLY, EARLY + MINUTE)
    (old,) = world.airings(local_date=TODAY, place_in_day="17:00")
    assert (old.phase, old.is_outdated) == (Phase.HANDED_OVER, True)
    world.start(EARLY + MINUTE)
    loa.vice = Vice.NONE
    world.tick(EARLY + 2 * MINUTE)
    assert world.airings(local_date=TODAY, place_in_day="17:00") == []
    world.run(DUE + 59 * MINUTE, DUE + 61 * MINUTE)
    assert played(loa) == ["23 18:00:00"]


def test_what_can_never_be_taken_back_airs_as_it_was_ordered(world: World, loa: Loudspeaker) -> None:
    loa.vice = Vice.DEAF
    edit(world, exdates=[TODAY])
    world.run(DUE - 2 * MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert_each_ended_once(world)


def test_of_two_stations_the_one_that_was_reached_gets_it_again_with_the_other(world: World, loa: Loudspeaker) -> None:
    other = world.station("kep-xa", lead_s=86_400)
    world.plan(EARLY)
    world.tick(EARLY)
    other.vice = Vice.DEAF
    edit(world, exdates=[TODAY])
    world.tick(EARLY + SECOND)
    assert (list(loa.orders), list(other.orders)) == ([], [world.today().id])
    edit(world)  # and back: it cannot stay so
    assert world.today().is_outdated
    other.vice = Vice.NONE
    world.tick(EARLY + 2 * SECOND)
    assert list(loa.orders) == list(other.orders) == [world.today().id]
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert_each_ended_once(world)


def test_of_two_stations_the_one_that_was_never_reached_airs_it_alone(world: World, loa: Loudspeaker) -> None:
    other = world.station("kep-xa", lead_s=86_400)
    world.plan(EARLY)
    world.tick(EARLY)
    other.vice = Vice.DEAF
    edit(world, exdates=[TODAY])
    world.run(DUE - 2 * MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.PARTIAL, Reason.SOME_STATIONS, Evidence.FINISHED)
    assert (loa.played, other.played) == ([], [world.today().id])
    assert_each_ended_once(world)


def test_a_worker_that_dies_between_planning_and_taking_back_leaves_it_to_the_next_one(
    world: World, loa: Loudspeaker
) -> None:
    edit(world, times=["18:00"])
    world.die()
    world.start(EARLY + MINUTE)
    world.tick(EARLY + MINUTE)
    world.run(DUE - MINUTE, DUE + MINUTE)
    world.run(DUE + 59 * MINUTE, DUE + 61 * MINUTE)
    assert played(loa) == ["23 18:00:00"]
    assert_each_ended_once(world)


@pytest.mark.parametrize("plays_here", [True, False])
def test_what_a_dead_worker_may_have_sent_is_taken_back_before_it_is_planned_otherwise(
    world: World, plays_here: bool
) -> None:
    loa = world.station("kep-loa", lead_s=600, plays_here=plays_here)
    world.approved()
    world.schedule()
    world.plan()
    loa.vice = Vice.WORKER_DIES_AFTER
    with pytest.raises(WorkerKilledError):
        world.tick(DUE - 10 * MINUTE)
    world.die()
    loa.vice = Vice.NONE
    world.schedule(times=["18:00"], now=DUE - 9 * MINUTE)
    world.start(DUE - 8 * MINUTE)
    world.tick(DUE - 8 * MINUTE)
    assert world.airings(local_date=TODAY, place_in_day="17:00") == []
    world.run(DUE - MINUTE, DUE + MINUTE)
    world.run(DUE + 49 * MINUTE, DUE + 61 * MINUTE, 10 * SECOND)
    assert played(world.site.speaker("kep-loa")) == ["23 18:00:00"]
    assert_each_ended_once(world)


def test_what_was_taken_back_is_not_handed_over_before_it_is_planned_anew(world: World, loa: Loudspeaker) -> None:
    with world.store.writing() as session:
        assert airings.take_back(session, world.today().id)
    assert (world.today().phase, world.today().handed_over_at) == (Phase.PLANNED, None)
    world.hand_over.run(EARLY)
    assert loa.handed == [world.today().id]
    loa.silence(world.today().id)
    world.tick(EARLY)  # a worker that died in between left it so
    assert (world.today().is_outdated, loa.handed) == (False, [world.today().id] * 2)


def test_a_plan_that_was_overtaken_is_made_again(world: World, loa: Loudspeaker) -> None:
    """Somebody plans with what was true before the worker took back, and writes after it."""
    world.schedule(exdates=[TODAY], now=EARLY)
    slow = planning._planner(world.store, world.config, world.actor(None), EARLY, None)
    world.plan(EARLY)
    world.tick(EARLY)
    before = [(row.id, row.due_at) for row in world.airings()]
    change, overtaken = slow.plan()
    assert (change, overtaken) == (PlanChange(), ["kep"])
    assert [(row.id, row.due_at) for row in world.airings()] == before


def test_what_is_handed_over_while_it_is_planned_otherwise_is_outdated(world: World) -> None:
    loa = world.station("kep-loa", lead_s=86_400)
    world.approved()
    world.schedule()
    world.plan()
    world.schedule(exdates=[TODAY], now=EARLY)
    planner = planning._planner(world.store, world.config, world.actor(None), EARLY, None)
    world.tick(EARLY)  # after the planner has looked
    change, _ = planner.plan()
    assert (change.removed, change.outdated) == (0, 1)
    world.tick(EARLY + SECOND)
    assert (world.airings(local_date=TODAY), loa.orders) == ([], {})


def test_people_planners_and_the_worker_may_come_at_the_same_time(world: World, loa: Loudspeaker) -> None:
    def people() -> None:
        for number in range(15):
            edit(world, times=["17:00", "18:00"], exdates=[TODAY] if number % 2 else [], repeats=1 + number % 3)

    with ThreadPoolExecutor() as pool:
        busy: list[Future[object]] = [pool.submit(people)]
        while not all(task.done() for task in busy):
            busy += [pool.submit(world.plan, EARLY)]
            world.tick(EARLY)
        for task in busy:
            task.result()
    edit(world, times=["17:00", "17:30"])
    world.tick(EARLY)
    lying = {(order.airing, order.start, order.repeats) for order in loa.orders.values()}
    rows = world.airings(phase=Phase.HANDED_OVER)
    assert lying == {(row.id, row.due_at, row.repeats) for row in rows if not row.is_outdated}
    assert {row.due_at for row in rows} == {DUE, DUE + 30 * MINUTE}
    world.assert_chains_hold()


steps = st.lists(
    st.tuples(
        st.integers(0, 60), st.sampled_from(["skip", "late", "back", "text", "cut off", "reach", "die", "killed"])
    ),
    max_size=8,
)
"""Minutes after four o'clock, and what happens."""


@settings(max_examples=12)
@given(steps=steps, lead=st.sampled_from([60, 1200, 86_400]))
def test_whatever_is_edited_and_however_workers_die_the_last_word_airs_once(
    kind: str,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
    steps: Sequence[tuple[int, str]],
    lead: float,
) -> None:
    folder = tmp_path_factory.mktemp("edits")
    with databases.copy(kind, folder, cast_filled) as url, world_in(folder, url=url) as world:
        loa = world.station("kep-loa", lead_s=lead)
        world.approved()
        world.schedule(times=["17:03"])
        world.plan()
        times = live_through(world, loa, sorted(steps))
        assert_each_ended_once(world)
        assert played(loa) == times
        assert [row.outcome for row in world.airings(local_date=TODAY)] == [Outcome.AIRED] * len(times)


def live_through(world: World, loa: Loudspeaker, steps: list[tuple[int, str]]) -> list[str]:
    """From four o'clock on, minute by minute; the times that are wanted in the end."""
    edits: dict[str, Any] = {"times": ["17:03"]}
    for minute in range(73):
        now = here("16:00") + minute * MINUTE
        while steps and steps[0][0] <= minute:
            act(world, loa, steps.pop(0)[1], edits, now)
        if minute == 61:
            loa.vice = Vice.NONE
        try:
            world.tick(now)
        except WorkerKilledError:
            world.die()
            loa.vice = Vice.NONE
            world.start(now)
    if TODAY in edits.get("exdates", ()):
        return []
    return [f"23 {time}:00" for time in edits["times"]]


def act(world: World, loa: Loudspeaker, what: str, edits: dict[str, Any], now: datetime) -> None:
    changes: dict[str, dict[str, Any]] = {
        "skip": {"exdates": [TODAY]}, "late": {"times": ["17:08"]}, "back": {"exdates": [], "times": ["17:03"]},
    }  # fmt: skip
    vices = {"cut off": Vice.DEAF, "reach": Vice.NONE, "killed": Vice.WORKER_DIES_AFTER}
    if what in changes:
        edits |= changes[what]
        edit(world, now, **{name: value for name, value in edits.items() if name != "text"})
    elif what == "text":
        number = edits["text"] = edits.get("text", 0) + 1
        world.approved(text=f"Bà con chú ý lần {number}.", now=now)
        world.plan(now)
    elif what == "die":
        world.die()
        world.start(now)
    else:
        loa.vice = vices[what]
