"""An airing through a folder: no one confirms it, so it is aired as far as anyone knows."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from broadcaster import files
from broadcaster.domain.airing import Evidence, Outcome, Reason
from tests.services.world import SECOND, TODAY, World, here

DUE = here("17:00")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def stick(world: World, tmp_path: Path) -> Path:
    """The folder of the station in Kép, where one bulletin is planned for 17:00 every day."""
    folder = tmp_path / "usb"
    config = json.dumps({"folder": str(folder), "lead_s": 3600})
    world.bring(f"stations:\n  - {{code: kep-loa, commune: kep, connector: folder, mode: test, config: {config}}}\n")
    world.approved()
    world.schedule()
    world.plan()
    return folder


def names(stick: Path, day: date = TODAY) -> list[str]:
    return sorted(path.name for path in (stick / f"{day}").iterdir())


def test_the_clip_lies_in_the_folder_an_hour_ahead_under_the_airings_name(world: World, stick: Path) -> None:
    world.run(DUE - 61 * MINUTE, DUE - 59 * MINUTE)
    airing = world.today().id
    assert names(stick) == sorted([f"{airing}.json", f"{airing}.mp3", "plan.csv", "plan.m3u8"])
    approved = files.sha256(world.studio.path(world.today().clip))
    assert files.sha256(stick / "2026-11-23" / f"{airing}.mp3") == approved


def test_it_is_aired_with_the_evidence_that_it_was_accepted(world: World, stick: Path) -> None:
    world.run(DUE - MINUTE, world.today().ends_at - SECOND)
    assert world.today().outcome is None
    world.tick(world.today().ends_at)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.ACCEPTED)
    assert (world.today().started_at, world.today().lateness_ms) == (None, None)


def test_what_is_withdrawn_is_taken_out_of_the_folder(world: World, stick: Path) -> None:
    world.run(DUE - 61 * MINUTE, DUE - 59 * MINUTE)
    world.withdraw(now=DUE - 50 * MINUTE)
    world.run(DUE - 50 * MINUTE, DUE - 49 * MINUTE)
    assert names(stick) == ["plan.csv", "plan.m3u8"]
    assert world.outcome() == (Outcome.CANCELLED, Reason.WITHDRAWN, Evidence.NONE)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_date_that_is_skipped_leaves_the_folder_though_the_worker_was_restarted(
    world: World, stick: Path, is_restarted: bool
) -> None:
    world.run(DUE - 61 * MINUTE, DUE - 59 * MINUTE)
    world.schedule(exdates=[TODAY], now=DUE - 50 * MINUTE)
    world.plan(DUE - 50 * MINUTE)
    if is_restarted:
        world.die()
        world.start(DUE - 45 * MINUTE)
    world.tick(DUE - 40 * MINUTE)
    assert names(stick) == ["plan.csv", "plan.m3u8"]
    assert world.airings(local_date=TODAY) == []


def test_a_date_that_is_moved_lies_in_the_folder_of_its_day_alone(world: World, stick: Path) -> None:
    tomorrow = TODAY + timedelta(days=1)
    world.run(DUE - 61 * MINUTE, DUE - 59 * MINUTE)
    world.schedule(rrule="FREQ=DAILY;COUNT=1", moved=[{"from": TODAY, "to": tomorrow}], now=DUE - 50 * MINUTE)
    world.plan(DUE - 50 * MINUTE)
    world.tick(DUE - 50 * MINUTE)
    assert names(stick) == ["plan.csv", "plan.m3u8"]
    world.tick(DUE + timedelta(days=1) - 30 * MINUTE)
    assert names(stick, tomorrow)[0] == f"{world.today().id}.json"


def test_a_time_that_is_changed_stands_in_the_plan_once(world: World, stick: Path) -> None:
    world.run(DUE - 61 * MINUTE, DUE - 59 * MINUTE)
    world.schedule(times=["17:05"], now=DUE - 50 * MINUTE)
    world.plan(DUE - 50 * MINUTE)
    world.tick(DUE - 50 * MINUTE)
    rows = (stick / f"{TODAY}" / "plan.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [(DUE + 5 * MINUTE).isoformat()]
    world.run(DUE + 4 * MINUTE, DUE + 7 * MINUTE)
    assert world.outcome(place_in_day="17:05") == (Outcome.AIRED, None, Evidence.ACCEPTED)


def test_a_worker_that_dies_in_between_hands_over_again_and_it_is_there_once(world: World, stick: Path) -> None:
    world.run(DUE - 61 * MINUTE, DUE - 59 * MINUTE)
    before = names(stick)
    world.start(DUE - 50 * MINUTE)
    world.run(DUE - 50 * MINUTE, DUE - 49 * MINUTE)
    assert names(stick) == before
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.AIRED, None, Evidence.ACCEPTED)
    assert world.ended == [world.today().id]


def test_a_folder_that_cannot_be_written_fails_the_airing(world: World, stick: Path) -> None:
    stick.write_text("no folder", encoding="utf-8")
    world.run(DUE - MINUTE, DUE + 6 * MINUTE)  # it is tried until the airing would be too late
    assert world.outcome() == (Outcome.FAILED, Reason.STATION_UNREACHABLE, Evidence.NONE)
