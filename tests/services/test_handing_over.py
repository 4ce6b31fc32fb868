"""Handing over: on time, once, and only what may air at that very moment."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

import pytest
from sqlalchemy import update

from broadcaster.domain.airing import Outcome, Phase, Reason
from broadcaster.domain.place import Mode
from broadcaster.store.tables import AiringRow, CommuneRow
from tests.fakes.loudspeakers import Loudspeaker, Vice
from tests.fixtures import KINDS
from tests.services.world import SECOND, World, here

pytestmark = pytest.mark.parametrize("kind", KINDS)

MINUTE = timedelta(minutes=1)
DUE = here("17:00")
LONG = "Bà con chú ý. " * 300  # some four minutes


@pytest.fixture
def loa(world: World) -> Loudspeaker:
    """The loudspeaker in Kép, where one bulletin is planned for 17:00 every day."""
    world.approved()
    world.schedule()
    world.plan()
    return world.site.speaker("kep-loa")


def test_an_airing_is_handed_over_ahead_starts_on_time_and_ends_aired(world: World, loa: Loudspeaker) -> None:
    world.run(DUE - 2 * MINUTE, DUE + MINUTE)
    row = world.today()
    assert world.outcome() == (Outcome.AIRED, None, "finished")
    assert (row.handed_over_at, row.started_at, row.lateness_ms) == (DUE - MINUTE, DUE, 0)
    assert row.finished_at == row.ends_at > DUE
    assert loa.played == loa.handed == [row.id]


def test_the_end_of_an_airing_is_told_once_and_journalled_step_by_step(world: World, loa: Loudspeaker) -> None:
    world.run(DUE - MINUTE, DUE + 5 * MINUTE)
    assert world.ended == [world.today().id]
    steps = ["airing_sending", "airing_handed_over", "airing_started", "airing_ended"]
    assert world.journalled(world.today().id) == steps
    world.assert_chains_hold()


def test_the_order_says_what_to_play_when_and_until_when(world: World, loa: Loudspeaker) -> None:
    world.tick(DUE - MINUTE)
    (order,) = loa.orders.values()
    assert (order.airing, order.commune, order.station, order.mode) == (world.today().id, "kep", "kep-loa", Mode.TEST)
    assert (order.title, order.start, order.expires) == ("Bản tin tin", DUE, DUE + 5 * MINUTE)
    assert hashlib.sha256(order.clip.read_bytes()).hexdigest() == order.clip_sha256
    assert order.start + timedelta(milliseconds=order.duration_ms) == world.today().ends_at


def test_nothing_is_handed_over_before_its_time(world: World, loa: Loudspeaker) -> None:
    world.run(DUE - 10 * MINUTE, DUE - MINUTE - SECOND)
    assert loa.handed == []
    assert world.today().phase is Phase.PLANNED


def test_what_comes_late_within_the_grace_still_airs_with_its_lateness(world: World, loa: Loudspeaker) -> None:
    world.run(DUE + 2 * MINUTE, DUE + 4 * MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, "finished")
    assert world.today().lateness_ms == 120_000


@pytest.mark.parametrize(("late", "is_played"), [(5 * MINUTE, True), (5 * MINUTE + SECOND, False)])
def test_the_grace_has_an_end(world: World, loa: Loudspeaker, late: timedelta, is_played: bool) -> None:
    world.run(DUE + late, DUE + late + MINUTE)
    assert bool(loa.played) == is_played
    expected = (Outcome.AIRED, None, "finished") if is_played else (Outcome.MISSED, Reason.SERVER_DOWN, "none")
    assert world.outcome() == expected


def test_after_an_outage_there_is_no_burst(world: World) -> None:
    world.approved()
    world.schedule(communes=["kep", "my-thai"], times=[f"{hour:02}:{minute:02}" for hour in range(10, 19)
                                                         for minute in (0, 30)], rehearsal=True)  # fmt: skip
    world.plan()
    world.run(here("18:32"), here("18:34"))
    outcomes = [row.outcome for row in world.airings(local_date=DUE.date())]
    assert sorted(map(str, outcomes)) == ["aired"] * 2 + ["missed"] * 34
    assert [len(world.site.speaker(code).played) for code in ("kep-loa", "my-thai-loa")] == [1, 1]
    world.assert_chains_hold()


def clip_of(world: World) -> Path:
    return world.studio.path(world.today().clip)


def damage_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def damage_middle(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"clip", b"clap"))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(Path.unlink, Reason.CLIP_MISSING), (damage_end, Reason.CLIP_DAMAGED), (damage_middle, Reason.CLIP_DAMAGED),
     (make_folder, Reason.CLIP_DAMAGED)],
)  # fmt: skip
def test_another_sound_than_the_approved_one_is_never_handed_over(
    world: World, loa: Loudspeaker, damage: Callable[[Path], None], reason: Reason
) -> None:
    damage(clip_of(world))
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.FAILED, reason, "none")
    assert loa.handed == []


def test_a_clip_that_is_put_back_in_time_airs(world: World, loa: Loudspeaker) -> None:
    kept = clip_of(world).read_bytes()
    clip_of(world).unlink()
    world.run(DUE - MINUTE, DUE - 10 * SECOND)
    clip_of(world).write_bytes(kept)
    world.run(DUE - 9 * SECOND, DUE + MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, "finished")


def replan_by_hand(world: World, due: str) -> None:
    """As if the plan were wrong, or the database had been edited."""
    duration = world.today().ends_at - world.today().due_at
    with world.store.writing() as session:
        change = update(AiringRow).where(AiringRow.id == world.today().id)
        session.execute(change.values(due_at=here(due), ends_at=here(due) + duration))


@pytest.mark.parametrize("due", ["21:00", "20:59:59", "23:30"])
def test_the_quiet_hours_are_kept_though_the_plan_is_wrong(world: World, loa: Loudspeaker, due: str) -> None:
    replan_by_hand(world, due)
    world.run(here(due) - MINUTE, here(due) + MINUTE)
    assert world.outcome() == (Outcome.SKIPPED, Reason.QUIET_HOURS, "none")
    assert loa.handed == []


def test_a_late_start_that_would_reach_into_the_quiet_hours_is_missed(world: World) -> None:
    world.approved(text=LONG)
    world.schedule(times=["20:53"])
    world.plan()
    loa = world.site.speaker("kep-loa")
    duration = world.today().ends_at - world.today().due_at
    assert here("20:53") + duration + 4 * MINUTE > here("21:00")
    world.run(here("20:57"), here("21:02"))
    assert world.outcome() == (Outcome.MISSED, Reason.SERVER_DOWN, "none")
    assert loa.played == []


def test_an_order_near_the_quiet_hours_expires_early_enough(world: World) -> None:
    world.approved(text=LONG)
    world.schedule(times=["20:53"])
    world.plan()
    world.tick(here("20:52"))
    (order,) = world.site.speaker("kep-loa").orders.values()
    assert order.expires + timedelta(milliseconds=order.duration_ms) == here("21:00")


def test_what_was_withdrawn_after_it_was_planned_is_cancelled(world: World, loa: Loudspeaker) -> None:
    world.withdraw(now=here("16:50"))
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.CANCELLED, Reason.WITHDRAWN, "none")
    assert loa.handed == []


def test_what_was_edited_after_it_was_planned_is_skipped(world: World, loa: Loudspeaker) -> None:
    world.write(text="Khác.")
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.SKIPPED, Reason.NOT_APPROVED, "none")
    assert loa.handed == []


def test_a_revision_approved_after_the_plan_was_made_does_not_air_in_the_place_of_the_old_one(
    world: World, loa: Loudspeaker
) -> None:
    world.approved(text="Khác.")
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.SKIPPED, Reason.NOT_APPROVED, "none")


def test_what_is_withdrawn_after_it_was_handed_over_is_taken_back(world: World, loa: Loudspeaker) -> None:
    world.run(DUE - MINUTE, DUE - 30 * SECOND)
    world.withdraw(now=DUE - 30 * SECOND)
    world.run(DUE - 29 * SECOND, DUE + MINUTE)
    assert world.outcome() == (Outcome.CANCELLED, Reason.WITHDRAWN, "none")
    assert loa.handed == loa.stopped == [world.today().id]
    assert loa.played == []
    assert world.ended == [world.today().id]


def test_what_sounds_already_is_not_cut_off_by_an_edit(world: World) -> None:
    world.approved(text=LONG)
    world.schedule()
    world.plan()
    world.run(DUE - MINUTE, DUE + MINUTE)
    world.withdraw(now=DUE + MINUTE)
    world.run(DUE + MINUTE, DUE + 6 * MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, "finished")


def test_a_commune_without_a_station_fails_at_the_due_time(world: World) -> None:
    world.bring("communes:\n  - {code: xa, name: Xã}\n")
    world.approved()
    world.schedule(communes=["xa"])
    world.plan()
    world.run(DUE - MINUTE, DUE)
    assert world.outcome() == (Outcome.FAILED, Reason.NO_STATION, "none")


def test_a_sample_hotline_is_not_spoken_by_a_station_that_went_live_after_the_approval(world: World) -> None:
    world.approved(text="Gọi {hotline}.")
    world.schedule()
    loa = world.station("kep-loa", mode="live")
    world.plan()
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.FAILED, Reason.SAMPLE_FACT, "none")
    assert loa.handed == []


def test_a_live_airing_does_not_go_to_stations_in_test_mode(world: World) -> None:
    live = world.station("kep-that", mode="live")
    world.approved()
    world.schedule()
    world.plan()
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.today().mode is Mode.LIVE
    assert live.played == [world.today().id]
    assert world.site.speaker("kep-loa").handed == []


def test_one_station_that_breaks_keeps_no_other_from_airing(world: World) -> None:
    world.station("kep-a").vice = Vice.BREAKS
    world.approved()
    world.schedule(communes=["kep", "my-thai"])
    world.plan()
    world.run(DUE - MINUTE, DUE + 8 * MINUTE)
    assert world.outcome(commune="my-thai") == (Outcome.AIRED, None, "finished")
    assert world.outcome(commune="kep") == (Outcome.PARTIAL, Reason.SOME_STATIONS, "finished")


def test_a_second_worker_finds_nothing_to_hand_over(world: World, loa: Loudspeaker) -> None:
    loa.on_take = lambda: None
    assert world.hand_over.run(DUE - MINUTE) == 1
    assert world.hand_over.run(DUE - MINUTE) == 0
    assert len(loa.handed) == 1


def test_one_airing_that_cannot_be_handed_over_keeps_no_other_from_it(world: World) -> None:
    world.approved()
    world.schedule(communes=["kep", "lang-giang"])
    world.plan()
    with world.store.writing() as session:
        session.execute(update(CommuneRow).where(CommuneRow.code == "kep").values(timezone="Nowhere/Near"))
    with pytest.raises(ZoneInfoNotFoundError):
        world.hand_over.run(DUE - 10 * SECOND)
    assert world.site.speaker("lang-giang-loa").handed == [world.today(commune="lang-giang").id]


def test_several_that_are_late_at_once_air_one_after_the_other(world: World) -> None:
    for number in range(3):
        world.approved(f"tin-{number}", "Bà con chú ý. " * 40 + f"Số {number}.")
        world.schedule(f"lich-{number}", f"tin-{number}", slots=["Buổi chiều"])
    world.plan()
    world.start(here("17:03"))
    world.run(here("17:03"), here("17:10"))
    spans = sorted((since, until) for _, since, until in world.site.speaker("kep-loa").heard)
    assert len(spans) == 3
    assert spans[0][0] == here("17:03")
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert {row.outcome for row in world.airings(local_date=DUE.date())} == {Outcome.AIRED}
