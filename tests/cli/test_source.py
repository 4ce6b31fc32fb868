"""`broadcaster source` as a person types it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from broadcaster import clock, logs
from broadcaster.cli import source as command
from broadcaster.domain.place import Mode, Station
from broadcaster.domain.roles import Actor
from broadcaster.domain.source import Incoming
from broadcaster.errors import InputError
from broadcaster.services import source_inbox
from broadcaster.store.source_tables import SourceReportRow
from broadcaster.store.tables import CommuneRow, StationRow
from tests.cli.programs import database

STATION = Station("kep-nguon", "kep", "source_system", Mode.LIVE)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROADCASTER__LANGUAGE", "en")
    monkeypatch.setattr(logs, "start", lambda *_: None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command.app, arguments)


def test_what_came_is_listed_with_the_reason_and_the_trouble(tmp_path: Path) -> None:
    now = clock.now()
    refused = Incoming("T-1", {"BanTinID": "T-1"}, "0" * 64, refusal=InputError("It has no words."))
    with database(tmp_path) as store, store.writing() as session:
        session.add(CommuneRow(code="kep", name="Kép", kind="xã", province="", timezone="UTC", zones=[], timetable={}))
        session.flush()
        session.add(StationRow(code="kep-nguon", commune="kep", connector="source_system", mode=Mode.LIVE, config={}))
        source_inbox.keep(session, STATION, [refused], Actor(None, "root"), now)
        source_inbox.note_link(session, STATION, now, now, tries=1, error=InputError("It is no message."))
    result = run("received")
    assert "It has no words." in result.stdout
    assert "kep-nguon gives no bulletins just now: It is no message." in result.output
    (row,) = json.loads(run("received", "--commune", "kep", "--json").stdout)
    assert (row["key"], row["state"], row["version"]) == ("T-1", "refused", 1)
    assert json.loads(run("received", "--commune", "other", "--json").stdout) == []


def test_what_was_told_and_what_waits_is_listed(tmp_path: Path) -> None:
    now = clock.now()
    common = {"station": "kep-nguon", "commune": "kep", "airing": "0" * 26, "started_at": now, "queued_at": now}
    with database(tmp_path) as store, store.writing() as session:
        session.add(SourceReportRow(**common, cluster="loa-1", tries=1, sent_at=now))
        session.add(SourceReportRow(**common, cluster="loa-2", tries=2, due_at=now + timedelta(minutes=2)))
    rows = json.loads(run("reported", "--json").stdout)
    assert [(row["cluster"], row["sent_at"] is None, row["tries"]) for row in rows] == [
        ("loa-2", True, 2), ("loa-1", False, 1),
    ]  # fmt: skip
    assert "loa-2" in run("reported", "--commune", "kep").stdout
