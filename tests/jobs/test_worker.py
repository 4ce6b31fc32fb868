"""The worker: one per database; it plans, renders, airs, and journals what went wrong."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from broadcaster import application, clock
from broadcaster.application import Application
from broadcaster.config import WorkerSettings
from broadcaster.domain.airing import Outcome
from broadcaster.domain.bulletin import BulletinState
from broadcaster.errors import StoreError
from broadcaster.jobs.worker import Worker
from broadcaster.services.airing import HandOver
from broadcaster.services.rehearsals import rehearse
from broadcaster.store import journal, submissions
from broadcaster.store.engine import Store
from broadcaster.store.tables import AiringRow
from tests.fixtures import NOW, Databases
from tests.services.world import World, brought, cast, settings, world_in

PATIENCE_S = 60.0
MEMORY = """
stations:
  - {code: kep-loa, commune: kep, connector: memory, mode: test}
"""


def cast_filled(store: Store) -> None:
    brought(store, cast())


@pytest.fixture
def world(databases: Databases, tmp_path: Path) -> Iterator[World]:
    """The people; what they do is what the worker under test finds in the database."""
    often = WorkerSettings(plan_every_s=0.05, render_every_s=0.05, air_every_s=0.05)
    with (
        databases.copy("sqlite", tmp_path, cast_filled) as url,
        world_in(tmp_path, settings(worker=often), url=url) as built,
    ):
        built.bring(MEMORY)
        yield built


@pytest.fixture
def built(world: World) -> Iterator[Application]:
    """The same database and settings as the worker's process would open them."""
    found = application.build(world.config)
    yield replace(found, studio=world.studio, desk=world.desk, children=world.children)
    found.close()


@pytest.fixture
def worker(built: Application) -> Iterator[Worker]:
    found = Worker(built)
    yield found
    found.stop()


def entries(world: World, action: journal.Action) -> list[dict[str, object]]:
    with world.store.reading() as session:
        found = [json.loads(row.payload) for row in journal.entries_about(session, "worker")]
    return [entry["data"] for entry in found if entry["action"] == action]


def test_a_second_worker_on_a_database_is_refused(worker: Worker, built: Application, world: World) -> None:
    worker.start()
    with pytest.raises(StoreError, match=r"Another worker is already running on this database .* stop it first"):
        Worker(built).start()
    assert len(entries(world, journal.Action.WORKER_STARTED)) == 1


def test_the_next_worker_may_start_once_the_first_has_stopped(built: Application, world: World) -> None:
    for _ in range(2):
        worker = Worker(built)
        worker.start()
        worker.stop()
    assert len(entries(world, journal.Action.WORKER_STARTED)) == len(entries(world, journal.Action.WORKER_STOPPED)) == 2
    world.assert_chains_hold()


def test_a_lock_that_a_dead_worker_left_behind_holds_nobody_back(worker: Worker, built: Application) -> None:
    built.worker_lock.write_bytes(b"")
    worker.start()


def test_a_database_that_is_not_up_to_date_is_refused(tmp_path: Path) -> None:
    empty = application.build(settings().model_copy(update={"data_folder": tmp_path / "other"}))
    with pytest.raises(StoreError, match="broadcaster db upgrade"):
        Worker(empty).start()
    empty.close()


def test_what_is_approved_is_planned_aired_and_told(built: Application, world: World) -> None:
    world.approved(now=clock.now())
    ended: list[AiringRow] = []
    over = threading.Event()

    def on_end(row: AiringRow) -> None:
        if row.commune == "kep":
            ended.append(row)
            over.set()

    worker = Worker(built, on_end)
    worker.start()
    try:
        now = clock.now()
        rehearse(world.store, "tin", now + timedelta(seconds=5), now)
        worker.plan()
        assert over.wait(PATIENCE_S)
    finally:
        worker.stop()
    assert [(row.outcome, row.lateness_ms) for row in ended] == [(Outcome.AIRED, 0)]
    world.assert_chains_hold()


def test_clips_that_wait_are_rendered(worker: Worker, world: World) -> None:
    world.write()
    submission = world.desk.submit("tin", world.actor("writer"), clock.now())
    worker.start()
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.01)):
        with world.store.reading() as session:
            if all(clip.sha256 for clip in submissions.clips(session, submission)):
                break
        pause.wait(0.01)
    world.approve(now=clock.now())
    assert world.children.mixed == 1


def test_what_fails_while_airing_is_counted_in_the_journal(
    worker: Worker, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = threading.Semaphore(0)

    def failing(_self: HandOver, _now: datetime) -> int:
        came.release()
        raise RuntimeError("broken by the test")

    with monkeypatch.context() as patch:
        patch.setattr(HandOver, "run", failing)
        worker.start()
        for _ in range(2):
            assert came.acquire(timeout=PATIENCE_S)
        worker.stop()
    counted = {name: count for entry in entries(world, journal.Action.JOB_FAILED) for name, count in entry.items()}
    assert "air RuntimeError('broken by the test')" in counted
    world.assert_chains_hold()


def test_planning_first_ends_what_has_expired(worker: Worker, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=1))
    world.approved(expires="2026-11-23T12:00:00+07:00")
    world.schedule()
    worker.plan()
    assert world.state() == BulletinState.EXPIRED
    assert world.airings() == []
