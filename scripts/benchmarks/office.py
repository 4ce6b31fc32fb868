"""An office that speaks with a thousand loudspeakers: a database, an approved bulletin, a real worker and broker."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.mosquitto import Mosquitto, free_port
from benchmarks.village import require, scratch
from broadcaster import application, clock, config, strict_yaml
from broadcaster.application import Application
from broadcaster.broker import mosquitto
from broadcaster.broker.secret import server_password
from broadcaster.connectors.mqtt_link import BrokerAddress
from broadcaster.domain.roles import Actor
from broadcaster.orders import topics
from broadcaster.orders.topics import Device
from broadcaster.services import approvals, enrolment
from broadcaster.services.exchange import Exchange
from broadcaster.services.importing import import_all
from broadcaster.store import communes as places
from broadcaster.store import schema
from loudspeakers.enrolling import enrolled

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
BULLETIN = "khan-cap"
SOURCE = "Ủy ban nhân dân"
SENTENCE = "Nước sông đang lên nhanh, bà con ở vùng thấp cần di chuyển ngay đến nơi an toàn theo hướng dẫn của xã. "


@dataclass(frozen=True, slots=True)
class Office:
    """`folders` are those of the enrolled loudspeakers; `names` are the communes' names, as a person types them."""

    built: Application
    communes: tuple[str, ...]
    names: tuple[str, ...]
    folders: tuple[Path, ...]
    devices: tuple[Device, ...]
    broker: BrokerAddress
    clips: Path

    def person(self, code: str) -> Actor:
        with self.built.store.reading() as session:
            return places.actor(session, code, application.os_user())


@contextmanager
def office(communes: int, loudspeakers: int, *, priority: str = "emergency", **station: object) -> Iterator[Office]:
    """So many loudspeakers, enrolled in so many communes of one station each, and an approved bulletin for all.

    `station` is what stands in the stations' configuration besides. Now is not in anybody's quiet hours.
    """
    executable = require()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        boxes = stack.enter_context(scratch())
        port, door = free_port(), free_port()
        built = application.build(_settings(folder, port, door))
        stack.callback(built.close)
        schema.upgrade(built.store, built.backups, clock.now())
        codes = tuple(f"xa-{number:02d}" for number in range(communes))
        names = tuple(f"Xã số {number}" for number in range(communes))
        _import(built, codes, names, priority, station)
        _approve(built)
        folders = tuple(enrolled(built, loudspeakers, clock.now(), boxes / "loudspeakers"))
        found = [topics.device(path.name) for path in folders]
        devices = tuple(device for device in found if device is not None)
        password = server_password(built.config.data_folder)
        with built.store.reading() as session:
            hashes = enrolment.credentials(session)
        mosquitto.write(
            folder / "broker", password, {each: hashes[each.user] for each in devices}, host="127.0.0.1", port=port
        )
        stack.callback(Mosquitto(executable, folder / "broker", port=port).stop)
        address = BrokerAddress("127.0.0.1", port, None, "server", password)
        yield Office(built, codes, names, folders, devices, address, boxes / "clips")


@contextmanager
def program(found: Office, name: str) -> Iterator[None]:
    """`broadcaster worker` or `broadcaster door`, in a process of its own, up and running."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(config.ENVIRONMENT_PREFIX)}
    folder = found.built.config.data_folder.parent
    with subprocess.Popen(
        [sys.executable, "-m", "broadcaster", name], cwd=folder, env=plain, text=True, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError(f"The {name} did not start.")
            yield
        finally:
            process.terminate()
            process.communicate()


def _settings(folder: Path, port: int, door: int) -> config.Config:
    chosen = {
        "data_folder": str(folder / "data"),
        "speech": {"voices": {"vi": ["espeak/vi"]}, "gtts": {"enabled": False}},
        "broker": {"embedded": False, "port": port},
        "door": {"port": door},
    }
    (folder / config.FILE_NAME).write_text(json.dumps(chosen), encoding="utf-8")
    return config.load(folder, {})


def _import(
    built: Application, codes: tuple[str, ...], names: tuple[str, ...], priority: str, station: Mapping[str, object]
) -> None:
    far = clock.now().astimezone(ZONE) + timedelta(hours=12)
    quiet = {"start": f"{far:%H:%M}", "end": f"{far + timedelta(minutes=1):%H:%M}"}
    communes = [
        {"code": code, "name": name, "kind": "xã", "timezone": ZONE.key, "quiet_hours": quiet}
        for code, name in zip(codes, names, strict=True)
    ]
    stations = [
        {"code": f"{code}-loa", "commune": code, "connector": "mqtt", "mode": "live", "config": dict(station)}
        for code in codes
    ]
    people = [
        {"code": "writer", "roles": [{"role": "writer", "source": SOURCE}, {"role": "writer", "commune": "*"}]},
        {"code": "approver", "roles": [{"role": "approver", "commune": "*"}]},
        {"code": "operator", "roles": [{"role": "operator", "commune": "*"}]},
    ]
    bulletin = {
        "id": BULLETIN, "title": "Lũ về", "source": SOURCE, "text": SENTENCE * 10, "priority": priority,
        "language": "vi",
    }  # fmt: skip
    office = {"communes": communes, "stations": stations, "people": people}
    for content in (office, {"bulletins": [bulletin]}):
        document = strict_yaml.parse(json.dumps(content), "office").validate(Exchange)
        import_all(built.store, [document], "writer" if "bulletins" in content else None, "root", clock.now())


def _approve(built: Application) -> None:
    with built.store.reading() as session:
        writer = places.actor(session, "writer", "root")
        approver = places.actor(session, "approver", "root")
    built.desk.submit(BULLETIN, writer, clock.now())
    built.desk.render(BULLETIN, writer, clock.now())
    approvals.approve(built.store, BULLETIN, approver, clock.now())
