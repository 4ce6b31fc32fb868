"""How far a campaign came: what aired in each commune, whether its target is met, and what is still missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, insert, select

from broadcaster.domain.airing import Outcome, Phase
from broadcaster.domain.campaign import Answer
from broadcaster.domain.place import Mode
from broadcaster.domain.plan import OnHolidays, Overflow
from broadcaster.store.record_tables import CampaignAnswerRow
from broadcaster.store.tables import AiringRow, CommuneRow, ScheduleRow
from tests.fakes.loudspeakers import Vice
from tests.fixtures import KINDS
from tests.services.campaign_world import Source
from tests.services.world import TODAY, World, here

TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(world: World) -> Source:
    world.approved()
    return Source(world)


@pytest.fixture
def noon(source: Source) -> Source:
    """Kép has adopted what airs at noon of two days; the first has aired."""
    source.send("tin", rrule="FREQ=DAILY;COUNT=2", target_airings=2, target_percent=20, communes=["kep", "my-thai"])
    source.adopt(slots=["Buổi trưa"])
    source.world.run(here("11:29"), here("11:32"))
    return source


def test_what_aired_and_what_will_is_counted(noon: Source) -> None:
    now = here("12:00")
    cell = noon.cell(now=now)
    assert (cell.answer, cell.airings.planned, cell.airings.tested, cell.airings.counted) == (Answer.ADOPTED, 1, 1, 1)
    assert (cell.airings.last_aired, cell.airings.next_due) == (here("11:30"), here("11:30", TOMORROW))
    assert noon.cell("my-thai", now=now).answer is Answer.ASKED
    found = noon.coverage(now)
    assert (found.reached, found.needed, found.remaining, found.percent, found.is_met) == (0, 1, 1, 0.0, False)
    assert found.answers == {Answer.ADOPTED: 1, Answer.ASKED: 1}


def test_the_target_is_met_once_enough_communes_aired_it_often_enough(noon: Source) -> None:
    noon.world.plan(here("06:00", TOMORROW))
    noon.world.run(here("11:29", TOMORROW), here("11:32", TOMORROW))
    found = noon.coverage(here("12:00", TOMORROW))
    assert (found.reached, found.remaining, found.percent, found.is_met) == (1, 0, 50.0, True)
    assert {commune.commune: commune.is_reached for commune in found.communes} == {"kep": True, "my-thai": False}
    assert not found.is_over


def test_every_bulletin_has_to_reach_it(source: Source) -> None:
    source.world.approved("hai")
    source.send("tin", "hai", communes=["kep"])
    source.adopt(bulletin="tin", slots=["Buổi trưa"])
    source.world.run(here("11:29"), here("11:32"))
    assert source.coverage(here("12:00")).reached == 0
    source.adopt(bulletin="hai", slots=["Buổi chiều"])
    source.world.run(here("16:59"), here("17:02"))
    assert source.coverage(here("18:00")).is_met


def test_what_did_not_air_or_only_in_part_counts_for_nothing(source: Source) -> None:
    source.send("tin", rrule="FREQ=DAILY;COUNT=1", communes=["kep", "my-thai"])
    source.world.site.speaker("kep-loa").vice = Vice.REFUSES
    source.world.station("my-thai-hai", "my-thai").vice = Vice.REFUSES
    source.adopt(slots=["Buổi trưa"])
    source.adopt("my-thai", "my-thai-1", slots=["Buổi trưa"])
    source.world.run(here("11:29"), here("11:40"))
    found = source.coverage(here("12:00"))
    missed, partial = (commune.bulletins[0].airings for commune in found.communes)
    assert (missed.missed, missed.counted, missed.last_aired) == (1, 0, None)
    assert (partial.partial, partial.counted, partial.planned) == (1, 0, 0)
    assert found.reached == 0


def test_what_is_in_the_way_of_an_airing_ahead_is_told_apart(source: Source) -> None:
    source.send("tin", rrule="FREQ=DAILY;COUNT=3", communes=["kep"])
    source.move(times=["23:00"])
    cell = source.cell()
    assert (cell.airings.planned, cell.airings.blocked, cell.airings.next_due) == (0, 2, None)


def test_where_residents_listen_a_rehearsal_reaches_no_target(noon: Source) -> None:
    noon.world.station("kep-that", mode="live")
    cell = noon.cell(now=here("12:00"))
    assert (cell.airings.aired, cell.airings.tested, cell.airings.counted) == (0, 1, 0)
    noon.world.plan(here("06:00", TOMORROW))
    noon.world.run(here("11:29", TOMORROW), here("11:33", TOMORROW))
    cell = noon.cell(now=here("12:00", TOMORROW))
    assert (cell.airings.aired, cell.airings.tested, cell.airings.counted) == (1, 1, 1)


def test_what_airs_after_the_target_s_date_is_too_late(source: Source) -> None:
    source.send("tin", rrule="FREQ=DAILY;COUNT=2", target_date=TODAY, communes=["kep"])
    source.adopt(slots=["Buổi chiều"])
    source.world.tick(here("18:00"))  # the worker was away in the afternoon
    source.world.plan(here("06:00", TOMORROW))
    source.world.run(here("16:59", TOMORROW), here("17:02", TOMORROW))
    assert not source.coverage(here("23:59")).is_over
    found = source.coverage(here("18:00", TOMORROW))
    (cell,) = found.communes[0].bulletins
    assert (cell.airings.tested, cell.airings.counted, cell.airings.missed) == (1, 0, 1)
    assert (found.is_over, found.is_met, found.remaining) == (True, False, 1)


def test_what_a_commune_airs_by_itself_is_no_answer_to_the_campaign(source: Source) -> None:
    source.send("tin", communes=["kep"])
    source.world.schedule("rieng", "tin", slots=["Buổi trưa"])
    source.world.plan()
    source.world.run(here("11:29"), here("11:32"))
    cell = source.cell(now=here("12:00"))
    assert (cell.answer, cell.airings.tested, cell.airings.planned) == (Answer.ASKED, 0, 0)


COMMUNES, BULLETINS = 3000, ("tin", "hai", "ba")


@pytest.fixture
def country(source: Source) -> Source:
    """A campaign of three bulletins in 3,000 communes, each of which aired once, three a commune."""
    for key in BULLETINS[1:]:
        source.world.approved(key)
    source.send(*BULLETINS, communes=["kep"])
    source.adopt(slots=["Buổi trưa"])
    source.world.run(here("11:29"), here("11:34"))
    with source.world.store.writing() as session:
        kep = session.get_one(CommuneRow, "kep")
        columns = {name: getattr(kep, name) for name in ("kind", "province", "timezone", "zones", "timetable")}
        codes = [f"xa-{number}" for number in range(COMMUNES)]
        session.execute(insert(CommuneRow), [columns | {"code": code, "name": code} for code in codes])
        model = session.scalars(
            select(AiringRow).where(AiringRow.bulletin == "tin", AiringRow.commune == "kep")
        ).first()
        assert model is not None
        shared = {name: getattr(model, name) for name in ("revision", "submission", "clip", "due_at", "ends_at")}
        pairs = [(code, key, f"{code}-{key}") for code in codes for key in BULLETINS]
        session.execute(insert(ScheduleRow), [
            {"id": schedule, "bulletin": key, "version": 1, "slots": [], "times": ["11:30"], "dtstart": TODAY,
             "rrule": "FREQ=DAILY", "exdates": [], "moved": [], "on_holidays": OnHolidays.KEEP, "zones": [],
             "overflow": Overflow.SKIP, "order": 0, "is_rehearsal": False, "is_emergency": False, "campaign": "cd",
             "created_at": datetime(2026, 11, 23, tzinfo=UTC)}
            for _, key, schedule in pairs
        ])  # fmt: skip
        session.execute(insert(AiringRow), [
            shared | {"id": f"A{number:025}", "schedule": schedule, "commune": code, "bulletin": key,
                      "local_date": TODAY, "place_in_day": "11:30", "mode": Mode.TEST, "phase": Phase.ENDED,
                      "outcome": Outcome.AIRED}
            for number, (code, key, schedule) in enumerate(pairs)
        ])  # fmt: skip
        session.execute(insert(CampaignAnswerRow), [
            {"campaign": "cd", "commune": code, "bulletin": key, "answer": Answer.ADOPTED, "schedule": schedule,
             "reason": ""}
            for code, key, schedule in pairs
        ])  # fmt: skip
    return source


@contextmanager
def counted(source: Source) -> Iterator[list[str]]:
    """The statements that are sent to the database."""
    statements: list[str] = []

    def heard(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(source.world.store.engine, "before_cursor_execute", heard)
    yield statements
    event.remove(source.world.store.engine, "before_cursor_execute", heard)


def test_a_country_is_covered_by_a_handful_of_queries(country: Source) -> None:
    with counted(country) as statements:
        found = country.coverage(here("12:00"))
    assert (len(found.communes), found.reached, found.is_met) == (COMMUNES + 1, COMMUNES + 1, True)
    assert len(statements) <= 10
