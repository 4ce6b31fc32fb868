"""An emergency: two people, ten minutes, the names typed out; it airs at once and what sounds gives way."""

from datetime import datetime, timedelta

import pytest

from broadcaster.domain.airing import Outcome, Reason, Scope
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services import emergencies, stops
from tests.fixtures import KINDS
from tests.services.world import TODAY, World, here

NOON = here("12:00:20")
LONG = "Bà con chú ý. " * 60


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ready(world: World) -> World:
    """An approved emergency bulletin, and another one on air in Kép since 12:00."""
    world.approved("lu", "Nước lũ lên nhanh. Bà con lên chỗ cao.", priority="emergency")
    world.approved("thuong", LONG)
    world.schedule("lich", "thuong", times=["12:00", "12:04"])
    world.plan()
    world.run(here("11:59"), NOON)
    return world


def ask(world: World, now: datetime = NOON, person: str = "operator", **more: bool) -> str:
    return emergencies.ask(world.store, "lu", ["kep"], ["kép"], world.actor(person), now, **more)


def confirm(world: World, key: str, now: datetime = NOON, person: str = "approver", **more: bool) -> str:
    (airing,) = emergencies.confirm(world.store, key, ["Kép"], world.actor(person), now, **more)
    world.plan(now)
    return airing


def played(world: World, airing: str) -> bool:
    return airing in world.site.speaker("kep-loa").played


def test_it_airs_at_once_and_what_sounds_gives_way_with_its_position(ready: World) -> None:
    airing = confirm(ready, ask(ready))
    ready.run(NOON + timedelta(seconds=1), here("12:03"))
    (emergency,) = ready.airings(id=airing)
    assert (emergency.outcome, emergency.evidence) == (Outcome.AIRED, "finished")
    assert emergency.lateness_ms is not None
    assert emergency.lateness_ms <= 3_000
    before = ready.today(schedule="lich", place_in_day="12:00")
    assert (before.outcome, before.reason) == (Outcome.PREEMPTED, Reason.PREEMPTED)
    assert not ready.site.speaker("kep-loa").playing
    ready.assert_chains_hold()


def test_it_goes_before_what_is_late_already(world: World) -> None:
    world.approved("lu", "Nước lũ lên nhanh.", priority="emergency")
    world.approved("thuong", LONG)
    world.schedule("lich", "thuong", times=["12:00"])
    world.plan()
    airing = confirm(world, ask(world))
    world.run(NOON, here("12:05"))
    assert world.site.speaker("kep-loa").played == [airing, world.today(schedule="lich").id]


def test_the_rest_goes_on_afterwards(ready: World) -> None:
    confirm(ready, ask(ready))
    ready.run(NOON + timedelta(seconds=1), here("12:10"))
    assert ready.today(schedule="lich", place_in_day="12:04").outcome is Outcome.AIRED


def test_one_person_alone_airs_nothing(ready: World) -> None:
    key = ask(ready)
    with pytest.raises(NotAllowedError, match="another person has to confirm"):
        confirm(ready, key, person="operator")
    with pytest.raises(NotAllowedError):
        confirm(ready, key, person="writer")
    ready.run(NOON, here("12:01"))
    assert len(ready.airings(bulletin="lu")) == 0


def test_after_ten_minutes_it_has_to_be_asked_again(ready: World) -> None:
    key = ask(ready)
    with pytest.raises(InputError, match="more than ten minutes ago"):
        confirm(ready, key, NOON + timedelta(minutes=10, seconds=1))
    assert confirm(ready, ask(ready, NOON + timedelta(minutes=11)), NOON + timedelta(minutes=12))


def test_it_is_confirmed_once(ready: World) -> None:
    key = ask(ready)
    confirm(ready, key)
    with pytest.raises(InputError, match="was confirmed already"):
        confirm(ready, key)
    assert len(ready.airings(bulletin="lu")) == 1


def test_the_names_are_typed_by_both(ready: World) -> None:
    with pytest.raises(InputError, match="type the names: Kép"):
        emergencies.ask(ready.store, "lu", ["kep"], ["Kep"], ready.actor("operator"), NOON)
    key = ask(ready)
    with pytest.raises(InputError, match="type the names: Kép"):
        emergencies.confirm(ready.store, key, [], ready.actor("approver"), NOON)


@pytest.mark.parametrize("overrides", [True, False])
def test_the_quiet_hours_hold_unless_both_override_them(world: World, overrides: bool) -> None:
    world.approved("lu", "Nước lũ lên nhanh.", priority="emergency")
    night = here("23:30")
    key = ask(world, night, overrides_quiet=overrides)
    with pytest.raises(InputError, match="the same about the quiet hours"):
        confirm(world, key, night, overrides_quiet=not overrides)
    airing = confirm(world, key, night, overrides_quiet=overrides)
    world.run(night, night + timedelta(minutes=2))
    (row,) = world.airings(id=airing)
    expected = (Outcome.AIRED, None) if overrides else (Outcome.SKIPPED, Reason.QUIET_HOURS)
    assert (row.outcome, row.reason) == expected
    assert played(world, airing) is overrides


def test_only_what_is_approved_as_an_emergency_for_that_commune_airs_so(ready: World) -> None:
    with pytest.raises(InputError, match="is no emergency bulletin"):
        emergencies.ask(ready.store, "thuong", ["kep"], ["Kép"], ready.actor("operator"), NOON)
    key = ask(ready)
    ready.withdraw("lu", NOON)
    with pytest.raises(InputError, match="is not approved"):
        confirm(ready, key)
    with pytest.raises(InputError, match="is not approved"):
        ask(ready)


def test_who_has_no_say_in_a_commune_asks_for_nothing_there(ready: World) -> None:
    with pytest.raises(NotAllowedError, match="may not do this in: my-thai"):
        emergencies.ask(ready.store, "lu", ["my-thai"], ["Mỹ Thái"], ready.actor("approver-kep"), NOON)


def test_a_drill_reaches_no_live_loudspeaker(ready: World) -> None:
    live = ready.station("kep-that", mode="live")
    key = ask(ready, is_drill=True)
    airing = confirm(ready, key)
    ready.run(NOON, here("12:02"))
    assert played(ready, airing)
    assert live.orders == {}
    (row,) = ready.airings(id=airing)
    assert (row.mode, row.outcome) == ("test", Outcome.AIRED)


def test_an_emergency_on_a_live_station_is_heard_there(ready: World) -> None:
    live = ready.station("kep-that", mode="live")
    airing = confirm(ready, ask(ready))
    ready.run(NOON, here("12:02"))
    assert live.played == [airing]


def test_what_nobody_confirmed_can_be_taken_back(ready: World) -> None:
    key = ask(ready)
    emergencies.withdraw(ready.store, key, ready.actor("operator"), NOON)
    with pytest.raises(InputError, match="was withdrawn by operator"):
        confirm(ready, key)
    with pytest.raises(InputError, match="not waiting any more"):
        emergencies.withdraw(ready.store, key, ready.actor("operator"), NOON)


def test_a_correction_silences_it_and_airs_in_one_step(ready: World) -> None:
    ready.approved("lu", LONG, priority="emergency")
    ready.approved("dinh-chinh", "Bản tin vừa rồi phát nhầm.", priority="emergency")
    key = ask(ready)
    airing = confirm(ready, key)
    ready.run(NOON, NOON + timedelta(seconds=15))
    later = NOON + timedelta(seconds=16)
    with pytest.raises(NotAllowedError, match="another person has to air it"):
        emergencies.correct(ready.store, key, "dinh-chinh", ["Kép"], ready.actor("approver"), later)
    (correction,) = emergencies.correct(ready.store, key, "dinh-chinh", ["Kép"], ready.actor("operator"), later)
    ready.run(later, here("12:03"))
    assert ready.airings(id=airing)[0].outcome is Outcome.PREEMPTED
    assert ready.airings(id=correction)[0].outcome is Outcome.AIRED


def test_a_stop_wins_over_an_emergency(ready: World) -> None:
    stops.stop(ready.store, Scope.COMMUNE, "my-thai", "", ready.actor("operator"), NOON)
    airing = confirm(ready, ask(ready))
    stops.stop(ready.store, Scope.COMMUNE, "kep", "", ready.actor("operator"), NOON)
    ready.run(NOON + timedelta(seconds=1), here("12:02"))
    assert ready.airings(id=airing)[0].outcome is Outcome.CANCELLED
    assert not played(ready, airing)
    assert ready.today(schedule="lich", place_in_day="12:00").reason is Reason.STOPPED


def test_planning_again_leaves_it_alone(ready: World) -> None:
    airing = confirm(ready, ask(ready))
    for second in range(3):
        ready.plan(NOON + timedelta(seconds=second))
    assert [row.id for row in ready.airings(bulletin="lu")] == [airing]
    assert {row.local_date for row in ready.airings(bulletin="lu")} == {TODAY}
