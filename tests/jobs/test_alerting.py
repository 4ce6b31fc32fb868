"""Alerts leave in a thread of their own, which nothing else waits for."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from broadcaster import application, clock
from broadcaster.application import Application
from broadcaster.config_alerts import AlertSettings, MailSettings, RecipientSettings
from broadcaster.domain.alert import AlertKind
from broadcaster.jobs.alerting import Alerting
from broadcaster.jobs.worker import Worker
from broadcaster.mail import Security
from broadcaster.services.alert_queue import Queue
from broadcaster.services.alerts import open_alerts, raise_alert
from broadcaster.store.engine import Store
from tests.fakes.smtp import MailServer, Vice, mail_server
from tests.fixtures import Databases
from tests.services.world import brought, cast, settings

PATIENCE_S = 60.0
MINUTE = timedelta(minutes=1)


def cast_filled(store: Store) -> None:
    brought(store, cast())


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made
    for thread in threading.enumerate():  # one that was left behind ends with its connection
        if thread.name == "alerting":
            thread.join(PATIENCE_S)


@pytest.fixture
def built(databases: Databases, tmp_path: Path, server: MailServer) -> Iterator[Application]:
    out = MailSettings(host="127.0.0.1", port=server.port, security=Security.NONE, sender="loa@example.vn")
    told = [RecipientSettings(mail="truc-ban@kep.vn")]
    config = settings(alerts=AlertSettings(mail=out, recipients=told, send_every_s=0.02))
    with databases.copy("sqlite", tmp_path, cast_filled):
        found = application.build(config.model_copy(update={"data_folder": tmp_path}))
        yield found
        found.close()


@pytest.fixture
def failures() -> list[str]:
    return []


@pytest.fixture
def alerting(built: Application, failures: list[str]) -> Alerting:
    return Alerting(built, lambda name, ids, error: failures.append(f"{name} {error}"))


def raised(built: Application, subject: str) -> None:
    at = clock.now() - 2 * MINUTE
    with built.store.writing() as session:
        raise_alert(session, AlertKind.LOUDSPEAKER_OFFLINE, "kep", subject, at, loudspeaker=subject)


def wait_for(server: MailServer, connections: int) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.01)):
        if server.connections >= connections and (server.mails or server.vice is Vice.SILENT):
            return
        pause.wait(0.01)
    raise AssertionError("nothing came")


def test_the_worker_sends_what_was_raised(built: Application, server: MailServer) -> None:
    raised(built, "kep-01")
    worker = Worker(built)
    worker.start()
    wait_for(server, 1)
    worker.stop()
    assert [mail.message["Subject"] for mail in server.mails] == ["[Broadcaster] Cụm loa kep-01 ở Kép mất kết nối."]


def test_a_mail_server_that_hangs_keeps_nobody_from_ending(
    built: Application, server: MailServer, alerting: Alerting
) -> None:
    server.vice = Vice.SILENT
    raised(built, "kep-01")
    alerting.start()
    alerting.wake()
    wait_for(server, 1)
    alerting.stop()
    assert not server.closing.is_set()


def test_what_fails_is_counted_and_the_rest_goes_on(
    built: Application, server: MailServer, alerting: Alerting, failures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    raised(built, "kep-01")
    came = threading.Event()
    real = Queue.send

    def failing(self: Queue, now: datetime, **more: object) -> int:
        if not came.is_set():
            came.set()
            raise RuntimeError("broken by the test")
        return real(self, now)

    monkeypatch.setattr(Queue, "send", failing)
    alerting.start()
    alerting.wake()
    assert came.wait(PATIENCE_S)
    alerting.wake()
    wait_for(server, 1)
    alerting.stop()
    assert failures == ["alerts broken by the test"]


def test_the_parts_of_the_server_are_watched(
    built: Application, alerting: Alerting, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = built.storage
    full = replace(storage, settings=storage.settings.model_copy(update={"min_free_mb": 10**9}))
    watching = Alerting(replace(built, storage=full), lambda *_: None)
    started = clock.now()
    monkeypatch.setattr(clock, "now", lambda: started + 6 * MINUTE)
    watching._watch()
    with built.store.reading() as session:
        assert [row.subject for row in open_alerts(session)] == ["disk"]
    monkeypatch.setattr(clock, "now", lambda: started + 12 * MINUTE)
    alerting._watch()
    with built.store.reading() as session:
        assert open_alerts(session) == []
