"""Queries about airings: what must happen once is decided by the database."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from broadcaster.domain.airing import TRANSITIONS, Outcome, Phase, StationState
from broadcaster.store import airings
from broadcaster.store.engine import Store
from broadcaster.store.tables import AiringRow, DeliveryRow, PlanRow
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
        assert not airings.move(session, "nowhere", [Phase.PLANNED, Phase.ON_AIR], phase=Phase.ENDED)
    with filled.reading() as session:
        row = session.get_one(AiringRow, "first")
        assert (row.phase, row.outcome) == (Phase.PLANNED, None)


def test_a_moved_airing_is_seen_moved_in_the_same_session(filled: Store) -> None:
    with filled.writing() as session:
        row = session.get_one(AiringRow, "first")
        assert airings.move(session, "first", [Phase.PLANNED], phase=Phase.ENDED, outcome=Outcome.MISSED)
        assert (row.phase, row.outcome) == (Phase.ENDED, Outcome.MISSED)


@pytest.mark.parametrize("before", Phase)
def test_an_airing_goes_only_the_ways_of_the_table(filled: Store, before: Phase) -> None:
    for after in Phase:
        key = f"{before} {after}"
        with filled.writing() as session:
            session.add(airing(key, phase=before))
            session.flush()
            if after in TRANSITIONS[before] or (after is before and before is not Phase.ENDED):
                assert airings.move(session, key, [before], phase=after)
            else:
                with pytest.raises(ValueError, match=f"that is {before} cannot become {after}"):
                    airings.move(session, key, [before, Phase.PLANNED], phase=after)
                assert session.get_one(AiringRow, key).phase is before


def test_what_has_ended_is_not_changed_in_any_other_way_either(filled: Store) -> None:
    with filled.writing() as session, pytest.raises(ValueError, match="that is ended"):
        airings.move(session, "first", [Phase.ENDED], starts_at=NOW)


def test_what_was_taken_back_is_planned_again_and_waits_for_a_plan(filled: Store) -> None:
    with filled.writing() as session:
        row = airing("far", phase=Phase.HANDED_OVER)
        row.handed_over_at = row.starts_at = row.latest_start_at = NOW
        session.add_all([row, PlanRow(commune="kep", fingerprint="0" * 64)])
        session.flush()
        session.add(DeliveryRow(airing="far", station="loa", state=StationState.RECALLED, sent_at=NOW, detail=""))
        assert airings.take_back(session, "far")
        assert not airings.take_back(session, "nowhere")
    with filled.reading() as session:
        row = session.get_one(AiringRow, "far")
        assert (row.phase, row.is_outdated) == (Phase.PLANNED, True)
        assert {row.handed_over_at, row.starts_at, row.latest_start_at} == {None}
        assert airings.deliveries(session, "far") == []
        assert session.get(PlanRow, "kep") is None
        assert [found.id for found in airings.outdated(session)] == ["far"]


def test_what_sounds_already_is_not_taken_back(filled: Store) -> None:
    with filled.writing() as session:
        row = airing("on air", phase=Phase.HANDED_OVER)
        row.started_at = NOW
        session.add(row)
        session.flush()
        assert not airings.take_back(session, "on air")


def test_what_may_lie_at_a_station_is_not_forgotten(filled: Store) -> None:
    with filled.writing() as session:
        given_back, handed_over = airing("given back", NOW + MINUTE), airing("handed over", NOW + MINUTE)
        given_back.latest_start_at = NOW + 2 * MINUTE
        handed_over.phase = Phase.HANDED_OVER
        session.add_all([given_back, handed_over, airing("planned", NOW + MINUTE)])
        session.flush()
        airings.forget_planned(session, "s", [NOW.date()], NOW)
    with filled.reading() as session:
        assert {row.id for row in session.scalars(select(AiringRow))} == {"first", "given back", "handed over"}


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
