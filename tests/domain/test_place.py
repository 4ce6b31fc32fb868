"""Stations and the zones in which they are heard."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.place import Mode, Station, airing_mode, heard_within, zones_to_air_in

ALL = ("Phố Kép", "Thôn Đông", "Thôn Tây")
EAST, WEST = ALL[1:]


def station(*zones: str, mode: Mode = Mode.TEST) -> Station:
    return Station("loa", "kep", "memory", mode, {}, zones)


@pytest.mark.parametrize(
    ("heard", "zones", "is_reached"),
    [
        ([EAST], [], True),
        ([], [], True),
        ([EAST], [EAST], True),
        ([EAST], [EAST, WEST], True),
        ([EAST, WEST], [EAST], False),
        ([WEST], [EAST], False),
        ([], [EAST], False),
        ([], ALL, True),
        ([], [EAST, WEST], False),
    ],
)
def test_a_station_is_reached_only_where_nobody_else_hears_it(
    heard: Sequence[str], zones: Sequence[str], is_reached: bool
) -> None:
    assert bool(heard_within([station(*heard)], zones, ALL)) is is_reached


def test_in_a_commune_without_zones_nobody_knows_where_a_station_is_heard() -> None:
    assert heard_within([station()], [EAST], []) == []


@pytest.mark.parametrize(
    ("scheduled", "permitted", "zones"),
    [
        ([], [], []),
        ([EAST], [], [EAST]),
        ([], [EAST], [EAST]),
        ([EAST], [EAST, WEST], [EAST]),
        ([EAST, WEST], [EAST], None),
        ([WEST], [EAST], None),
    ],
)
def test_a_schedule_only_narrows_the_zones_of_the_approval(
    scheduled: Sequence[str], permitted: Sequence[str], zones: Sequence[str] | None
) -> None:
    assert zones_to_air_in(scheduled, permitted) == zones


subsets = st.lists(st.sampled_from(ALL), unique=True)


@given(st.lists(subsets), subsets, subsets)
def test_nobody_hears_what_is_not_meant_for_them(
    stations: Sequence[Sequence[str]], scheduled: Sequence[str], permitted: Sequence[str]
) -> None:
    zones = zones_to_air_in(scheduled, permitted)
    if zones is None:
        return
    for found in heard_within([station(*heard) for heard in stations], zones, ALL):
        hearing = {zone for zone in ALL if found.serves(zone)}
        assert hearing <= set(scheduled or ALL)
        assert hearing <= set(permitted or ALL)


def test_a_commune_is_in_test_mode_until_a_station_is_live() -> None:
    live, virtual = station(mode=Mode.LIVE), station()
    assert airing_mode([virtual], is_rehearsal=False) is Mode.TEST
    assert airing_mode([virtual, live], is_rehearsal=False) is Mode.LIVE
    assert airing_mode([virtual, live], is_rehearsal=True) is Mode.TEST
