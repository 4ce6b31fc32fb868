"""How airings end: by what their stations report, by their silence, and whatever nonsense they send."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from broadcaster.config import TimetableSettings
from broadcaster.domain.airing import Evidence, Outcome, Phase, Reason, StationState
from broadcaster.domain.order import ReportState
from broadcaster.errors import StoreError
from broadcaster.store import airings
from broadcaster.store.tables import DeliveryRow
from tests.fakes.loudspeakers import Loudspeaker, Vice
from tests.services.world import SECOND, World, here

MINUTE = timedelta(minutes=1)
DUE = here("17:00")
STARTED, FINISHED, REFUSED, STOPPED = ReportState


@pytest.fixture
def loa(world: World) -> Loudspeaker:
    """The loudspeaker in Kép, where one bulletin is planned for 17:00 every day."""
    world.approved()
    world.schedule()
    world.plan()
    return world.site.speaker("kep-loa")


def parts(world: World) -> dict[str, DeliveryRow]:
    with world.store.reading() as session:
        return {part.station: part for part in airings.deliveries(session, world.today().id)}


def until_over(world: World) -> None:
    """From the hand-over until nothing more can come."""
    world.run(DUE - MINUTE, DUE + 8 * MINUTE, 10 * SECOND)


def test_a_station_that_refuses_fails_the_airing_with_its_reason(world: World, loa: Loudspeaker) -> None:
    loa.vice = Vice.REFUSES
    until_over(world)
    assert world.outcome() == (Outcome.FAILED, Reason.STATION_REFUSED, Evidence.NONE)
    assert parts(world)["kep-loa"].detail == "not_today"


def test_what_was_refused_has_neither_begun_nor_finished(world: World, loa: Loudspeaker) -> None:
    loa.vice = Vice.REFUSES
    until_over(world)
    assert (world.today().started_at, world.today().finished_at, world.today().lateness_ms) == (None, None, None)


def test_a_station_that_does_not_answer_fails_the_airing(world: World, loa: Loudspeaker) -> None:
    loa.vice = Vice.UNREACHABLE
    until_over(world)
    assert world.outcome() == (Outcome.FAILED, Reason.STATION_UNREACHABLE, Evidence.NONE)
    assert "does not answer" in parts(world)["kep-loa"].detail


def without_grace(world: World) -> None:
    timetable = TimetableSettings(grace_s=0)
    world.config = world.config.model_copy(update={"timetable": timetable})
    world.hand_over = replace(world.hand_over, config=world.config)


def test_silence_is_missed_once_it_should_have_ended_and_the_time_to_confirm_is_over(
    world: World, loa: Loudspeaker
) -> None:
    without_grace(world)
    loa.vice = Vice.SILENT
    over = world.today().ends_at + timedelta(seconds=world.config.worker.confirm_within_s)
    world.run(DUE - MINUTE, over - SECOND, 5 * SECOND)
    world.tick(over - timedelta(microseconds=1))
    assert world.today().outcome is None
    world.tick(over)
    assert world.outcome() == (Outcome.MISSED, Reason.NOT_CONFIRMED, Evidence.ACCEPTED)


def test_silence_is_waited_out_as_long_as_a_late_start_is_allowed(world: World, loa: Loudspeaker) -> None:
    loa.vice = Vice.SILENT
    over = world.today().ends_at + 5 * MINUTE + timedelta(seconds=world.config.worker.confirm_within_s)
    world.run(DUE - MINUTE, over - 10 * SECOND, 10 * SECOND)
    assert world.today().outcome is None
    world.tick(over)
    assert world.outcome() == (Outcome.MISSED, Reason.NOT_CONFIRMED, Evidence.ACCEPTED)


def test_a_start_without_an_end_is_partial_a_minute_after_the_end(world: World, loa: Loudspeaker) -> None:
    loa.vice = Vice.NEVER_FINISHES
    world.run(DUE - MINUTE, world.today().ends_at + 59 * SECOND)
    assert world.today().outcome is None
    world.tick(world.today().ends_at + MINUTE)
    assert world.outcome() == (Outcome.PARTIAL, Reason.NOT_CONFIRMED, Evidence.STARTED)


def test_a_connector_that_cannot_confirm_is_taken_at_its_word(world: World) -> None:
    loa = world.station("kep-loa", confirms=False)
    world.approved()
    world.schedule()
    world.plan()
    world.run(DUE - MINUTE, world.today().ends_at - SECOND)
    assert world.today().outcome is None
    world.tick(world.today().ends_at)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.ACCEPTED)
    assert parts(world)["kep-loa"].state is StationState.UNCONFIRMED
    assert loa.played == [world.today().id]


def one_station(world: World, **config: Any) -> Loudspeaker:
    loa = world.station("kep-loa", **config)
    world.approved()
    world.schedule()
    world.plan()
    return loa


def test_a_station_is_believed_no_more_than_its_connector_can_see(world: World) -> None:
    one_station(world, evidence="playing")
    until_over(world)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.PLAYING)


def test_a_connector_that_confirms_the_start_alone_is_taken_at_its_word_for_the_end(world: World) -> None:
    one_station(world, confirms=False, confirms_start=True, evidence="started")
    world.run(DUE - MINUTE, world.today().ends_at - SECOND)
    assert world.today().outcome is None
    world.tick(world.today().ends_at)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.STARTED)
    assert world.today().started_at == DUE


def test_what_began_late_there_is_given_its_whole_length(world: World) -> None:
    loa = one_station(world, confirms=False, confirms_start=True, evidence="started")
    loa.vice = Vice.SILENT
    world.run(DUE - MINUTE, DUE + SECOND)
    late = DUE + 2 * SECOND
    loa.tell(world.today().id, STARTED, late)
    world.run(DUE + 2 * SECOND, world.today().ends_at)
    assert world.today().outcome is None
    world.tick(late + (world.today().ends_at - DUE))
    assert world.outcome() == (Outcome.AIRED, None, Evidence.STARTED)


def test_one_that_should_have_told_of_its_start_and_did_not_is_aired_as_accepted(world: World) -> None:
    loa = one_station(world, confirms=False, confirms_start=True, evidence="started")
    loa.vice = Vice.SILENT
    until_over(world)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.ACCEPTED)


def test_a_report_that_makes_no_sense_to_anyone_is_told_and_keeps_no_other_back(world: World, loa: Loudspeaker) -> None:
    world.run(DUE - MINUTE, DUE)
    loa.tell(world.today().id, cast(ReportState, "danced"), DUE + 2 * SECOND)
    loa.tell(world.today().id, FINISHED, DUE + 3 * SECOND)
    with pytest.raises(KeyError):
        world.outcomes.collect(DUE + 4 * SECOND)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    world.outcomes.collect(DUE + 5 * SECOND)


def two_stations(world: World, **config: Any) -> Loudspeaker:
    second = world.station("kep-loa-2", **config)
    world.approved()
    world.schedule()
    world.plan()
    return second


@pytest.mark.parametrize(
    "vice", [Vice.UNREACHABLE, Vice.REFUSES, Vice.SILENT, Vice.NEVER_FINISHES, Vice.BREAKS], ids=str
)
@pytest.mark.parametrize("bad", ["kep-loa", "kep-loa-2"])
def test_one_of_two_stations_makes_it_partial_whichever_it_is(world: World, vice: Vice, bad: str) -> None:
    two_stations(world)
    world.site.speaker(bad).vice = vice
    until_over(world)
    assert world.outcome() == (Outcome.PARTIAL, Reason.SOME_STATIONS, Evidence.FINISHED)
    assert world.ended == [world.today().id]


def test_two_stations_that_air_are_aired_with_the_weaker_evidence(world: World) -> None:
    two_stations(world, confirms=False)
    until_over(world)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.ACCEPTED)


def test_the_first_to_start_gives_the_start_and_the_last_to_finish_the_end(world: World) -> None:
    second = two_stations(world)
    second.vice = Vice.SILENT
    world.run(DUE - MINUTE, DUE)
    airing, end = world.today().id, world.today().ends_at
    second.tell(airing, STARTED, DUE + 3 * SECOND)
    second.tell(airing, FINISHED, end + 3 * SECOND)
    world.run(DUE + SECOND, DUE + MINUTE)
    row = world.today()
    assert (row.started_at, row.lateness_ms, row.finished_at) == (DUE, 0, end + 3 * SECOND)
    assert row.outcome is Outcome.AIRED


def test_an_airing_lasts_until_its_last_station_has_ended(world: World) -> None:
    second = two_stations(world)
    second.vice = Vice.SILENT
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert (world.today().phase, world.today().outcome) == (Phase.ON_AIR, None)


def test_reports_that_overtake_the_answer_to_the_delivery_are_not_undone_by_it(world: World) -> None:
    second = two_stations(world)
    second.vice = Vice.FAST
    second.on_take = lambda: world.outcomes.collect(DUE)
    until_over(world)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert {part.state for part in parts(world).values()} == {StationState.FINISHED}


def test_an_airing_that_is_over_before_the_delivery_returns_stays_over(world: World, loa: Loudspeaker) -> None:
    loa.vice = Vice.FAST
    loa.on_take = lambda: world.outcomes.collect(DUE)
    until_over(world)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert parts(world)["kep-loa"].state is StationState.FINISHED
    assert world.ended == [world.today().id]
    assert world.today().handed_over_at is not None, "what has started had its order by then"


def test_a_station_that_is_stopped_while_it_plays_is_partial(world: World, loa: Loudspeaker) -> None:
    world.run(DUE - MINUTE, DUE)
    loa.silence(world.today().id)
    world.tick(DUE + SECOND)
    assert world.outcome() == (Outcome.PARTIAL, Reason.STOPPED, Evidence.STARTED)


def test_a_station_that_is_stopped_before_it_plays_was_not_heard(world: World, loa: Loudspeaker) -> None:
    world.run(DUE - MINUTE, DUE - SECOND)
    loa.vice = Vice.SILENT
    loa.tell(world.today().id, STOPPED, DUE, code="stopped_before_start")
    world.run(DUE, DUE + SECOND)
    assert world.outcome() == (Outcome.CANCELLED, Reason.STOPPED, Evidence.NONE)
    assert world.today().finished_at is None


def after(world: World, *reports: tuple[ReportState, datetime]) -> tuple[Outcome | None, str | None, str | None]:
    """How the airing ended after its otherwise silent station sent these reports."""
    loa = world.site.speaker("kep-loa")
    loa.vice = Vice.SILENT
    world.run(DUE - MINUTE, DUE, 10 * SECOND)
    for state, at in reports:
        loa.tell(world.today().id, state, at)
        world.tick(DUE + SECOND)
    return world.outcome()


AIRED = (Outcome.AIRED, None, Evidence.FINISHED)


@pytest.mark.parametrize(
    ("reports", "ignored"),
    [
        ([STARTED, FINISHED, FINISHED], 1),
        ([STARTED, STARTED, FINISHED], 1),
        ([FINISHED, STARTED], 1),
        ([STARTED, FINISHED, REFUSED, STOPPED, STARTED], 3),
        ([FINISHED], 0),
    ],
    ids=["finished twice", "started twice", "started after the end", "changes its mind", "the start was lost"],
)
def test_reports_that_cannot_be_are_journalled_and_change_nothing(
    world: World, loa: Loudspeaker, reports: list[ReportState], ignored: int
) -> None:
    assert after(world, *((state, DUE + number * SECOND) for number, state in enumerate(reports))) == AIRED
    assert world.journalled(world.today().id).count("report_ignored") == ignored
    assert world.ended == [world.today().id]
    world.assert_chains_hold()


def test_an_end_before_the_start_is_ignored(world: World, loa: Loudspeaker) -> None:
    assert after(world, (STARTED, DUE), (FINISHED, DUE - SECOND))[0] is None
    assert "report_ignored" in world.journalled(world.today().id)
    loa.tell(world.today().id, FINISHED, DUE + SECOND)
    world.tick(DUE + 2 * SECOND)
    assert world.outcome() == AIRED


@pytest.mark.parametrize("state", ReportState)
def test_a_report_about_an_unknown_airing_is_journalled_in_the_systems_chain(
    world: World, loa: Loudspeaker, state: ReportState
) -> None:
    world.tick(DUE - MINUTE)
    loa.tell("nowhere", state, DUE)
    world.tick(DUE - MINUTE)
    assert world.journalled("nowhere") == ["report_ignored"]


def test_a_report_from_a_station_that_was_not_asked_changes_nothing(world: World, loa: Loudspeaker) -> None:
    world.run(DUE - 2 * MINUTE, DUE - MINUTE)
    stranger = world.station("kep-loa-2")
    stranger.tell(world.today().id, REFUSED, DUE)
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == AIRED


def test_a_report_before_the_order_was_handed_over_changes_nothing(world: World, loa: Loudspeaker) -> None:
    loa.tell(world.today().id, FINISHED, DUE)
    world.tick(DUE - 2 * MINUTE)
    assert world.today().phase is Phase.PLANNED


def test_a_report_that_comes_after_the_outcome_does_not_change_it(world: World, loa: Loudspeaker) -> None:
    loa.vice = Vice.SILENT
    until_over(world)
    loa.tell(world.today().id, FINISHED, DUE)
    world.tick(DUE + 9 * MINUTE)
    assert world.outcome() == (Outcome.MISSED, Reason.NOT_CONFIRMED, Evidence.ACCEPTED)
    assert world.journalled(world.today().id)[-2:] == ["airing_ended", "report_ignored"]


def test_a_report_that_cannot_be_written_is_kept(
    world: World, loa: Loudspeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run(DUE - MINUTE, DUE - SECOND)
    with monkeypatch.context() as patch:
        patch.setattr(type(world.store), "writing", broken)
        with pytest.raises(StoreError):
            world.tick(DUE)
    world.run(DUE, DUE + MINUTE)
    assert world.outcome() == AIRED
    assert world.today().lateness_ms == 0


def broken(_store: object) -> None:
    raise StoreError("The disk is full.")


def test_an_outcome_is_given_once_though_it_is_asked_for_twice(world: World, loa: Loudspeaker) -> None:
    until_over(world)
    before = world.count_of_entries()
    with world.store.writing() as session:
        row = session.merge(world.today())
        world.outcomes.conclude(session, row, DUE + MINUTE, lost=Reason.WORKER_STOPPED)
    assert world.outcome() == AIRED
    assert world.count_of_entries() == before
    assert len(world.ended) == 1
