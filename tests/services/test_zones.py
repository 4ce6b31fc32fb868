"""What is meant for some zones is heard there and nowhere else."""

from datetime import timedelta
from typing import Any

import pytest

from broadcaster.domain.airing import Outcome, Phase, Reason
from broadcaster.errors import InputError
from broadcaster.services import emergencies
from broadcaster.services.bulletins import Permission
from tests.fakes.loudspeakers import Loudspeaker
from tests.fixtures import KINDS, NOW
from tests.services.world import TODAY, World, here

pytestmark = pytest.mark.parametrize("kind", KINDS)

DUE = here("17:00")
MINUTE = timedelta(minutes=1)
EAST, WEST, SOUTH = "Thôn Đông", "Thôn Tây", "Thôn Nam"
EVERYWHERE = ["Phố Kép", EAST, WEST, SOUTH]


@pytest.fixture
def east(world: World) -> Loudspeaker:
    return world.station("kep-dong", zones=[EAST])


@pytest.fixture
def west(world: World) -> Loudspeaker:
    return world.station("kep-tay", zones=[WEST, SOUTH])


def aired(world: World, *zones: str, **more: Any) -> tuple[object, ...]:
    """The stations that played what a schedule for these zones has on air today."""
    world.schedule(zones=list(zones), **more)
    world.plan()
    world.run(DUE - MINUTE, DUE + MINUTE)
    return tuple(speaker.code for speaker in world.site.all() if speaker.played)


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ((), ("kep-dong", "kep-loa", "kep-tay")),
        ((EAST,), ("kep-dong",)),
        ((EAST, WEST, SOUTH), ("kep-dong", "kep-tay")),
        (tuple(EVERYWHERE), ("kep-dong", "kep-loa", "kep-tay")),
    ],
)
def test_a_schedule_is_heard_in_its_zones_alone(
    world: World, east: Loudspeaker, west: Loudspeaker, zones: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    world.approved()
    assert tuple(sorted(map(str, aired(world, *zones)))) == expected
    assert world.outcome()[0] is Outcome.AIRED


def test_an_approval_for_one_zone_is_heard_there_alone(world: World, east: Loudspeaker, west: Loudspeaker) -> None:
    world.approved(permission=Permission(zones=[EAST]))
    assert aired(world) == ("kep-dong",)


def test_a_schedule_for_other_zones_than_those_approved_is_refused(
    world: World, east: Loudspeaker, west: Loudspeaker
) -> None:
    world.approved(permission=Permission(zones=[EAST]))
    with pytest.raises(InputError, match=r"schedule lich: tin was approved only for the zones: Thôn Đông\."):
        world.schedule(zones=[WEST, SOUTH])


def test_an_emergency_that_is_approved_for_one_zone_is_heard_there_alone(
    world: World, east: Loudspeaker, west: Loudspeaker
) -> None:
    world.approved("lu", "Nước lũ lên nhanh.", Permission(zones=[EAST]), priority="emergency")
    key = emergencies.ask(world.store, "lu", ["kep"], ["Kép"], world.actor("operator"), DUE)
    (airing,) = emergencies.confirm(world.store, key, ["Kép"], world.actor("approver"), DUE)
    world.run(DUE, DUE + MINUTE)
    assert {speaker.code: speaker.played for speaker in world.site.all() if speaker.played} == {"kep-dong": [airing]}


@pytest.mark.parametrize("is_handed_over", [False, True])
def test_what_is_approved_for_fewer_zones_since_does_not_air_beyond_them(
    world: World, west: Loudspeaker, is_handed_over: bool
) -> None:
    world.station("kep-dong", zones=[EAST], lead_s=3600)
    world.station("kep-loa", lead_s=3600)
    world.station("kep-tay", zones=[WEST, SOUTH], lead_s=3600)
    world.approved()
    world.schedule(zones=[WEST, SOUTH])
    world.plan()
    if is_handed_over:
        world.tick(DUE - 50 * MINUTE)
        assert world.today().phase is Phase.HANDED_OVER
    world.approved(text="Khác.", permission=Permission(zones=[EAST]), now=DUE - 40 * MINUTE)
    world.plan(DUE - 40 * MINUTE)
    world.run(DUE - 2 * MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.SKIPPED, Reason.NOT_APPROVED, "none")
    assert world.site.speaker("kep-tay").played == []


def test_without_a_station_for_the_zone_it_fails_and_says_so(world: World, east: Loudspeaker) -> None:
    world.approved(permission=Permission(zones=[WEST]))
    assert aired(world) == ()
    assert world.outcome() == (Outcome.FAILED, Reason.NO_STATION, "none")


def test_zones_that_a_commune_does_not_have_are_told(world: World, east: Loudspeaker) -> None:
    world.approved()
    known = "It has: Phố Kép, Thôn Đông, Thôn Tây, Thôn Nam."
    with pytest.raises(InputError, match=f"schedule lich: commune kep has no zone Thôn Bắc. {known}"):
        world.schedule(zones=[EAST, "Thôn Bắc"])
    with pytest.raises(InputError, match=f"station kep-bac: commune kep has no zone Thôn Bắc. {known}"):
        world.station("kep-bac", zones=["Thôn Bắc"])


def test_zones_that_no_station_reaches_alone_are_told(world: World, west: Loudspeaker) -> None:
    world.approved()
    told = (
        r"no station of kep is heard in Thôn Tây alone\. Its stations: "
        r"kep-loa \(Phố Kép, Thôn Đông, Thôn Tây, Thôn Nam\), kep-tay \(Thôn Tây, Thôn Nam\)"
    )
    with pytest.raises(InputError, match=told):
        world.schedule(zones=[WEST])


def test_only_stations_that_would_air_it_count(world: World, east: Loudspeaker) -> None:
    world.station("kep-that", mode="live")
    world.approved()
    with pytest.raises(InputError, match="no station of kep is heard in Thôn Đông alone"):
        world.schedule(zones=[EAST])


def test_other_zones_take_an_order_from_one_station_to_the_other(world: World) -> None:
    for code, zones in (("kep-loa", ()), ("kep-dong", [EAST]), ("kep-tay", [WEST])):
        world.station(code, zones=zones, lead_s=86_400)
    world.approved()
    world.schedule(zones=[EAST])
    world.plan()
    world.tick(NOW)
    world.schedule(zones=[WEST], now=here("10:00"))
    assert world.plan(here("10:00")).outdated == 1
    world.tick(here("10:00"))
    assert {s.code: list(s.orders) for s in world.site.all() if s.orders} == {"kep-tay": [world.today().id]}
    assert world.plan(here("10:01")).outdated == 0


def test_a_station_that_is_heard_elsewhere_by_now_gives_back_what_is_not_meant_for_it(world: World) -> None:
    for code in ("kep-loa", "kep-dong"):
        world.station(code, zones=[EAST], lead_s=86_400)
    world.approved()
    world.schedule(zones=[EAST], exdates=[TODAY + timedelta(days=1)])
    world.plan()
    world.tick(NOW)
    world.station("kep-loa", zones=[EAST, WEST], lead_s=86_400)
    world.plan(here("10:00"))
    world.tick(here("10:00"))
    assert [bool(world.site.speaker(code).orders) for code in ("kep-loa", "kep-dong")] == [False, True]


def test_a_station_of_other_zones_is_not_connected_anew(world: World, east: Loudspeaker) -> None:
    world.approved()
    world.schedule()
    world.plan()
    world.run(DUE - MINUTE, DUE)
    assert east.playing
    world.station("kep-dong", zones=[EAST, WEST])
    world.run(DUE + timedelta(seconds=1), DUE + MINUTE)
    assert world.outcome()[0] is Outcome.AIRED
