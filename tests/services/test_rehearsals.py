"""Rehearsals: at any hour, soon, and never where residents would hear them."""

from datetime import timedelta

import pytest

from broadcaster.domain.airing import Outcome, Reason
from broadcaster.domain.place import Mode
from broadcaster.errors import InputError
from broadcaster.services.rehearsals import rehearse
from broadcaster.store.tables import ScheduleRow
from tests.fixtures import NOW
from tests.services.world import COMMUNES, World, here

NIGHT = here("23:30")


def test_a_rehearsal_airs_once_in_every_commune_at_any_hour(world: World) -> None:
    world.approved()
    schedule = rehearse(world.store, "tin", NIGHT, NIGHT - timedelta(minutes=1))
    world.plan(NIGHT - timedelta(minutes=1))
    world.run(NIGHT - timedelta(minutes=1), NIGHT + timedelta(minutes=1))
    rows = world.airings(schedule=schedule)
    assert {row.commune for row in rows} == set(COMMUNES)
    assert {(row.outcome, row.mode, row.lateness_ms) for row in rows} == {(Outcome.AIRED, Mode.TEST, 0)}
    world.plan(NIGHT + timedelta(days=1))
    assert len(world.airings(schedule=schedule)) == 5


def test_a_rehearsal_is_due_at_its_very_second(world: World) -> None:
    world.approved()
    rehearse(world.store, "tin", here("10:00:42"), NOW)
    world.plan()
    assert {row.due_at for row in world.airings()} == {here("10:00:42")}


def test_a_commune_with_a_live_station_has_no_part_in_it(world: World) -> None:
    world.station("kep-that", mode="live")
    world.approved()
    rehearse(world.store, "tin", here("10:00"), NOW)
    world.plan()
    assert {row.commune for row in world.airings()} == set(COMMUNES) - {"kep"}


def test_without_a_commune_in_test_mode_there_is_no_rehearsal(world: World) -> None:
    for commune in COMMUNES:
        world.station(f"{commune}-loa", commune, mode="live")
    world.approved()
    with pytest.raises(InputError, match="no commune with only stations in test mode"):
        rehearse(world.store, "tin", here("10:00"), NOW)


def test_a_station_that_goes_live_before_the_rehearsal_stays_silent(world: World) -> None:
    world.approved()
    rehearse(world.store, "tin", NIGHT, NOW)
    world.plan()
    loa = world.station("kep-loa", mode="live")
    world.plan(here("23:00"))
    world.run(here("23:28"), here("23:31"))
    assert loa.handed == []
    assert world.outcome(commune="kep") == (Outcome.FAILED, Reason.NO_STATION, "none")


def test_what_is_not_approved_is_not_rehearsed(world: World) -> None:
    world.write()
    rehearse(world.store, "tin", here("10:00"), NOW)
    world.plan()
    assert world.airings() == []


def test_an_unknown_bulletin_is_not_rehearsed(world: World) -> None:
    with pytest.raises(InputError, match="no bulletin nowhere"):
        rehearse(world.store, "nowhere", here("10:00"), NOW)


def test_communes_of_other_zones_rehearse_at_the_same_moment(world: World) -> None:
    world.bring(
        "communes:\n  - {code: xa, name: Xa, timezone: Europe/Berlin}\n"
        "stations:\n  - {code: xa-loa, commune: xa, connector: memory, mode: test}\n"
    )
    world.approved()
    schedule = rehearse(world.store, "tin", here("10:00"), NOW)
    world.plan()
    assert {row.due_at for row in world.airings()} == {here("10:00")}
    assert {row.commune for row in world.airings()} == {*COMMUNES, "xa"}
    with world.store.reading() as session:
        assert session.get(ScheduleRow, schedule) is not None
