"""Kép with a station to which nothing leads but a stick, and its loudspeaker."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from broadcaster.domain.roles import Actor, Grant, Role
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import keyfolder, payload
from broadcaster.orders.payload import Payload
from broadcaster.services import enrolment
from broadcaster.services.packing import Packed, Packing
from broadcaster.store import plays
from broadcaster.store.play_tables import PlayRow
from tests.fakes.stick_box import StickBox
from tests.fixtures import NOW
from tests.services.world import World, here

DUE = here("17:00")
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
OPERATOR = Actor("operator", "root", (Grant(Role.OPERATOR, "kep", None),))
ADMINISTRATOR = Actor("administrator", "root", (Grant(Role.ADMINISTRATOR, "*", None),))


@dataclass
class Carried:
    """`outgoing` is the station's folder on the server, `mount` where the stick is, here and there."""

    world: World
    outgoing: Path
    mount: Path
    box: StickBox

    @property
    def receipts(self) -> Path:
        return self.mount / "receipts"

    def pack(self, now: datetime = NOW, days: int = 7, actor: Actor = OPERATOR) -> Packed:
        return Packing(self.world.hand_over, self.world.keys).pack("kep-loa", self.mount, days, actor, now)

    def plays(self, airing: str) -> list[PlayRow]:
        with self.world.store.reading() as session:
            return plays.of_airing(session, airing)


@contextmanager
def carried_in(world: World, folder: Path, **config: object) -> Iterator[Carried]:
    mount = folder / "usb"
    mount.mkdir()
    values = {"folder": str(folder / "out"), "lead_s": 3600, "signed": True, "receipts": str(mount / "receipts")}
    values |= {"loudspeakers": []} | config
    entry = json.dumps({"code": "kep-loa", "commune": "kep", "connector": "folder", "mode": "test", "config": values})
    world.bring(f"stations: [{entry}]")
    keyfolder.make(world.keys, "kep", NOW)
    world.approved()
    world.schedule()
    world.plan()
    length = world.today().ends_at - world.today().due_at
    box = StickBox(folder / "box", mount, NOW, keyfolder.document(world.keys, "kep"), length)
    with world.store.writing() as session:
        code = enrolment.add(session, "kep", "kep-loa", "kep-01", NOW, actor=ADMINISTRATOR)
        enrolment.enroll(session, code, box.key.text, NOW)
    yield Carried(world, folder / "out", mount, box)


def names(folder: Path, suffix: str = "") -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(suffix))


def orders(folder: Path) -> list[Payload]:
    """What was signed, as it lies in a folder and below, by number."""
    limit = envelopes.ORDER_LIMIT_BYTES
    found = [
        payload.parse(envelopes.unverified_payload(path.read_bytes(), limit_bytes=limit))
        for path in folder.rglob("*.order.json")
    ]
    return sorted(found, key=lambda order: order.seq)
