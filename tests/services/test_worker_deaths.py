"""A worker dies or is stopped at any step; the next one over the same database puts right what it left.

After anything at all: exactly one outcome per airing, at most one play per loudspeaker, nothing told of that was
not so, and every chain of the journal holds.
"""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.domain.airing import Evidence, Outcome, Phase, Reason
from tests.fakes.loudspeakers import Loudspeaker, Vice, WorkerKilledError
from tests.fixtures import KINDS, Databases
from tests.services.conftest import cast_filled
from tests.services.world import SECOND, World, here, world_in

pytestmark = pytest.mark.parametrize("kind", KINDS)

MINUTE = timedelta(minutes=1)
DUE = here("17:00")
LONG = "Bà con chú ý. " * 40  # some half a minute


def planned(world: World, *, plays_here: bool, text: str = LONG) -> Loudspeaker:
    loa = world.station("kep-loa", plays_here=plays_here)
    world.approved(text=text)
    world.schedule()
    world.plan()
    return loa


def killed(world: World, at: timedelta) -> None:
    """The worker dies while it hands over, `at` from the due time."""
    with pytest.raises(WorkerKilledError):
        world.tick(DUE + at)
    world.die()
    for speaker in world.site.all():
        speaker.vice = Vice.NONE


def assert_told_once(world: World) -> None:
    row = world.today()
    assert row.phase is Phase.ENDED
    assert world.journalled(row.id).count("airing_ended") == 1
    assert world.ended == [row.id]
    assert len(world.site.speaker("kep-loa").played) <= 1
    world.assert_chains_hold()


@pytest.mark.parametrize("plays_here", [True, False])
@pytest.mark.parametrize("vice", [Vice.WORKER_DIES_BEFORE, Vice.WORKER_DIES_AFTER])
def test_a_worker_that_dies_ahead_of_time_while_it_sends_loses_nothing(
    world: World, vice: Vice, plays_here: bool
) -> None:
    planned(world, plays_here=plays_here).vice = vice
    killed(world, -30 * SECOND)
    assert world.today().phase is Phase.SENDING
    world.start(DUE - 20 * SECOND)
    assert world.journalled(world.today().id) == ["airing_sending", "airing_returned"]
    world.run(DUE - 20 * SECOND, DUE + 2 * MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert world.today().lateness_ms == 0
    assert_told_once(world)


@pytest.mark.parametrize("vice", [Vice.WORKER_DIES_BEFORE, Vice.WORKER_DIES_AFTER])
def test_a_worker_that_dies_past_the_due_time_while_it_sends_does_not_send_again(world: World, vice: Vice) -> None:
    loa = planned(world, plays_here=True)
    loa.vice = vice
    killed(world, timedelta())
    world.start(DUE + 5 * SECOND)
    world.run(DUE + 5 * SECOND, DUE + 10 * MINUTE, 10 * SECOND)
    assert world.outcome() == (Outcome.MISSED, Reason.WORKER_STOPPED, Evidence.NONE)
    assert world.site.speaker("kep-loa").played == []
    assert_told_once(world)


@pytest.mark.parametrize(
    ("vice", "expected"),
    [
        (Vice.WORKER_DIES_AFTER, (Outcome.AIRED, None, Evidence.FINISHED)),
        (Vice.WORKER_DIES_BEFORE, (Outcome.MISSED, Reason.NOT_CONFIRMED, Evidence.NONE)),
    ],
)
def test_whether_an_order_got_through_as_the_worker_died_is_what_the_loudspeaker_says(
    world: World, vice: Vice, expected: tuple[Outcome, Reason | None, Evidence]
) -> None:
    planned(world, plays_here=False).vice = vice
    killed(world, timedelta())
    world.start(DUE + 5 * SECOND)
    world.run(DUE + 5 * SECOND, DUE + 10 * MINUTE, 10 * SECOND)
    assert world.outcome() == expected
    assert_told_once(world)


def test_an_order_that_waits_in_the_worker_is_handed_over_again_by_the_next_one(world: World) -> None:
    planned(world, plays_here=True)
    world.run(DUE - MINUTE, DUE - 40 * SECOND)
    world.die()
    world.start(DUE - 30 * SECOND)
    assert world.today().handed_over_at is None
    world.run(DUE - 30 * SECOND, DUE + 2 * MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert_told_once(world)


def test_an_order_that_waited_in_the_worker_past_its_due_time_is_missed(world: World) -> None:
    planned(world, plays_here=True)
    world.run(DUE - MINUTE, DUE - 40 * SECOND)
    world.die()
    world.start(DUE + 10 * SECOND)
    world.run(DUE + 10 * SECOND, DUE + 2 * MINUTE, 10 * SECOND)
    assert world.outcome() == (Outcome.MISSED, Reason.WORKER_STOPPED, Evidence.ACCEPTED)
    assert_told_once(world)


@pytest.mark.parametrize("back", [-30 * SECOND, 5 * SECOND, 2 * MINUTE], ids=["before", "during", "after"])
def test_a_loudspeaker_that_holds_its_order_airs_though_the_worker_is_gone(world: World, back: timedelta) -> None:
    loa = planned(world, plays_here=False)
    world.run(DUE - MINUTE, DUE - 40 * SECOND)
    world.die()
    for second in range(-40, 180, 5):
        if second * SECOND == back:
            world.start(DUE + back)
        if second * SECOND < back:
            loa.go_on(DUE + second * SECOND)
        else:
            world.tick(DUE + second * SECOND)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert loa.handed == [world.today().id]
    assert_told_once(world)


def test_what_sounded_in_a_worker_that_dies_is_partial_and_not_begun_again(world: World) -> None:
    planned(world, plays_here=True)
    world.run(DUE - MINUTE, DUE + 10 * SECOND)
    world.die()
    world.start(DUE + 20 * SECOND)
    world.run(DUE + 20 * SECOND, DUE + 2 * MINUTE, 10 * SECOND)
    assert world.outcome() == (Outcome.PARTIAL, Reason.WORKER_STOPPED, Evidence.STARTED)
    assert_told_once(world)


def test_a_stopped_worker_silences_what_it_plays_and_says_so(world: World) -> None:
    planned(world, plays_here=True)
    world.run(DUE - MINUTE, DUE + 10 * SECOND)
    world.stop(DUE + 11 * SECOND)
    assert world.outcome() == (Outcome.PARTIAL, Reason.WORKER_STOPPED, Evidence.STARTED)
    world.start(DUE + 20 * SECOND)
    world.run(DUE + 20 * SECOND, DUE + 2 * MINUTE, 10 * SECOND)
    assert_told_once(world)


def test_a_stopped_worker_gives_back_what_had_not_begun(world: World) -> None:
    planned(world, plays_here=True)
    world.run(DUE - MINUTE, DUE - 40 * SECOND)
    world.stop(DUE - 30 * SECOND)
    assert (world.today().phase, world.today().outcome) == (Phase.PLANNED, None)
    world.start(DUE - 20 * SECOND)
    world.run(DUE - 20 * SECOND, DUE + 2 * MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert_told_once(world)


def test_a_stopped_worker_leaves_what_other_boxes_play_to_them(world: World) -> None:
    loa = planned(world, plays_here=False)
    world.run(DUE - MINUTE, DUE + 5 * SECOND)
    world.stop(DUE + 5 * SECOND)
    assert world.today().phase is Phase.ON_AIR
    loa.go_on(DUE + MINUTE)
    world.start(DUE + 2 * MINUTE)
    world.tick(DUE + 2 * MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert_told_once(world)


def test_what_was_withdrawn_while_the_worker_was_down_is_not_aired_by_the_next_one(world: World) -> None:
    planned(world, plays_here=True)
    world.run(DUE - MINUTE, DUE - 40 * SECOND)
    world.die()
    world.withdraw(now=DUE - 30 * SECOND)
    world.start(DUE - 20 * SECOND)
    world.run(DUE - 20 * SECOND, DUE + MINUTE)
    assert world.outcome() == (Outcome.CANCELLED, Reason.WITHDRAWN, Evidence.NONE)
    assert world.site.speaker("kep-loa").played == []
    assert_told_once(world)


def test_an_order_that_a_loudspeaker_holds_is_taken_back_though_the_worker_died_in_between(world: World) -> None:
    loa = planned(world, plays_here=False)
    loa.vice = Vice.WORKER_DIES_AFTER
    killed(world, -30 * SECOND)
    world.withdraw(now=DUE - 25 * SECOND)
    world.start(DUE - 20 * SECOND)
    world.run(DUE - 20 * SECOND, DUE + MINUTE)
    assert world.outcome() == (Outcome.CANCELLED, Reason.WITHDRAWN, Evidence.NONE)
    assert loa.played == []
    assert_told_once(world)


def test_settling_twice_is_settling_once(world: World) -> None:
    planned(world, plays_here=True)
    world.run(DUE - MINUTE, DUE + 5 * SECOND)
    world.die()
    world.start(DUE + 20 * SECOND)
    before = world.count_of_entries()
    world.outcomes.settle(DUE + 21 * SECOND)
    assert world.count_of_entries() == before
    assert_told_once(world)


def test_of_two_stations_the_one_that_plays_elsewhere_is_heard_out(world: World) -> None:
    world.station("kep-xa", plays_here=False)
    planned(world, plays_here=True)
    world.run(DUE - MINUTE, DUE + 5 * SECOND)
    world.die()
    world.start(DUE + 10 * SECOND)
    world.run(DUE + 10 * SECOND, DUE + 5 * MINUTE, 5 * SECOND)
    assert world.outcome() == (Outcome.PARTIAL, Reason.SOME_STATIONS, Evidence.FINISHED)
    assert_told_once(world)


deaths = st.lists(
    st.tuples(st.integers(-7, 6), st.sampled_from(["before", "after", "killed", "stopped"]), st.integers(0, 9)),
    max_size=4,
)
"""Tens of seconds from the due time; how it dies (before or after an order reached the station); tens until the next"""


@settings(max_examples=15)
@given(deaths=deaths, plays_here=st.booleans())
def test_whenever_workers_die_an_airing_ends_once_and_sounds_at_most_once(
    kind: str,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
    deaths: list[tuple[int, str, int]],
    plays_here: bool,
) -> None:
    folder = tmp_path_factory.mktemp("life")
    with databases.copy(kind, folder, cast_filled) as url, world_in(folder, url=url) as world:
        loa = planned(world, plays_here=plays_here)
        live_through(world, sorted(deaths))
        assert_told_once(world)
        was_heard = world.today().id in loa.played + world.site.speaker("kep-loa").played
        assert (world.today().outcome in {Outcome.AIRED, Outcome.PARTIAL}) == was_heard


def live_through(world: World, deaths: list[tuple[int, str, int]]) -> None:
    """From before the hand-over until all is over, in steps of ten seconds."""
    back = -8
    is_up = False
    for ten in range(-8, 60):
        now = DUE + ten * 10 * SECOND
        if not is_up and ten >= back:
            world.start(now)
            is_up = True
        if not is_up:
            for speaker in world.site.all():
                speaker.go_on(now)
        elif deaths and deaths[0][0] <= ten:
            _, how, pause = deaths.pop(0)
            die(world, how, now)
            back, is_up = ten + 1 + pause, False
        else:
            world.tick(now)


def die(world: World, how: str, now: datetime) -> None:
    vices = {"before": Vice.WORKER_DIES_BEFORE, "after": Vice.WORKER_DIES_AFTER}
    if how == "stopped":
        world.stop(now)
        return
    world.site.speaker("kep-loa").vice = vices.get(how, Vice.NONE)
    with suppress(WorkerKilledError):
        world.tick(now)
    world.site.speaker("kep-loa").vice = Vice.NONE
    world.die()
