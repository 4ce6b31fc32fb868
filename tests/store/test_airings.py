"""Queries about airings: what must happen once is decided by the database."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from broadcaster.domain.airing import Outcome, Phase, StationState
from broadcaster.store import airings
from broadcaster.store.engine import Store
from broadcaster.store.tables import AiringRow, DeliveryRow
from tests.fixtures import NOW
from tests.store.rows import add_parents, airing, station

MINUTE = timedelta(minutes=1)


@pytest.fixture
def filled(store: Store) -> Store:
    with store.writing() as session:
        add_parents(session)
        session.add(airing("first"))
    return store


def test_an_airing_exists_once_for_its_key(filled: Store) -> None:
    twin = airing("twin")
    twin.place_in_day = "first"
    with pytest.raises(IntegrityError, match=r"(?i)unique"), filled.writing() as session:
        session.add(twin)


@pytest.mark.parametrize("part", ["local_date", "place_in_day"])
def test_another_day_or_place_is_another_airing(filled: Store, part: str) -> None:
    other = airing("first")
    other.id = "second"
    setattr(other, part, {"local_date": NOW.date() + timedelta(days=1), "place_in_day": "second"}[part])
    with filled.writing() as session:
        session.add(other)
    with filled.reading() as session:
        assert len(airings.due(session, NOW + MINUTE)) == 2


def test_what_is_due_comes_earliest_first_and_nothing_later(filled: Store) -> None:
    with filled.writing() as session:
        session.add(airing("later", NOW + MINUTE))
        session.add(airing("earlier", NOW - MINUTE))
        session.add(airing("too late", NOW + 2 * MINUTE))
        session.add(airing("begun", NOW - MINUTE, Phase.ON_AIR))
    with filled.reading() as session:
        assert [row.id for row in airings.due(session, NOW + 2 * MINUTE)] == ["earlier", "first", "later"]
        assert airings.due(session, NOW + 2 * MINUTE, ["my-thai"]) == []


def test_what_was_begun_and_has_not_ended_is_under_way(filled: Store) -> None:
    with filled.writing() as session:
        for phase in Phase:
            session.add(airing(phase, phase=phase))
    with filled.reading() as session:
        assert {row.id for row in airings.under_way(session)} == {Phase.SENDING, Phase.HANDED_OVER, Phase.ON_AIR}


def test_a_move_from_another_phase_does_not_happen(filled: Store) -> None:
    with filled.writing() as session:
        assert not airings.move(session, "first", [Phase.SENDING], phase=Phase.ENDED, outcome=Outcome.AIRED)
        assert not airings.move(session, "nowhere", list(Phase), phase=Phase.ENDED)
    with filled.reading() as session:
        row = session.get_one(AiringRow, "first")
        assert (row.phase, row.outcome) == (Phase.PLANNED, None)


def test_a_moved_airing_is_seen_moved_in_the_same_session(filled: Store) -> None:
    with filled.writing() as session:
        row = session.get_one(AiringRow, "first")
        assert airings.move(session, "first", [Phase.PLANNED], phase=Phase.ENDED, outcome=Outcome.MISSED)
        assert (row.phase, row.outcome) == (Phase.ENDED, Outcome.MISSED)


def test_of_many_workers_one_moves_an_airing(filled: Store) -> None:
    moved: list[bool] = []

    def take() -> None:
        with filled.writing() as session:
            moved.append(airings.move(session, "first", [Phase.PLANNED], phase=Phase.SENDING))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(moved) == [False] * 7 + [True]


def test_the_deliveries_of_an_airing_are_its_own_and_can_be_forgotten(filled: Store) -> None:
    with filled.writing() as session:
        session.add_all([airing("second"), station("loa-2")])
        session.flush()
        for key, code in (("first", "loa-2"), ("first", "loa"), ("second", "loa")):
            session.add(DeliveryRow(airing=key, station=code, state=StationState.SENDING, sent_at=NOW, detail=""))
    with filled.writing() as session:
        assert [part.station for part in airings.deliveries(session, "first")] == ["loa", "loa-2"]
        airings.forget_deliveries(session, "first")
    with filled.reading() as session:
        assert airings.deliveries(session, "first") == []
        assert len(airings.deliveries(session, "second")) == 1


def test_an_airing_is_delivered_to_a_station_once(filled: Store) -> None:
    with filled.writing() as session:
        session.add(DeliveryRow(airing="first", station="loa", state=StationState.SENDING, sent_at=NOW, detail=""))
    with pytest.raises(IntegrityError, match=r"(?i)unique"), filled.writing() as session:
        session.add(DeliveryRow(airing="first", station="loa", state=StationState.SENDING, sent_at=NOW, detail=""))
