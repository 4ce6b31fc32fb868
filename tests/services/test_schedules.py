"""Schedules as people word them: repeats, moved dates, holidays, caps, full slots, from the file to the loudspeaker."""

from datetime import date, timedelta
from typing import Any

import pytest

from broadcaster.domain.airing import Outcome, Reason
from broadcaster.errors import InputError
from broadcaster.services import holidays
from broadcaster.services.holidays import HolidayBook
from tests.fixtures import KINDS
from tests.services.world import SECOND, TODAY, World, here

TOMORROW = TODAY + timedelta(days=1)
MINUTES_8 = "Bà con chú ý. " * 430


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def due(world: World, **wanted: object) -> list[tuple[str, str, str | None]]:
    """(The rule's date, the local time it airs at, what stands in the way) of each airing."""
    return [
        (f"{row.local_date:%d}", f"{row.due_at + timedelta(hours=7):%d %H:%M}", row.blocked)
        for row in world.airings(**wanted)
    ]


def test_repeats_are_one_airing_as_long_as_all_of_them(world: World) -> None:
    world.approved()
    world.schedule(repeats=3, gap_s=20)
    world.plan()
    row = world.today()
    world.schedule(repeats=1, gap_s=0)
    world.plan()
    once = world.today().ends_at - world.today().due_at
    assert row.ends_at - row.due_at == 3 * once + timedelta(seconds=40)
    world.schedule(repeats=3, gap_s=20)
    world.plan()
    world.run(here("16:58"), here("17:03"))
    assert world.outcome()[0] is Outcome.AIRED
    order = world.site.speaker("kep-loa").orders[world.today().id]
    assert (order.repeats, order.gap_s) == (3, 20)
    assert (world.today().finished_at or here("17:00")) - here("17:00") >= order.length


def test_one_date_is_moved_without_touching_the_others(world: World) -> None:
    world.approved()
    world.schedule(
        dtstart=TODAY, rrule="FREQ=DAILY;COUNT=3", moved=[{"from": TOMORROW, "to": TODAY + timedelta(days=5)}]
    )
    world.plan()
    assert due(world) == [("23", "23 17:00", None), ("25", "25 17:00", None), ("24", "28 17:00", None)]
    before = [row.id for row in world.airings()]
    world.schedule(
        dtstart=TODAY, rrule="FREQ=DAILY;COUNT=3", moved=[{"from": TOMORROW, "to": TODAY + timedelta(days=4)}]
    )
    world.plan()
    assert due(world)[2] == ("24", "27 17:00", None)
    assert [row.id for row in world.airings()][:2] == before[:2]


def test_a_date_moved_from_far_away_is_planned_once_and_goes_when_the_move_goes(world: World) -> None:
    world.approved()
    far = TODAY + timedelta(days=60)
    plain: dict[str, Any] = {"dtstart": far, "rrule": "FREQ=DAILY;COUNT=1"}
    world.schedule(**plain, moved=[{"from": far, "to": TOMORROW}])
    world.plan()
    world.plan(here("12:00"))
    assert due(world) == [(f"{far:%d}", "24 17:00", None)]
    world.schedule(**plain)
    world.plan(here("12:01"))
    assert due(world) == []


def test_a_moved_date_airs_once_though_it_is_moved_back(world: World) -> None:
    world.approved()
    plain: dict[str, Any] = {"dtstart": TOMORROW, "rrule": "FREQ=DAILY;COUNT=1"}
    world.schedule(**plain, moved=[{"from": TOMORROW, "to": TODAY}])
    world.plan()
    world.run(here("16:59"), here("17:02"))
    world.schedule(**plain)
    world.plan(here("18:00"))
    world.run(here("16:59", TOMORROW), here("17:02", TOMORROW))
    assert len(world.site.speaker("kep-loa").played) == 1
    assert [row.outcome for row in world.airings()] == [Outcome.AIRED]


def test_a_holiday_of_the_country_or_of_the_commune_is_skipped_with_its_reason(world: World) -> None:
    world.approved()
    world.schedule(on_holidays="skip")
    world.plan()
    assert due(world)[1] == ("24", "24 17:00", Reason.HOLIDAY)  # 24 November, Vietnam's Day of Culture
    assert due(world)[2][2] is None
    world.run(here("16:59", TOMORROW), here("17:01", TOMORROW), 20 * SECOND)
    (row,) = world.airings(local_date=TOMORROW)
    assert (row.outcome, row.reason) == (Outcome.SKIPPED, Reason.HOLIDAY)


def test_the_sample_communes_air_three_sessions_a_day(world: World) -> None:
    world.approved()
    world.schedule(times=["09:00", "10:00", "11:00", "12:00"])
    world.plan()
    assert [blocked for _, _, blocked in due(world, local_date=TODAY)] == [None, None, None, Reason.CAP_SESSIONS]


def test_what_does_not_fit_airs_in_the_next_slot_under_its_own_key(world: World) -> None:
    world.approved("dai", MINUTES_8 * 3)
    world.approved("ngan", MINUTES_8)
    world.schedule(
        "lich-1", "dai", slots=["Buổi trưa"], overflow="next_slot", dtstart=TODAY, rrule="FREQ=DAILY;COUNT=1"
    )
    world.schedule("lich-2", "ngan", slots=["Buổi trưa"], dtstart=TODAY, rrule="FREQ=DAILY;COUNT=1")
    world.plan()
    found = {row.schedule: f"{row.due_at + timedelta(hours=7):%H:%M}" for row in world.airings(local_date=TODAY)}
    assert found == {"lich-1": "17:00", "lich-2": "11:30"}
    assert world.today(schedule="lich-1").place_in_day == "Buổi trưa"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"repeats": 0}, "must be at least 1"),
        ({"gap_s": -1}, "must be at least 0"),
        ({"on_holidays": "maybe"}, "write one of"),
        ({"overflow": "later"}, "write one of"),
        ({"moved": [{"from": TODAY, "to": TOMORROW}, {"from": TODAY, "to": TODAY}]}, "is moved twice"),
        ({"moved": [{"form": TODAY, "to": TOMORROW}]}, "Did you mean from"),
        ({"exdates": [TODAY + timedelta(days=number) for number in range(1000)], "repeats": 99}, "at most 20"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused_in_words(world: World, more: dict[str, Any], told: str) -> None:
    world.approved()
    with pytest.raises(InputError, match=told):
        world.schedule(**more)


def test_a_thousand_exceptions_are_taken(world: World) -> None:
    world.approved()
    world.schedule(exdates=[TODAY + timedelta(days=number) for number in range(1000)])
    world.plan()
    assert due(world) == []


def test_holidays_that_cannot_be_found_are_those_of_the_last_copy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world.config.data_folder / "holidays"
    entry = {"country": "VN", "dates": ["2026-11-25"]}
    found = HolidayBook(folder).dates(entry, TODAY)
    assert {TOMORROW, date(2026, 11, 25), date(2027, 2, 6)} <= found  # with the first day of Tết 2027

    def broken(*_: object) -> frozenset[date]:
        raise ImportError("holidays")

    monkeypatch.setattr(holidays, "_from_package", broken)
    book = HolidayBook(folder)
    assert book.dates(entry, TODAY) == found
    assert "VN" in book.faults
    assert HolidayBook().dates(entry, TODAY) == {date(2026, 11, 25)}


def test_tet_is_known_ten_years_ahead() -> None:
    for year, day in ((2027, date(2027, 2, 6)), (2030, date(2030, 2, 2)), (2036, date(2036, 1, 28))):
        assert day in HolidayBook().dates({"country": "VN"}, date(year, 1, 1))


def outage(world: World, until: str, **bulletin: Any) -> None:
    """Nothing ran at ten; a worker comes up later."""
    world.approved(**bulletin)
    world.schedule(dtstart=TODAY, rrule="FREQ=DAILY;COUNT=1", times=["10:00"])
    world.plan()
    world.start(here(until))
    world.run(here(until), here(until) + timedelta(minutes=2))


@pytest.mark.parametrize(
    ("bulletin", "until", "expected"),
    [
        ({}, "10:04", (Outcome.AIRED, None)),
        ({}, "10:06", (Outcome.MISSED, Reason.SERVER_DOWN)),
        ({"grace_s": 1200}, "10:19", (Outcome.AIRED, None)),
        ({"grace_s": 60}, "10:02", (Outcome.MISSED, Reason.SERVER_DOWN)),
        ({"late": "skip"}, "10:00:10", (Outcome.MISSED, Reason.SERVER_DOWN)),
    ],
)
def test_a_bulletin_says_how_late_it_may_start(
    world: World, bulletin: dict[str, Any], until: str, expected: tuple[Outcome, Reason | None]
) -> None:
    outage(world, until, **bulletin)
    assert world.outcome()[:2] == expected


def test_a_bulletin_that_is_never_late_airs_on_time(world: World) -> None:
    world.approved(late="skip")
    world.schedule()
    world.plan()
    world.run(here("16:58"), here("17:02"))
    assert world.outcome()[0] is Outcome.AIRED


def test_what_was_missed_waits_for_the_next_slot_behind_the_others_once(world: World) -> None:
    world.approved("khac")
    world.schedule("lich-khac", "khac", slots=["Buổi trưa"])
    outage(world, "10:06", late="next_slot")
    row = world.today(schedule="lich")
    other = world.today(schedule="lich-khac")
    assert (row.due_at, row.postponed_from, row.outcome) == (other.ends_at, here("10:00"), None)
    world.approved("moi", priority="priority")
    world.schedule("lich-moi", "moi", slots=["Buổi trưa"])
    world.plan(here("10:10"))
    assert world.today(schedule="lich").due_at == row.due_at
    world.run(here("11:28"), here("11:34"))
    assert {row.schedule: row.outcome for row in world.airings(local_date=TODAY)} == dict.fromkeys(
        ("lich", "lich-khac", "lich-moi"), Outcome.AIRED
    )
    assert len(world.site.speaker("kep-loa").played) == 3
    assert "airing_postponed" in world.journalled(row.id)


def test_what_is_missed_again_in_the_later_slot_is_missed(world: World) -> None:
    outage(world, "10:06", late="next_slot")
    world.start(here("13:00"))
    world.run(here("13:00"), here("13:01"))
    assert world.outcome()[:2] == (Outcome.MISSED, Reason.SERVER_DOWN)


def test_a_bulletin_written_before_there_was_a_choice_keeps_its_hash(world: World) -> None:
    world.approved()
    world.write()
    assert world.state() == "approved"
    world.write(grace_s=60)
    assert world.state() == "draft"
