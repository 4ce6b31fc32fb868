"""A stop silences what sounds, holds back what is to come, and latches until somebody releases it."""

import pytest

from broadcaster.domain.airing import Outcome, Reason, Scope
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services import stops
from tests.fixtures import KINDS
from tests.services.world import World, here

LONG = "Bà con chú ý. " * 60


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def on_air(world: World) -> World:
    """Kép and Mỹ Thái, in the middle of one bulletin; the next one is due an hour later."""
    world.approved(text=LONG)
    world.schedule(communes=["kep", "my-thai"], times=["17:00", "18:00"])
    world.plan()
    world.run(here("16:59"), here("17:00:20"))
    assert all(row.phase == "on_air" for row in world.airings(place_in_day="17:00", local_date=here("17:00").date()))
    return world


def order(world: World, scope: Scope, target: str = "", person: str = "operator") -> str:
    return stops.stop(world.store, scope, target, "sai nội dung", world.actor(person), here("17:00:21"))


def ended(world: World, commune: str, time: str) -> tuple[object, object]:
    row = world.today(commune=commune, place_in_day=time)
    return row.outcome, row.reason


def test_everything_falls_silent_and_stays_silent_until_it_is_released(on_air: World) -> None:
    key = order(on_air, Scope.EVERYTHING)
    on_air.run(here("17:00:22"), here("17:00:23"))
    for commune in ("kep", "my-thai"):
        assert ended(on_air, commune, "17:00") == (Outcome.PARTIAL, Reason.STOPPED)
        assert not on_air.site.speaker(f"{commune}-loa").playing
    on_air.run(here("17:59"), here("18:01"))
    assert ended(on_air, "kep", "18:00") == (Outcome.CANCELLED, Reason.STOPPED)
    stops.release(on_air.store, key, on_air.actor("operator"), here("18:02"))
    on_air.schedule("moi", communes=["kep"], times=["18:10"])
    on_air.plan(here("18:03"))
    on_air.run(here("18:09"), here("18:13"))
    assert on_air.outcome(schedule="moi")[0] is Outcome.AIRED
    on_air.assert_chains_hold()


def test_a_stop_of_one_commune_leaves_the_others_alone(on_air: World) -> None:
    order(on_air, Scope.COMMUNE, "kep")
    on_air.run(here("17:00:22"), here("17:05"))
    assert ended(on_air, "kep", "17:00") == (Outcome.PARTIAL, Reason.STOPPED)
    assert ended(on_air, "my-thai", "17:00") == (Outcome.AIRED, None)


def test_a_stop_of_one_airing_leaves_the_next_one_alone(on_air: World) -> None:
    order(on_air, Scope.AIRING, on_air.today(commune="kep", place_in_day="17:00").id)
    on_air.run(here("17:00:22"), here("17:00:30"))
    on_air.run(here("17:59"), here("18:05"))
    assert ended(on_air, "kep", "17:00") == (Outcome.PARTIAL, Reason.STOPPED)
    assert ended(on_air, "kep", "18:00") == (Outcome.AIRED, None)


def test_what_was_handed_over_and_has_not_begun_is_taken_back(world: World) -> None:
    world.approved()
    world.schedule()
    world.plan()
    world.run(here("16:59:10"), here("16:59:20"))
    assert world.today().phase == "handed_over"
    order(world, Scope.COMMUNE, "kep")
    world.run(here("16:59:22"), here("17:01"))
    assert world.outcome()[:2] == (Outcome.CANCELLED, Reason.STOPPED)
    assert world.site.speaker("kep-loa").played == []


def test_it_says_who_ordered_and_who_released_it(on_air: World) -> None:
    key = order(on_air, Scope.COMMUNE, "kep")
    stops.release(on_air.store, key, on_air.actor("approver"), here("17:10"))
    assert on_air.journalled(key) == ["stop_ordered", "stop_released"]
    with pytest.raises(InputError, match="was released already, by approver"):
        stops.release(on_air.store, key, on_air.actor("approver"), here("17:11"))


def test_only_who_may_stop_there_stops_there(on_air: World) -> None:
    with pytest.raises(NotAllowedError):
        order(on_air, Scope.COMMUNE, "kep", person="writer")
    with pytest.raises(NotAllowedError, match="may not stop or release my-thai"):
        order(on_air, Scope.COMMUNE, "my-thai", person="approver-kep")
    with pytest.raises(NotAllowedError, match="everything"):
        order(on_air, Scope.EVERYTHING, person="approver-kep")
    assert order(on_air, Scope.COMMUNE, "kep", person="approver-kep")


@pytest.mark.parametrize(
    ("scope", "target", "told"),
    [(Scope.COMMUNE, "xyz", "no commune xyz"), (Scope.AIRING, "01J", "no airing 01J")],
)
def test_what_does_not_exist_is_told(world: World, scope: Scope, target: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        order(world, scope, target)
    with pytest.raises(InputError, match="no stop 01J"):
        stops.release(world.store, "01J", world.actor("operator"), here("17:00"))


def test_an_airing_that_has_ended_needs_no_stop(on_air: World) -> None:
    on_air.run(here("17:00:25"), here("17:05"))
    with pytest.raises(InputError, match="has ended already"):
        order(on_air, Scope.AIRING, on_air.today(commune="kep", place_in_day="17:00").id)
