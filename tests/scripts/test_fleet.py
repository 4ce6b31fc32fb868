"""`scripts/fleet`: loudspeakers enrolled at once, spread over stations and processes, with faults to choose."""

import json
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from broadcaster import application, clock, config, strict_yaml
from broadcaster.application import Application
from broadcaster.broker import mosquitto
from broadcaster.domain.loudspeaker import MAX_PER_STATION
from broadcaster.orders import topics
from broadcaster.player import identity
from broadcaster.services import enrolment
from broadcaster.services.exchange import Exchange
from broadcaster.services.importing import import_all
from broadcaster.store import schema
from loudspeakers import __main__ as command
from loudspeakers.enrolling import NoRoomError, enrolled
from loudspeakers.processes import Processes
from tests.fakes.mosquitto import Mosquitto, free_port

PATIENCE_S = 60.0
COMMUNES = ("kep", "may")


@pytest.fixture
def built(tmp_path: Path) -> Any:
    chosen = {"data_folder": str(tmp_path / "data"), "broker": {"embedded": False, "port": free_port()}}
    (tmp_path / config.FILE_NAME).write_text(json.dumps(chosen), encoding="utf-8")
    made = application.build(config.load(tmp_path, {}))
    schema.upgrade(made.store, made.backups, clock.now())
    yield made
    made.close()


def with_stations(built: Application) -> None:
    office = {
        "communes": [
            {"code": code, "name": code, "kind": "xã", "province": "Bắc Ninh", "timezone": "Asia/Ho_Chi_Minh"}
            for code in COMMUNES
        ],
        "stations": [
            {"code": f"{code}-loa", "commune": code, "connector": "mqtt", "mode": "live", "config": {}}
            for code in COMMUNES
        ],
    }
    document = strict_yaml.parse(json.dumps(office), "office").validate(Exchange)
    import_all(built.store, [document], None, "root", clock.now())


def test_they_are_spread_over_the_stations_and_found_again(built: Application) -> None:
    with_stations(built)
    first = enrolled(built, 3, clock.now())
    assert [path.name for path in first] == ["kep.ao-0001", "may.ao-0002", "kep.ao-0003"]
    again = enrolled(built, 4, clock.now())
    assert set(first) < set(again)
    assert {identity.load(path).station for path in again} == {"kep-loa", "may-loa"}


def test_without_a_station_or_room_for_them_none_is_added(built: Application) -> None:
    with pytest.raises(NoRoomError, match="No station"):
        enrolled(built, 1, clock.now())
    with_stations(built)
    with pytest.raises(NoRoomError, match="room for 128"):
        enrolled(built, 2 * MAX_PER_STATION + 1, clock.now())
    with built.store.reading() as session:
        assert enrolment.credentials(session) == {}


def test_faults_are_shared_out_and_some_are_everybodys() -> None:
    options = command._options(["--folder", "x", "--offline", "2", "--silent", "1", "--duplicates", "all"])
    lines = command._faults(options, [f"kep.loa-{number}" for number in range(9)])
    assert [line.split()[0] for line in lines] == ["offline", "offline", "silent", "duplicates"]
    assert lines[-1] == "duplicates all"
    assert len({line.split()[1] for line in lines}) == 4


def test_two_processes_are_spoken_with_as_one(built: Application, tmp_path: Path) -> None:
    with_stations(built)
    folders = enrolled(built, 3, clock.now())
    devices = {device: path for path in folders if (device := topics.device(path.name)) is not None}
    with built.store.reading() as session:
        hashes = enrolment.credentials(session)
    port = built.config.broker.port
    passwords = {device: hashes[device.user] for device in devices}
    mosquitto.write(tmp_path / "broker", "of-the-server", passwords, host="127.0.0.1", port=port)
    broker = Mosquitto(tmp_path / "broker", port=port)
    happened: list[tuple[str, str]] = []
    changed = threading.Condition()

    def hear(event: dict[str, Any]) -> None:
        with changed:
            happened.append((event["event"], str(event.get("loudspeaker", event.get("line")))))
            changed.notify_all()

    def until(*wanted: tuple[str, str]) -> None:
        with changed:
            assert changed.wait_for(lambda: set(wanted) <= set(happened), PATIENCE_S), happened

    processes = Processes(folders, tmp_path / "clips", 2, hear, faults=["offline may.ao-0002"])
    with closing(processes):
        assert processes.until_ready(PATIENCE_S), processes.failure
        until(("online", "kep.ao-0001"), ("online", "kep.ao-0003"), ("obeyed", "offline may.ao-0002"))
        processes.say("normal may.ao-0002")
        processes.say("offline kep.ao-0003")
        processes.say("explode kep.ao-0003")
        until(("online", "may.ao-0002"), ("offline", "kep.ao-0003"), ("refused", "explode kep.ao-0003"))
    broker.stop()
