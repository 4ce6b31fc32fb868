"""An airing through a folder: no one confirms it, so it is aired as far as anyone knows."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster import files
from broadcaster.domain.airing import Evidence, Outcome, Reason
from tests.services.world import SECOND, World, here

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


def names(stick: Path) -> list[str]:
    return sorted(path.name for path in (stick / "2026-11-23").iterdir())


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
    world.run(DUE - MINUTE, DUE + MINUTE)
    assert world.outcome() == (Outcome.FAILED, Reason.STATION_UNREACHABLE, Evidence.NONE)
