"""Making and changing schedules: told beforehand what airs, what does not fit is a choice, two who edit are told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from broadcaster.domain.airing import Outcome, Reason
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services import schedule_edits, scheduling
from broadcaster.services.exchange import ScheduleEntry
from broadcaster.services.foresight import Choice
from broadcaster.services.keeping import Change
from broadcaster.services.schedules import all_schedules, entry_of, found
from broadcaster.services.scheduling import DoesNotFitError, Kept
from broadcaster.store.record_tables import JournalRow
from broadcaster.store.tables import ScheduleRow
from tests.fixtures import KINDS, NOW
from tests.services.world import TODAY, World, here

DAY = timedelta(days=1)
LONG = "Bà con chú ý. " * 330  # six minutes; a priority bulletin is read twice


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def entry(key: str = "lich", **more: Any) -> ScheduleEntry:
    plain = {"id": key, "bulletin": "tin", "communes": ["kep"], "dtstart": "2026-11-24", "rrule": "FREQ=DAILY"}
    return scheduling.written(plain | ({} if "times" in more else {"slots": ["Buổi sáng"]}) | more)


def add(world: World, made: ScheduleEntry, choice: Choice | None = None, person: str = "operator") -> Kept:
    kept = scheduling.add(world.store, world.config, made, world.actor(person), NOW, choice)
    world.plan()
    return kept


def change(world: World, edit: scheduling.Edit, now: Any = NOW, person: str = "operator", **more: Any) -> Kept:
    kept = scheduling.change(world.store, world.config, "lich", edit, world.actor(person), now, **more)
    world.plan(now)
    return kept


def kept_entry(world: World, key: str = "lich") -> ScheduleEntry:
    with world.store.reading() as session:
        return entry_of(session, found(session, key))


def due(world: World, **wanted: object) -> list[str]:
    rows = world.airings(blocked=None, **wanted)
    return [f"{row.due_at + timedelta(hours=7):%d %H:%M:%S}" for row in rows]


def test_what_is_foretold_is_what_is_planned(world: World) -> None:
    world.approved()
    kept = add(world, entry(exdates=["2026-11-26"], rrule="FREQ=DAILY;COUNT=5", repeats=2, gap_s=10))
    assert kept.change is Change.NEW
    planned = {(row.local_date, row.due_at, row.ends_at) for row in world.airings(schedule="lich")}
    foretold = {(airing.key.local_date, airing.due_at, airing.ends_at) for airing in kept.foresight.airings}
    assert planned == foretold
    assert len(planned) == 4


def test_a_look_writes_nothing(world: World) -> None:
    world.approved()
    before = world.count_of_entries()
    with world.store.reading() as session:
        foresight, offers = scheduling.foresee(session, world.config, entry(), NOW)
    assert len(foresight.airings) == 14
    assert offers == []
    assert world.count_of_entries() == before
    with world.store.reading() as session:
        assert all_schedules(session) == []


def test_who_loses_by_it_is_told(world: World) -> None:
    world.approved("dai", LONG)
    world.approved("tin", LONG, priority="priority")
    world.schedule("cu", "dai", slots=["Buổi sáng"], dtstart=date(2026, 11, 24), repeats=3)
    world.plan()
    with world.store.reading() as session:
        foresight, _ = scheduling.foresee(session, world.config, entry(rrule="FREQ=DAILY;COUNT=2", repeats=2), NOW)
    assert {(airing.key.schedule, airing.blocked) for airing in foresight.lost} == {("cu", Reason.SLOT_FULL)}
    assert len(foresight.lost) == 2


@pytest.fixture
def crowded(world: World) -> World:
    """The morning of the 24th has room for five times the bulletin."""
    world.approved("dai", LONG, priority="priority")
    world.approved("tin", "Bà con chú ý. " * 60)
    world.schedule("cu", "dai", slots=["Buổi sáng"], dtstart=date(2026, 11, 24), rrule="FREQ=DAILY;COUNT=1",
                   repeats=2)  # fmt: skip
    world.plan()
    return world


def test_what_does_not_fit_has_to_be_chosen(crowded: World) -> None:
    with pytest.raises(DoesNotFitError, match="1 of 14 airings") as told:
        add(crowded, entry(repeats=6))
    assert [airing.blocked for airing in told.value.foresight.not_fitting] == [Reason.SLOT_FULL]
    offers = {offer.choice: offer.blocked for offer in told.value.offers}
    assert offers[Choice.SKIP] == 1
    assert offers[Choice.NEXT_SLOT] == 0
    assert list(offers)[-1] is Choice.SKIP
    with crowded.store.reading() as session:
        assert session.get(ScheduleRow, "lich") is None


def test_the_choice_is_done_and_recorded(crowded: World) -> None:
    kept = add(crowded, entry(repeats=6), Choice.NEXT_SLOT)
    assert kept.foresight.not_fitting == []
    assert kept_entry(crowded).overflow == "next_slot"
    (airing,) = crowded.airings(schedule="lich", local_date=date(2026, 11, 24))
    assert airing.blocked is None
    assert airing.due_at == here("11:30", date(2026, 11, 24))
    with crowded.store.reading() as session:
        (chosen,) = session.scalars(select(JournalRow.payload).where(JournalRow.action == "overflow_chosen"))
    assert b'"choice":"next_slot"' in chosen
    assert b'"by":"operator"' in chosen


def test_shorter_is_as_often_as_fits(crowded: World) -> None:
    with pytest.raises(DoesNotFitError) as told:
        add(crowded, entry(repeats=8))
    shorter = next(offer for offer in told.value.offers if offer.choice is Choice.SHORTEN)
    assert shorter.entry.repeats == 5
    kept = add(crowded, entry(repeats=8), Choice.SHORTEN)
    assert kept.entry.repeats == kept_entry(crowded).repeats == shorter.entry.repeats
    (airing,) = crowded.airings(schedule="lich", local_date=date(2026, 11, 24))
    assert (airing.blocked is None) == (shorter.blocked == 0)


def test_keep_and_skip_airs_all_the_others(crowded: World) -> None:
    add(crowded, entry(repeats=6), Choice.SKIP)
    blocked = [row for row in crowded.airings(schedule="lich") if row.blocked is not None]
    assert [row.blocked for row in blocked] == [Reason.SLOT_FULL]


def test_a_choice_that_does_not_help_is_no_choice(world: World) -> None:
    world.approved("tin", LONG)
    world.approved("dai", LONG, priority="priority")
    world.schedule("cu", "dai", slots=["Buổi trưa"], dtstart=date(2026, 11, 24))
    with pytest.raises(InputError, match="shorten would not help lich"):
        add(world, entry(slots=["Buổi trưa"], rrule="FREQ=DAILY;COUNT=1"), Choice.SHORTEN)


@pytest.mark.parametrize("state", ["draft", "withdrawn", "expired"])
def test_a_bulletin_that_cannot_air_is_not_scheduled(world: World, state: str) -> None:
    if state == "draft":
        world.write()
    else:
        world.approved(expires="2026-11-23T12:00:00+07:00")
    if state == "withdrawn":
        world.withdraw()
    now = here("13:00") if state == "expired" else NOW
    if state == "expired":
        world.plan(now)
    with pytest.raises(InputError, match=f"is {state}: nothing of it would air|expires before it starts"):
        scheduling.add(world.store, world.config, entry(), world.actor("operator"), now)


def test_names_that_do_not_exist_are_told(world: World) -> None:
    world.approved()
    for made, told in (
        (entry(bulletin="mat"), "there is no bulletin mat"),
        (entry(communes=["mat"]), "there is no commune mat"),
        (entry(slots=["Nửa đêm"]), "has no slot Nửa đêm"),
    ):
        with pytest.raises(InputError, match=told):
            add(world, made)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("FREQ=SECONDLY", "SECONDLY"),
        ("FREQ=DAILY;COUNT=0", "never occurs"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never occurs"),
        ("mỗi ngày", "cannot be read"),
    ],
)
def test_rules_that_yield_no_dates_are_refused(rule: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        entry(rrule=rule)


def test_a_count_of_a_billion_is_planned_as_far_as_one_looks(world: World) -> None:
    world.approved()
    assert len(add(world, entry(rrule="FREQ=DAILY;COUNT=1000000000")).foresight.airings) == 14


def test_an_id_is_given_once(world: World) -> None:
    world.approved()
    add(world, entry())
    with pytest.raises(InputError, match="There is a schedule lich already"):
        add(world, entry())


def test_only_who_keeps_the_timetable_of_all_its_communes_changes_it(world: World) -> None:
    world.approved()
    world.bring("people: [{code: op-kep, roles: [{role: operator, commune: kep}]}]")
    with pytest.raises(NotAllowedError):
        add(world, entry(), person="writer")
    with pytest.raises(NotAllowedError, match="my-thai"):
        add(world, entry(communes=["kep", "my-thai"]), person="op-kep")
    add(world, entry(communes=["kep", "my-thai"]))
    with pytest.raises(NotAllowedError, match="my-thai"):
        change(world, lambda it: schedule_edits.skipped(it, TODAY + DAY), person="op-kep")
    with pytest.raises(NotAllowedError, match="my-thai"):
        scheduling.remove(world.store, "lich", world.actor("op-kep"), NOW)


def test_a_single_date_is_moved_and_the_series_stays(world: World) -> None:
    world.approved()
    add(world, entry(rrule="FREQ=WEEKLY;BYDAY=TU,FR"))
    change(world, lambda it: schedule_edits.moved(it, date(2026, 11, 24), date(2026, 11, 25)))
    assert due(world)[:2] == ["25 05:30:00", "27 05:30:00"]
    change(world, lambda it: schedule_edits.moved(it, date(2026, 11, 25), date(2026, 11, 26)))
    assert due(world)[:2] == ["26 05:30:00", "27 05:30:00"]
    change(world, lambda it: schedule_edits.moved(it, date(2026, 11, 26), date(2026, 11, 24)))
    assert kept_entry(world).moved == []
    assert due(world)[:2] == ["24 05:30:00", "27 05:30:00"]


def test_a_single_date_is_skipped_and_restored(world: World) -> None:
    world.approved()
    add(world, entry())
    change(world, lambda it: schedule_edits.skipped(it, date(2026, 11, 25)))
    assert due(world)[:2] == ["24 05:30:00", "26 05:30:00"]
    with pytest.raises(InputError, match=r"does not air on 2026-11-25\. Next dates: 2026-11-26"):
        change(world, lambda it: schedule_edits.skipped(it, date(2026, 11, 25)))
    change(world, lambda it: schedule_edits.restored(it, date(2026, 11, 25)))
    assert due(world)[:2] == ["24 05:30:00", "25 05:30:00"]
    with pytest.raises(InputError, match="neither skips nor moves"):
        change(world, lambda it: schedule_edits.restored(it, date(2026, 11, 25)))


def test_a_date_is_neither_moved_onto_another_nor_into_the_past(world: World) -> None:
    world.approved()
    add(world, entry(rrule="FREQ=WEEKLY;BYDAY=TU,FR"))
    with pytest.raises(InputError, match="airs on 2026-11-27 already"):
        change(world, lambda it: schedule_edits.moved(it, date(2026, 11, 24), date(2026, 11, 27)))
    with pytest.raises(InputError, match="is over"):
        change(world, lambda it: schedule_edits.moved(it, date(2026, 11, 24), date(2026, 11, 20)))
    with pytest.raises(InputError, match="to itself"):
        change(world, lambda it: schedule_edits.moved(it, date(2026, 11, 24), date(2026, 11, 24)))


def test_what_was_heard_is_not_moved_any_more(world: World) -> None:
    world.approved()
    add(world, entry(times=["09:30"], dtstart="2026-11-23", rrule="FREQ=DAILY"))
    world.run(here("09:29:55"), here("09:31"))
    assert world.today(schedule="lich").outcome is Outcome.AIRED
    with pytest.raises(InputError, match="has passed already"):
        change(world, lambda it: schedule_edits.moved(it, TODAY, TODAY - DAY), here("10:00"))
    with pytest.raises(InputError, match="has passed already"):
        change(world, lambda it: schedule_edits.skipped(it, TODAY), here("10:00"))


def test_the_second_of_two_who_edit_is_told_and_nothing_is_lost(world: World) -> None:
    world.approved()
    add(world, entry())
    seen = kept_entry(world)
    change(world, lambda it: schedule_edits.skipped(it, date(2026, 11, 25)), version=seen.version)
    with pytest.raises(InputError, match="was changed meanwhile by operator: it is at version 2, yours is 1"):
        change(world, lambda it: schedule_edits.skipped(it, date(2026, 11, 26)), version=seen.version)
    assert kept_entry(world).exdates == [date(2026, 11, 25)]
    with pytest.raises(InputError, match="changed meanwhile"):
        scheduling.remove(world.store, "lich", world.actor("operator"), NOW, version=seen.version)


def test_an_import_of_what_was_exported_before_is_told_too(world: World) -> None:
    world.approved()
    world.schedule("lich")
    world.schedule("lich", order=1, version=1)
    with pytest.raises(InputError, match="changed meanwhile"):
        world.schedule("lich", order=2, version=1)
    world.schedule("lich", order=1, version=1)  # as it is already: nothing to lose
    assert kept_entry(world).order == 1


def test_importing_again_changes_nothing_that_is_planned(world: World) -> None:
    world.approved()
    move = [{"from": "2026-11-24", "to": "2026-11-25"}]
    world.schedule("lich", dtstart=date(2026, 11, 24), rrule="FREQ=WEEKLY;BYDAY=TU", moved=move)
    world.plan()
    planned = [row.id for row in world.airings(schedule="lich")]
    world.schedule("lich", dtstart=date(2026, 11, 24), rrule="FREQ=WEEKLY;BYDAY=TU", moved=move)
    world.plan()
    assert [row.id for row in world.airings(schedule="lich")] == planned


def test_what_is_removed_airs_no_more_and_its_log_stays(world: World) -> None:
    world.approved()
    add(world, entry(times=["09:30", "17:00"], dtstart="2026-11-23"))
    world.run(here("09:29:55"), here("09:31"))
    scheduling.remove(world.store, "lich", world.actor("operator"), here("10:00"))
    world.plan(here("10:00"))
    assert [row.outcome for row in world.airings(schedule="lich")] == [Outcome.AIRED]
    with world.store.reading() as session:
        assert all_schedules(session) == []
    with pytest.raises(InputError, match="There is no schedule lich"):
        change(world, lambda it: it, here("10:00"))
    world.schedule("lich", now=here("10:01"), times=["17:00"])
    world.plan(here("10:01"))
    assert [row.place_in_day for row in world.airings(schedule="lich", local_date=TODAY)] == ["09:30", "17:00"]
    world.assert_chains_hold()


def test_a_date_of_a_withdrawn_bulletin_can_still_be_skipped(world: World) -> None:
    world.approved()
    add(world, entry())
    world.withdraw()
    change(world, lambda it: schedule_edits.skipped(it, date(2026, 11, 25)))
    assert kept_entry(world).exdates == [date(2026, 11, 25)]


@given(
    st.lists(st.tuples(st.sampled_from(["move", "skip", "restore"]), st.integers(1, 9), st.integers(1, 9)), max_size=8)
)
def test_any_edits_and_their_undoing_leave_the_rule_as_it_was(steps: list[tuple[str, int, int]]) -> None:
    made = entry(rrule="FREQ=DAILY;INTERVAL=2;COUNT=4", dtstart="2026-11-24")
    it = made
    for verb, first, second in steps:
        day, to = TODAY + DAY * first, TODAY + DAY * second
        try:
            if verb == "move":
                it = schedule_edits.moved(it, day, to)
                assert schedule_edits.airs_on(it, to) is not None
            elif verb == "skip":
                it = schedule_edits.skipped(it, day)
                with pytest.raises(InputError):
                    schedule_edits.airs_on(it, day)
            else:
                it = schedule_edits.restored(it, day)
        except InputError:
            continue
    while it.exdates or it.moved:  # each in its turn: a date can be taken by one that was moved there
        taken = {move.to for move in it.moved}
        free = [day for day in (*it.exdates, *(move.rule_date for move in it.moved)) if day not in taken]
        it = schedule_edits.restored(it, free[0]) if free else schedule_edits.skipped(it, it.moved[0].to)
    assert (it.exdates, it.moved, it.rrule, it.dtstart) == ([], [], made.rrule, made.dtstart)


def test_a_date_is_moved_only_to_where_it_can_still_air(world: World) -> None:
    world.approved()
    add(world, entry())
    noon = here("12:00", date(2026, 11, 24))
    world.run(here("05:29:55", date(2026, 11, 24)), here("05:31", date(2026, 11, 24)))
    with pytest.raises(InputError, match="2026-11-22 is over"):
        change(world, lambda it: schedule_edits.moved(it, date(2026, 11, 26), date(2026, 11, 22)), noon)
    change(world, lambda it: it.model_copy(update={"exdates": [date(2026, 11, 25)]}), noon)
    with pytest.raises(InputError, match="2026-11-25 is over"):
        change(
            world,
            lambda it: schedule_edits.moved(it, date(2026, 11, 26), date(2026, 11, 25)),
            here("05:31", date(2026, 11, 25)),
        )


def test_what_was_blocked_and_has_passed_is_not_promised_for_another_date(world: World) -> None:
    world.bring("communes: [{code: kep, name: Kép, slots: [{name: Buổi sáng, start: '05:30', end: '06:00'}], "
                "holidays: {dates: [2026-11-24]}}]")  # fmt: skip
    world.approved()
    add(world, entry(on_holidays="skip"))
    world.tick(here("07:00", date(2026, 11, 24)))
    with pytest.raises(InputError, match="has passed already"):
        change(world, lambda it: schedule_edits.moved(it, date(2026, 11, 24), date(2026, 11, 22)),
               here("08:00", date(2026, 11, 24)))  # fmt: skip


def test_what_was_chosen_before_is_not_asked_again(crowded: World) -> None:
    add(crowded, entry(repeats=6), Choice.SKIP)
    change(crowded, lambda it: schedule_edits.skipped(it, date(2026, 11, 27)))
    assert kept_entry(crowded).exdates == [date(2026, 11, 27)]
    with pytest.raises(DoesNotFitError):
        change(crowded, lambda it: it.model_copy(update={"repeats": 20, "gap_s": 60}))


def test_an_id_that_was_removed_can_be_given_again(world: World) -> None:
    world.approved()
    add(world, entry())
    scheduling.remove(world.store, "lich", world.actor("operator"), NOW)
    world.plan()
    assert add(world, entry(order=3)).change is Change.CHANGED
    assert len(world.airings(schedule="lich")) == 7


def test_a_schedule_that_is_over_is_not_made(world: World) -> None:
    world.approved()
    for over in ({"dtstart": "2020-12-30", "rrule": "FREQ=DAILY;COUNT=1"}, {"rrule": "FREQ=DAILY;COUNT=1",
                 "exdates": ["2026-11-24"]}):  # fmt: skip
        with pytest.raises(InputError, match="no date from 2026-11-23 on"):
            add(world, entry(**over))


def test_a_bulletin_that_expires_in_the_morning_is_aired_before(world: World) -> None:
    world.approved(expires="2026-11-24T06:30:00+07:00")
    add(world, entry(rrule="FREQ=DAILY;COUNT=1"))
    assert due(world) == ["24 05:30:00"]


def test_a_restored_date_does_not_meet_one_that_was_moved_there(world: World) -> None:
    world.approved()
    add(world, entry(rrule="FREQ=WEEKLY;BYDAY=TU,FR"))
    change(world, lambda it: schedule_edits.skipped(it, date(2026, 11, 27)))
    change(world, lambda it: schedule_edits.moved(it, date(2026, 11, 24), date(2026, 11, 27)))
    with pytest.raises(InputError, match="airs on 2026-11-27 already"):
        change(world, lambda it: schedule_edits.restored(it, date(2026, 11, 27)))


def test_of_several_who_add_one_id_at_once_one_does(world: World) -> None:
    world.approved()

    def added(number: int) -> bool:
        try:
            scheduling.add(world.store, world.config, entry(order=number), world.actor("operator"), NOW)
        except InputError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(added, range(4))) == 1
    assert kept_entry(world).version == 1


def test_imports_of_one_new_schedule_at_once_leave_it_whole(world: World) -> None:
    world.approved()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: world.schedule("lich", order=number), range(4)))
    assert kept_entry(world).version == 4


def test_nobody_takes_another_communes_schedule_or_station_over(world: World) -> None:
    world.approved()
    world.bring("people: [{code: op-kep, roles: [{role: operator, commune: kep}]}]")
    world.schedule("lich", communes=["my-thai"])
    with pytest.raises(NotAllowedError, match="my-thai"):
        world.bring("schedules: [{id: lich, bulletin: tin, communes: [kep], times: ['17:00'], dtstart: 2026-11-24}]",
                    person="op-kep")  # fmt: skip
    with pytest.raises(NotAllowedError, match="my-thai"):
        world.bring("stations: [{code: my-thai-loa, commune: kep, connector: memory}]", person="op-kep")
