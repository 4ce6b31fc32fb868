"""The worker speaks with the source system in a thread of its own: from the province's list to the province's log."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml

from broadcaster import application, clock, reach
from broadcaster.application import Application
from broadcaster.config import WorkerSettings
from broadcaster.domain.airing import Outcome
from broadcaster.domain.bulletin import BulletinState
from broadcaster.jobs.sourcing import Sourcing
from broadcaster.jobs.worker import Worker
from broadcaster.services import approvals, emergencies, source_inbox
from broadcaster.services.source_receiving import SourceDesk, bulletin_id
from broadcaster.store import journal
from broadcaster.store.engine import Store
from tests.connectors.orders import until
from tests.fakes.http_station import Vice, running
from tests.fakes.source_system import PASSWORD, SourceSystem, listed
from tests.fixtures import Databases
from tests.services.provinces import PEOPLE
from tests.services.world import World, brought, cast, settings, world_in

LINK = "kep-nguon"
KEY = bulletin_id(LINK, "T-1")


def cast_filled(store: Store) -> None:
    brought(store, cast())


@pytest.fixture
def system() -> Iterator[SourceSystem]:
    with running(SourceSystem()) as found:
        yield found


@pytest.fixture
def world(databases: Databases, tmp_path: Path, system: SourceSystem) -> Iterator[World]:
    """A commune in test mode whose own loudspeaker is the one of memory, beside the source system."""
    often = WorkerSettings(plan_every_s=0.05, render_every_s=0.05, air_every_s=0.05, source_every_s=0.05)
    config = {
        "address": system.address, "username": "xa-kep", "password": PASSWORD, "clusters": ["loa-1"], "reports": True,
        "clip_url": "https://am-thanh.example/{sha256}.mp3", "receives": {"source": "Tỉnh", "overrides_quiet": True},
    }  # fmt: skip
    stations = [
        {"code": "kep-loa", "commune": "kep", "connector": "memory", "mode": "test"},
        {"code": LINK, "commune": "kep", "connector": "source_system", "mode": "test", "config": config},
    ]
    with (
        databases.copy("sqlite", tmp_path, cast_filled) as url,
        world_in(tmp_path, settings(worker=often), url=url) as built,
    ):
        built.bring(yaml.safe_dump({"stations": stations}), PEOPLE)
        yield built


@pytest.fixture
def built(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    found = application.build(world.config)
    monkeypatch.setattr(reach, "_allowed", (ip_network("127.0.0.0/8"),))
    yield replace(found, studio=world.studio, desk=world.desk, children=world.children)
    found.close()


def is_ready(world: World) -> bool:
    """Whether the bulletin lies before the approver with its clips."""
    with world.store.reading() as session:
        found = source_inbox.newest(session)
    return bool(found) and found[0].bulletin == KEY and approvals.to_approve(world.store, KEY) is not None


def asked(world: World) -> list[str]:
    with world.store.reading() as session:
        return [row.id for row in emergencies.newest(session)]


def test_an_emergency_goes_from_the_list_over_two_people_to_the_log(
    built: Application, world: World, system: SourceSystem
) -> None:
    system.listed = [listed(MucDoUuTien="1")]
    worker = Worker(built)
    worker.start()
    try:
        until(lambda: is_ready(world))
        assert world.airings() == []
        approvals.approve(world.store, KEY, world.actor("duyet-kep"), clock.now())
        until(lambda: bool(asked(world)))
        (key,) = asked(world)
        now, names = clock.now(), ["Kép"]
        emergencies.confirm(world.store, key, names, world.actor("truc-kep"), now, overrides_quiet=True)
        until(lambda: bool(system.heard))
    finally:
        worker.stop()
    (row,) = world.airings()
    assert row.outcome is Outcome.AIRED
    assert [(heard["BanTinID"], heard["CumLoaID"]) for heard in system.heard] == [("T-1", "kep-loa")]
    world.assert_chains_hold()


def test_a_source_system_that_hangs_keeps_no_worker_from_ending(
    built: Application, world: World, system: SourceSystem
) -> None:
    system.vice = Vice.SLOW
    worker = Worker(built)
    worker.start()
    until(lambda: bool(system.asked))
    worker.stop()
    assert not system.closing.is_set()


def test_what_fails_is_counted_and_the_rest_goes_on(
    built: Application, world: World, system: SourceSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[str] = []

    def failing(*_: object, **__: object) -> None:
        raise RuntimeError("broken by the test")

    with monkeypatch.context() as patch:
        patch.setattr(SourceDesk, "run", failing)
        sourcing = Sourcing(built, world.stations, lambda name, ids, error: failures.append(f"{name} {error}"))
        sourcing.start()
        sourcing.wake()
        until(lambda: bool(failures))
    system.listed = [listed()]
    sourcing.wake()
    until(lambda: is_submitted(world))
    sourcing.stop()
    assert failures == ["receive broken by the test"]
    with world.store.reading() as session:
        assert journal.verify(session, "kep") is None


def is_submitted(world: World) -> bool:
    with world.store.reading() as session:
        found = source_inbox.newest(session)
    return bool(found) and found[0].bulletin is not None and world.state(KEY) == BulletinState.SUBMITTED
