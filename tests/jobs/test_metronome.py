"""The metronome: regular, never two of a kind at once, and it tells what it left out."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from broadcaster.jobs.metronome import Metronome

PATIENCE_S = 30.0
OFTEN_S = 0.01


@pytest.fixture
def metronome() -> Iterator[Metronome]:
    found = Metronome(misfire_grace_s=30)
    yield found
    found.stop()


class Ticks:
    """Counts, and lets a test wait until so many ticks have come."""

    def __init__(self) -> None:
        self._came = threading.Semaphore(0)
        self.count = 0

    def __call__(self) -> None:
        self.count += 1
        self._came.release()

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self._came.acquire(timeout=PATIENCE_S)


def test_every_kind_of_tick_comes_again_and_again(metronome: Metronome) -> None:
    kinds = [Ticks(), Ticks()]
    for number, ticks in enumerate(kinds):
        metronome.every(OFTEN_S, f"kind-{number}", ticks)
    metronome.start()
    for ticks in kinds:
        ticks.wait_for(3)


def test_no_tick_comes_before_the_start_or_after_the_stop(metronome: Metronome) -> None:
    ticks = Ticks()
    metronome.every(OFTEN_S, "tick", ticks)
    assert ticks.count == 0
    metronome.start()
    ticks.wait_for(1)
    metronome.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "APScheduler"]


def test_a_tick_whose_forerunner_still_runs_is_left_out_and_counted(metronome: Metronome) -> None:
    release, others = threading.Event(), Ticks()
    running: list[None] = []

    def slow() -> None:
        running.append(None)
        release.wait(PATIENCE_S)

    metronome.every(OFTEN_S, "slow", slow)
    metronome.every(OFTEN_S, "other", others)
    metronome.start()
    others.wait_for(20)
    missed = metronome.missed()
    assert len(running) == 1
    release.set()
    metronome.stop()
    assert missed["slow"] >= 1


def test_a_tick_that_comes_too_late_is_left_out_and_counted(metronome: Metronome) -> None:
    ticks, others = Ticks(), Ticks()
    metronome.every(3600, "late", ticks)
    metronome.every(OFTEN_S, "other", others)
    metronome._scheduler.modify_job("late", next_run_time=datetime.now(UTC) - timedelta(minutes=30))
    metronome.start()
    others.wait_for(20)
    assert metronome.missed() == {"late": 1}
    assert ticks.count == 0


def test_what_was_missed_is_told_once(metronome: Metronome) -> None:
    others = Ticks()
    metronome.every(3600, "late", Ticks())
    metronome.every(OFTEN_S, "other", others)
    metronome._scheduler.modify_job("late", next_run_time=datetime.now(UTC) - timedelta(minutes=30))
    metronome.start()
    others.wait_for(20)
    metronome.stop()
    assert "late" in metronome.missed()
    assert metronome.missed() == {}


def test_a_tick_that_fails_does_not_stop_the_next_one(metronome: Metronome) -> None:
    ticks = Ticks()

    def failing() -> None:
        ticks()
        raise RuntimeError("broken by the test")

    metronome.every(OFTEN_S, "failing", failing)
    metronome.start()
    ticks.wait_for(3)


def test_stopping_waits_for_the_tick_that_runs(metronome: Metronome) -> None:
    begun, release, over = threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        release.wait(PATIENCE_S)
        over.set()

    metronome.every(OFTEN_S, "slow", slow)
    metronome.start()
    assert begun.wait(PATIENCE_S)
    stopping = threading.Thread(target=metronome.stop)
    stopping.start()
    release.set()
    stopping.join(PATIENCE_S)
    assert over.is_set()


def test_stopping_what_never_started_is_harmless() -> None:
    Metronome(misfire_grace_s=1).stop()
