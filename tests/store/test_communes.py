"""Queries about communes, people and facts."""

from datetime import date, time, timedelta

import pytest

from broadcaster.domain.roles import Grant, Role
from broadcaster.errors import InputError
from broadcaster.store import communes as places
from broadcaster.store.engine import Store
from broadcaster.store.tables import FactRow, PersonRow
from tests.store.rows import commune, station

NIGHT = ("21:00", "05:00")


def fact(value: str, verified_on: date | None = None, *, sample: bool = False) -> FactRow:
    return FactRow(
        key="hotline", value=value, owner="", source="", verified_on=verified_on, verified_by=None, sample=sample
    )


def spoken(store: Store, *facts: FactRow) -> str | None:
    with store.writing() as session:
        session.add_all(facts)
    with store.reading() as session:
        found = places.fact(session, "hotline")
    return found.value if found else None


def test_without_a_fact_nothing_is_spoken(store: Store) -> None:
    assert spoken(store) is None


def test_a_verified_fact_goes_before_a_sample(store: Store) -> None:
    assert spoken(store, fact("sample", sample=True), fact("verified", date(2026, 1, 1))) == "verified"


def test_of_several_facts_the_one_verified_last_is_spoken(store: Store) -> None:
    days = {"older": date(2026, 1, 1), "newest": date(2026, 3, 1), "old": date(2026, 2, 1)}
    assert spoken(store, *(fact(value, day) for value, day in days.items())) == "newest"


def test_a_fact_that_nobody_verified_is_not_spoken_unless_it_is_a_sample(store: Store) -> None:
    assert spoken(store, fact("rumour")) is None
    assert spoken(store, fact("sample", sample=True)) == "sample"


def test_a_sample_stays_a_sample_though_it_has_a_date(store: Store) -> None:
    assert spoken(store, fact("dated", date(2026, 5, 1), sample=True), fact("verified", date(2026, 1, 1))) == "verified"


def test_a_timetable_is_read_as_it_is_kept() -> None:
    row = commune(
        slots=[{"name": "Buổi sáng", "start": "05:30", "end": "06:00", "days": ["sat", "sun"]}],
        quiet_hours={"start": "22:00", "end": "04:30"},
        reserved=[{"start": "05:00", "end": "05:30", "reason": "Tiếp sóng"}],
    )
    found = places.timetable(row, NIGHT)
    (slot,) = found.slots
    assert (slot.window.start, slot.window.end, slot.days) == (time(5, 30), time(6), frozenset({5, 6}))
    assert found.quiet_hours is not None
    assert (found.quiet_hours.start, found.quiet_hours.end) == (time(22), time(4, 30))
    assert [(item.reason, len(item.days)) for item in found.reserved] == [("Tiếp sóng", 7)]


def test_a_commune_without_quiet_hours_has_the_default_ones() -> None:
    quiet = places.timetable(commune(), NIGHT).quiet_hours
    assert quiet is not None
    assert (quiet.start, quiet.end) == (time(21), time(5))


def test_a_slot_on_no_day_never_comes() -> None:
    row = commune(slots=[{"name": "Nghỉ", "start": "05:30", "end": "06:00", "days": []}])
    assert places.timetable(row, NIGHT).slots[0].days == frozenset()


def test_stations_are_found_by_commune(store: Store) -> None:
    with store.writing() as session:
        session.add_all([commune(), commune("my-thai")])
        session.flush()
        session.add_all([station("loa-2"), station("loa-1"), station("loa-3", "my-thai")])
    with store.reading() as session:
        found = places.stations(session)
        assert {code: [s.code for s in stations] for code, stations in found.items()} == {
            "kep": ["loa-1", "loa-2"], "my-thai": ["loa-3"],
        }  # fmt: skip
        assert list(places.stations(session, ["my-thai"])) == ["my-thai"]
        assert places.stations(session, []) == {}


def test_a_person_acts_with_all_their_roles(store: Store) -> None:
    with store.writing() as session:
        roles = [{"role": "approver", "commune": "kep"}, {"role": "writer", "source": "Công an xã"}]
        session.add(PersonRow(code="an", name="An", roles=roles))
    with store.reading() as session:
        found = places.actor(session, "an", "root")
    assert found.grants == (Grant(Role.APPROVER, commune="kep"), Grant(Role.WRITER, source="Công an xã"))
    assert (found.person, found.os_user) == ("an", "root")


def test_an_unknown_person_is_refused_with_the_known_ones(store: Store) -> None:
    with pytest.raises(InputError, match=r"no person binh\. Known: nobody yet"), store.reading() as session:
        places.actor(session, "binh", "root")
    with store.writing() as session:
        session.add(PersonRow(code="an", name="An", roles=[]))
    with pytest.raises(InputError, match=r"no person binh\. Known: an\."), store.reading() as session:
        places.actor(session, "binh", "root")


def test_nobody_is_the_program_itself(store: Store) -> None:
    with store.reading() as session:
        assert places.actor(session, None, "root").grants == ()


def test_a_night_without_end_lasts_a_day() -> None:
    window = places.timetable(commune(quiet_hours={"start": "21:00", "end": "20:59"}), NIGHT).quiet_hours
    assert window is not None
    start, end = window.on(date(2026, 11, 23), places.timetable(commune(), NIGHT).zone)
    assert end - start == timedelta(hours=23, minutes=59)
