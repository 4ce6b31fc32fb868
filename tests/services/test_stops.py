"""A stop silences what sounds, holds back what is to come, and latches until somebody releases it."""

from datetime import timedelta

import pytest

from broadcaster.domain.airing import Outcome, Reason, Scope
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services import emergencies, stops
from broadcaster.store import airings
from tests.fakes.loudspeakers import Vice
from tests.fixtures import KINDS
from tests.services.world import World, here

MINUTE = timedelta(minutes=1)
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


def order(world: World, scope: Scope, target: str = "", person: str = "operator", zone: str | None = None) -> str:
    return stops.stop(world.store, scope, target, "sai nội dung", world.actor(person), here("17:00:21"), zone=zone)


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


EAST, WEST = "Thôn Đông", "Thôn Tây"


@pytest.fixture
def two_zones(world: World) -> World:
    """Kép with a loudspeaker in each of two zones, in the middle of a bulletin; the next one is due at 18:00."""
    world.station("kep-loa", zones=[EAST])
    world.station("kep-tay", zones=[WEST, "Thôn Nam"])
    world.approved(text=LONG)
    world.schedule(times=["17:00", "18:00"])
    world.plan()
    world.run(here("16:59"), here("17:00:20"))
    return world


def parts(world: World, time: str) -> dict[str, tuple[str, float | None]]:
    """The stations' parts in an airing of today: state and position in seconds."""
    with world.store.reading() as session:
        found = airings.deliveries(session, world.today(place_in_day=time).id)
        return {part.station: (part.state, part.position_s) for part in found}


def test_a_stop_of_one_zone_leaves_the_others_alone(two_zones: World) -> None:
    order(two_zones, Scope.ZONE, "kep", zone=WEST)
    two_zones.run(here("17:00:21"), here("17:05"))
    assert parts(two_zones, "17:00") == {"kep-loa": ("finished", 0.0), "kep-tay": ("stopped", 21.0)}
    assert ended(two_zones, "kep", "17:00") == (Outcome.PARTIAL, Reason.SOME_STATIONS)
    until = [end for speaker in two_zones.site.all() for _, _, end in speaker.heard]
    assert until == [two_zones.today(place_in_day="17:00").finished_at, here("17:00:21")]
    two_zones.run(here("17:59"), here("18:05"))
    assert list(parts(two_zones, "18:00")) == ["kep-loa"]
    assert ended(two_zones, "kep", "18:00") == (Outcome.AIRED, None)
    two_zones.assert_chains_hold()


def test_a_station_of_the_whole_commune_is_silenced_with_each_of_its_zones(world: World) -> None:
    world.station("kep-tay", zones=[WEST])
    world.approved(text=LONG)
    world.schedule()
    world.plan()
    world.run(here("16:59"), here("17:00:20"))
    order(world, Scope.ZONE, "kep", zone=EAST)
    world.run(here("17:00:21"), here("17:05"))
    assert {station: state for station, (state, _) in parts(world, "17:00").items()} == {
        "kep-loa": "stopped",
        "kep-tay": "finished",
    }


def test_what_no_station_may_air_any_more_is_cancelled_until_the_zone_is_released(two_zones: World) -> None:
    keys = [order(two_zones, Scope.ZONE, "kep", zone=zone) for zone in (EAST, WEST)]
    two_zones.run(here("17:00:21"), here("17:05"))
    assert ended(two_zones, "kep", "17:00") == (Outcome.PARTIAL, Reason.STOPPED)
    two_zones.run(here("17:59"), here("18:01"))
    assert ended(two_zones, "kep", "18:00") == (Outcome.CANCELLED, Reason.STOPPED)
    for key in keys:
        stops.release(two_zones.store, key, two_zones.actor("operator"), here("18:02"))
        assert two_zones.journalled(key) == ["stop_ordered", "stop_released"]
    two_zones.schedule("moi", times=["18:10"])
    two_zones.plan(here("18:03"))
    two_zones.run(here("18:09"), here("18:13"))
    assert list(parts(two_zones, "18:10")) == ["kep-loa", "kep-tay"]
    assert two_zones.outcome(schedule="moi")[0] is Outcome.AIRED


def test_what_waits_in_a_stopped_zone_is_given_back(two_zones: World) -> None:
    two_zones.run(here("17:05"), here("17:59:10"), MINUTE)
    order(two_zones, Scope.ZONE, "kep", zone=WEST)
    two_zones.run(here("17:59:20"), here("18:05"))
    assert parts(two_zones, "18:00") == {"kep-loa": ("finished", 0.0), "kep-tay": ("recalled", None)}
    assert ended(two_zones, "kep", "18:00") == (Outcome.PARTIAL, Reason.SOME_STATIONS)


def test_a_station_that_cannot_be_reached_falls_silent_as_soon_as_it_can(two_zones: World) -> None:
    two_zones.site.speaker("kep-tay").vice = Vice.DEAF
    order(two_zones, Scope.ZONE, "kep", zone=WEST)
    two_zones.run(here("17:00:21"), here("17:00:25"))
    assert parts(two_zones, "17:00")["kep-tay"] == ("started", None)
    two_zones.site.speaker("kep-tay").vice = Vice.NONE
    two_zones.run(here("17:00:26"), here("17:05"))
    assert parts(two_zones, "17:00")["kep-tay"] == ("stopped", 26.0)


def test_what_was_handed_over_without_a_stopped_zone_gets_it_back_when_that_is_released(world: World) -> None:
    for code, zone in (("kep-loa", EAST), ("kep-tay", WEST)):
        world.station(code, zones=[zone], lead_s=86_400)
    world.approved()
    world.schedule(rrule="FREQ=DAILY;COUNT=1")
    key = order(world, Scope.ZONE, "kep", zone=WEST)
    world.plan()
    world.run(here("10:00"), here("10:01"))
    assert list(parts(world, "17:00")) == ["kep-loa"]
    assert world.plan(here("10:02")).outdated == 0
    stops.release(world.store, key, world.actor("operator"), here("10:03"))
    world.plan(here("10:03"))
    world.tick(here("10:03"))
    assert list(parts(world, "17:00")) == ["kep-loa", "kep-tay"]


def test_an_emergency_is_not_heard_in_a_stopped_zone_either(two_zones: World) -> None:
    two_zones.approved("lu", "Nước lũ lên nhanh.", priority="emergency")
    order(two_zones, Scope.ZONE, "kep", zone=WEST)
    now = here("17:10")
    key = emergencies.ask(two_zones.store, "lu", ["kep"], ["Kép"], two_zones.actor("operator"), now)
    emergencies.confirm(two_zones.store, key, ["Kép"], two_zones.actor("approver"), now)
    two_zones.run(now, here("17:12"))
    assert two_zones.outcome(bulletin="lu")[0] is Outcome.AIRED
    played = [len(two_zones.site.speaker(code).played) for code in ("kep-loa", "kep-tay")]
    assert played == [2, 1]


def test_who_may_stop_a_commune_may_stop_its_zones_and_nobody_else(two_zones: World) -> None:
    with pytest.raises(NotAllowedError, match="may not stop or release my-thai"):
        order(two_zones, Scope.ZONE, "my-thai", person="approver-kep", zone="Thôn Cò")
    assert order(two_zones, Scope.ZONE, "kep", person="approver-kep", zone=EAST)
    for zone in ("Thôn Bắc", None):
        with pytest.raises(InputError, match=r"Commune kep has no zone .*It has: Phố Kép, Thôn Đông"):
            order(two_zones, Scope.ZONE, "kep", zone=zone)


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


def test_what_could_not_be_taken_back_is_as_soon_as_the_station_is_reached(world: World) -> None:
    loa = world.station("kep-loa", lead_s=86_400)
    world.approved()
    world.schedule()
    world.plan()
    world.tick(here("10:00"))
    loa.vice = Vice.DEAF
    order(world, Scope.COMMUNE, "kep")
    world.run(here("10:01"), here("10:02"))
    assert world.outcome()[:2] == (Outcome.CANCELLED, Reason.STOPPED)
    world.start(here("10:03"))
    loa.vice = Vice.NONE
    world.tick(here("10:04"))
    assert world.today().id not in loa.orders
    assert parts(world, "17:00") == {"kep-loa": ("recalled", None)}
    stopped = list(loa.stopped)
    world.run(here("16:59"), here("17:01"))
    assert loa.played == []
    assert loa.stopped == stopped
    assert world.ended == [world.today().id]


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
