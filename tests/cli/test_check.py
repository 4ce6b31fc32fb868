"""`check` tells what works and what does not, this computer included, and its exit code says whether anything fails."""

import json
import os
from pathlib import Path

import pytest

from broadcaster.domain.place import Mode
from broadcaster.store.tables import CommuneRow, StationRow
from tests.cli.programs import database, ran


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with tools that say: never asleep, clock not set."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, says in {"systemctl": "masked", "timedatectl": "no", "pmset": " sleep 0", "chronyc": ""}.items():
        (tools / name).write_text(f"#!/bin/sh\necho '{says}'\n", encoding="ascii")
        (tools / name).chmod(0o755)
    return os.pathsep.join([str(tools), os.environ["PATH"]])


def test_without_a_database_it_fails_and_says_how_to_make_one(tmp_path: Path) -> None:
    checked = ran(tmp_path, "check")
    assert checked.returncode == 1
    line = checked.stdout.splitlines()[0]
    assert line.startswith("failing")
    assert "database" in line
    assert "broadcaster serve" in line
    assert "broadcaster db upgrade" in line
    assert checked.stderr == ""


def test_warnings_about_the_computer_alone_are_no_failure(tmp_path: Path, path: str) -> None:
    with database(tmp_path):
        checked = ran(tmp_path, "check", "--json", PATH=path)
    assert checked.returncode == 0
    found = {line["component"]: line for line in json.loads(checked.stdout)}
    assert found["database"] == {"component": "database", "state": "ready", "fault": None}
    assert found["voice espeak/vi"]["state"] == "ready"
    assert found["voice gtts/vi"]["state"] == "disabled"
    assert found["computer sleep"]["state"] == "ready"
    assert found["computer clock"]["state"] == "warning"
    assert "timedatectl" in found["computer clock"]["fault"]


def test_a_station_that_cannot_be_used_is_misconfigured(tmp_path: Path, path: str) -> None:
    with database(tmp_path) as store, store.writing() as session:
        session.add(
            CommuneRow(
                code="kep",
                name="Kép",
                kind="xã",
                province="Bắc Ninh",
                timezone="Asia/Ho_Chi_Minh",
                zones=[],
                timetable={},
            )
        )
        session.flush()
        session.add(StationRow(code="kep-loa", commune="kep", connector="pigeon", mode=Mode.TEST, config={}))
    checked = ran(tmp_path, "check", PATH=path)
    assert checked.returncode == 1
    [line] = [line for line in checked.stdout.splitlines() if "kep-loa" in line]
    assert line.startswith("misconfigured")
    assert "unknown connector pigeon" in line


def commune(code: str, country: str) -> CommuneRow:
    return CommuneRow(
        code=code, name=code, kind="xã", province="", timezone="Asia/Ho_Chi_Minh", zones=[],
        timetable={"holidays": {"country": country}},
    )  # fmt: skip


def test_the_holidays_of_each_country_are_tried(tmp_path: Path, path: str) -> None:
    with database(tmp_path) as store, store.writing() as session:
        session.add_all([commune("kep", "VN"), commune("my-thai", "VN"), commune("xa", "XX")])
    checked = ran(tmp_path, "check", "--json", PATH=path)
    found = {line["component"]: line for line in json.loads(checked.stdout) if "holidays" in line["component"]}
    assert found["holidays VN"] == {"component": "holidays VN", "state": "ready", "fault": None}
    assert found["holidays XX"]["state"] == "failing"
    assert "The holidays of XX cannot be found" in found["holidays XX"]["fault"]
    assert (len(found), checked.returncode) == (2, 1)


def test_a_damaged_database_fails_and_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "broadcaster.db").write_bytes(b"no database" * 1000)
    checked = ran(tmp_path, "check", PATH=path)
    assert checked.returncode == 1
    assert "cannot be used" in checked.stdout.splitlines()[0]
    assert "Traceback" not in checked.stderr
