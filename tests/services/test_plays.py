"""Signed orders and what loudspeakers report of them: evidence for each, and one outcome for the airing."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from broadcaster.domain.airing import Evidence, Outcome, Phase, Reason, Scope, StationState
from broadcaster.domain.alert import AlertKind
from broadcaster.errors import StoreError
from broadcaster.orders import keyfolder
from broadcaster.orders.device import PlayState
from broadcaster.orders.health import Heard
from broadcaster.orders.payload import Command
from broadcaster.services import inbox, outbox, stops
from broadcaster.services.alerts import open_alerts
from broadcaster.services.plays import Plays
from tests.fixtures import NOW
from tests.services.village import ACCEPTED, DUE, FINISHED, LEAD, REFUSED, STARTED, STOPPED, Village
from tests.services.world import SECOND, World, here

MINUTE = timedelta(minutes=1)


def test_the_order_is_signed_ahead_names_the_clip_and_both_who_approved(handed_over: Village) -> None:
    order = handed_over.order
    assert (order.airing, order.targets, order.start, order.nbf) == (
        handed_over.world.today().id, ("kep-loa",), DUE, DUE - LEAD
    )  # fmt: skip
    assert order.audio is not None
    assert order.audio.url.endswith(f"/device/v1/clips/{order.audio.sha256}")
    assert [approval.user for approval in order.approvals] == ["approver"]
    assert handed_over.world.today().phase is Phase.HANDED_OVER


def test_a_rehearsal_in_quiet_hours_has_the_same_room_for_its_end(village: Village) -> None:
    world, night = village.world, here("22:00")
    world.schedule("dem", times=["22:00"], rehearsal=True)
    world.plan()
    world.tick(night - LEAD)
    order = village.order
    row = world.airings(schedule="dem")[0]
    assert order.start == night
    assert order.max_s == (row.ends_at - row.due_at).total_seconds() + 1


def test_an_airing_that_every_loudspeaker_finishes_is_aired_with_that_evidence(handed_over: Village) -> None:
    handed_over.play(0)
    assert handed_over.world.today().phase is Phase.ON_AIR
    handed_over.play(1)
    assert handed_over.world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert handed_over.world.today().lateness_ms == 0
    assert {play.state for play in handed_over.plays().values()} == {StationState.FINISHED}


def test_one_loudspeaker_that_refuses_makes_it_partial_and_the_journal_says_which_and_why(handed_over: Village) -> None:
    handed_over.play(0)
    handed_over.says(1, REFUSED, DUE, code="clip_missing")
    assert handed_over.world.outcome() == (Outcome.PARTIAL, Reason.SOME_STATIONS, Evidence.FINISHED)
    assert handed_over.plays()["kep-02"].code == "clip_missing"
    handed_over.world.assert_chains_hold()


def test_one_that_never_reports_is_missing_a_minute_after_the_end(handed_over: Village) -> None:
    handed_over.play(0)
    handed_over.world.run(DUE, handed_over.ends_at + 59 * SECOND)
    assert handed_over.world.today().outcome is None
    handed_over.world.tick(handed_over.ends_at + MINUTE)
    assert handed_over.world.outcome() == (Outcome.PARTIAL, Reason.SOME_STATIONS, Evidence.FINISHED)


def test_silence_heard_by_every_microphone_is_no_sound(handed_over: Village) -> None:
    handed_over.play(0, sound=Heard.SILENT)
    handed_over.play(1, sound=Heard.SILENT)
    assert handed_over.world.outcome() == (Outcome.FAILED, Reason.NO_SOUND, Evidence.NONE)
    with handed_over.world.store.reading() as session:
        assert {row.kind for row in open_alerts(session)} == {AlertKind.LOUDSPEAKER_SILENT, AlertKind.AIRING}


@pytest.mark.parametrize(
    ("state", "at"),
    [
        (STARTED, DUE - MINUTE),
        (FINISHED, DUE - MINUTE),
        (FINISHED, DUE + SECOND / 10),
    ],
)
def test_what_cannot_be_is_journalled_and_changes_nothing(handed_over: Village, state: PlayState, at: datetime) -> None:
    handed_over.says(0, state, at)
    assert handed_over.plays()["kep-01"].state is StationState.SENDING
    assert "report_ignored" in handed_over.world.journalled(handed_over.world.today().id)


def test_a_second_end_changes_nothing(handed_over: Village) -> None:
    handed_over.play(0)
    handed_over.says(0, FINISHED, handed_over.ends_at + MINUTE, position_s=1)
    assert handed_over.plays()["kep-01"].ended_at == handed_over.ends_at


def test_the_same_message_twice_is_acknowledged_twice_and_taken_once(handed_over: Village) -> None:
    loudspeaker = handed_over.loudspeakers[0]
    envelope = loudspeaker.says(ACCEPTED, handed_over.order, DUE - LEAD)
    first, second = (handed_over.receive(loudspeaker, envelope, DUE - LEAD) for _ in range(2))
    assert first.ack_seqs == second.ack_seqs == (1,)
    with handed_over.world.store.reading() as session:
        assert len(inbox.about(session, handed_over.world.today().id)) == 1


def test_a_message_signed_by_another_loudspeaker_is_refused(handed_over: Village) -> None:
    first, second = handed_over.loudspeakers
    forged = replace(second, device=first.device).says(STARTED, handed_over.order, DUE)
    assert handed_over.receive(first, forged, DUE).refused == 1
    assert handed_over.receive(first, second.says(STARTED, handed_over.order, DUE), DUE).refused == 1
    assert handed_over.plays()["kep-01"].state is StationState.SENDING


def test_a_report_that_comes_after_the_end_stands_beside_the_outcome(handed_over: Village) -> None:
    handed_over.world.run(DUE, DUE + 20 * MINUTE, 30 * SECOND)
    assert handed_over.world.outcome() == (Outcome.MISSED, Reason.NOT_CONFIRMED, Evidence.NONE)
    handed_over.play(0)
    assert handed_over.world.outcome()[0] is Outcome.MISSED
    assert handed_over.plays()["kep-01"].state is StationState.FINISHED
    assert "play_reported_late" in handed_over.world.journalled(handed_over.world.today().id)


def test_an_end_that_overtakes_its_start_counts_and_the_start_is_noted(handed_over: Village) -> None:
    handed_over.says(0, FINISHED, handed_over.ends_at, position_s=5)
    handed_over.says(0, STARTED, DUE, handed_over.ends_at)
    play = handed_over.plays()["kep-01"]
    assert (play.state, play.started_at) == (StationState.FINISHED, DUE)


def test_without_keys_nothing_is_sent_until_there_are_some(village: Village) -> None:
    for path in (village.world.keys / "kep").iterdir():
        path.unlink()
    village.world.tick(DUE - LEAD)
    assert (village.wire.sent, village.world.today().phase) == ([], Phase.PLANNED)
    keyfolder.make(village.world.keys, "kep", DUE - LEAD)
    village.world.tick(DUE - LEAD + SECOND)
    assert village.world.today().phase is Phase.HANDED_OVER


def test_what_cannot_be_signed_at_its_time_has_failed_and_says_why(village: Village) -> None:
    for path in (village.world.keys / "kep").iterdir():
        path.unlink()
    village.world.run(DUE - MINUTE, DUE, 10 * SECOND)
    assert village.world.outcome() == (Outcome.FAILED, Reason.NOT_SIGNED, Evidence.NONE)
    assert village.wire.sent == []


def test_what_is_withdrawn_is_cancelled_by_a_signed_order_with_a_higher_number(handed_over: Village) -> None:
    handed_over.world.withdraw(now=DUE - 5 * MINUTE)
    handed_over.world.tick(DUE - 5 * MINUTE)
    play, cancel = handed_over.wire.orders()
    assert (cancel.cmd, cancel.airing) == (Command.CANCEL, play.airing)
    assert cancel.seq > play.seq
    assert cancel.exp >= play.exp
    assert handed_over.world.outcome() == (Outcome.CANCELLED, Reason.WITHDRAWN, Evidence.NONE)


def test_one_that_comes_back_is_given_the_cancel_and_not_the_order(handed_over: Village) -> None:
    def commands(now: datetime) -> list[bytes]:
        with handed_over.world.store.reading() as session:
            return outbox.valid_for(session, "kep-loa", now)

    assert commands(DUE - 9 * MINUTE) == [handed_over.wire.sent[0][1]]
    handed_over.world.withdraw(now=DUE - 5 * MINUTE)
    handed_over.world.tick(DUE - 5 * MINUTE)
    assert commands(DUE - 4 * MINUTE) == [handed_over.wire.sent[1][1]]


def test_an_order_that_does_not_get_through_is_tried_again_and_given_up_at_its_last_moment(village: Village) -> None:
    village.wire.is_cut = True
    village.world.run(DUE - LEAD, DUE - 9 * MINUTE, 5 * SECOND)
    assert village.world.today().outcome is None
    village.wire.is_cut = False
    village.world.run(DUE - 9 * MINUTE, DUE - 8 * MINUTE, 5 * SECOND)
    assert len(village.wire.orders()) == 1
    village.play(0)
    village.play(1)
    assert village.world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)


def test_numbers_grow_though_the_clock_goes_back(world: World, tmp_path: Path) -> None:
    with world.store.writing() as session:
        first = outbox.next_number(session, "kep", NOW)
        second = outbox.next_number(session, "kep", NOW - timedelta(days=1))
    assert first == int(NOW.timestamp() * 1000)
    assert second == first + 1


def test_signed_messages_are_dropped_after_months_and_what_they_said_stays(handed_over: Village) -> None:
    handed_over.play(0)
    handed_over.world.storage.prune(handed_over.world.store, DUE + timedelta(days=100))
    with handed_over.world.store.reading() as session:
        assert inbox.about(session, handed_over.world.today().id) == []
        assert outbox.ordered_until(session, "kep-loa", handed_over.world.today().id) is None
    assert handed_over.plays()["kep-01"].state is StationState.FINISHED


def test_what_was_overtaken_on_its_way_is_noted_and_nobody_is_blamed(handed_over: Village) -> None:
    handed_over.says(0, STARTED, DUE)
    handed_over.says(0, ACCEPTED, DUE - LEAD, DUE + SECOND)
    play = handed_over.plays()["kep-01"]
    assert (play.state, play.accepted_at) == (StationState.STARTED, DUE - LEAD)
    assert "report_ignored" not in handed_over.world.journalled(handed_over.world.today().id)


def test_what_stops_after_it_was_withdrawn_is_no_news_but_what_plays_on_is(handed_over: Village) -> None:
    handed_over.says(0, STARTED, DUE)
    handed_over.says(1, STARTED, DUE)
    airing = handed_over.world.today().id
    stops.stop(handed_over.world.store, Scope.AIRING, airing, "thử", handed_over.world.actor("operator"), DUE)
    handed_over.world.tick(DUE)
    assert handed_over.world.outcome() == (Outcome.PARTIAL, Reason.STOPPED, Evidence.STARTED)
    handed_over.says(0, STOPPED, DUE + SECOND / 2, position_s=0.5)
    assert "play_reported_late" not in handed_over.world.journalled(airing)
    handed_over.says(1, FINISHED, handed_over.ends_at, position_s=5)
    assert handed_over.world.journalled(airing)[-1] == "play_reported_late"


def test_a_report_waits_while_the_database_is_away(handed_over: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreError("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(Plays, "take", away)
        with pytest.raises(StoreError):
            handed_over.says(0, STARTED, DUE)
    handed_over.world.tick(DUE)
    assert handed_over.plays()["kep-01"].state is StationState.STARTED


def test_what_is_urgent_does_not_wait_for_a_thousand_reports(handed_over: Village) -> None:
    with handed_over.world.store.writing() as session:
        loudspeaker = handed_over.loudspeakers[0]
        for _ in range(30):
            envelope = loudspeaker.says(ACCEPTED, handed_over.order, DUE - LEAD)
            inbox.receive(session, loudspeaker.device, [envelope], DUE - LEAD)
    collecting = Plays(handed_over.world.store, handed_over.world.outcomes)
    collecting.collect(DUE - LEAD, lambda: True)
    with handed_over.world.store.reading() as session:
        assert 0 < len(inbox.untaken(session, 100)) < 30
    collecting.collect(DUE - LEAD, lambda: False)
    with handed_over.world.store.reading() as session:
        assert inbox.untaken(session, 100) == []
