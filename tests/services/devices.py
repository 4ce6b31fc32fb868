"""Two communes with stations of loudspeakers that obey signed orders, and those loudspeakers."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from broadcaster.domain.place import Mode
from broadcaster.domain.roles import Actor, Grant, Role
from broadcaster.orders.device import DeviceKey, Hello, PlayReport, PlayState
from broadcaster.orders.health import Amplifier, Health, Heard
from broadcaster.orders.topics import Device
from broadcaster.services import enrolment
from broadcaster.store import journal
from broadcaster.store.engine import Store
from broadcaster.store.tables import StationRow
from tests.fixtures import NOW
from tests.store.rows import commune

OPERATOR = Actor("operator", "root", (Grant(Role.OPERATOR, commune="*"),))
KEP = Device("kep", "kep-01")
HEALTH = Health(NOW, "1.0.0", 80, Amplifier.ON, Heard.HEARD, 5000, 1, is_stopped=False, clock_offset_ms=12)
AIRING = "01KAR8Q0Z3V9T6M4N2P5S7W8XY"


def filled(store: Store) -> None:
    with store.writing() as session:
        session.add_all(commune(code) for code in ("kep", "my-thai"))
        session.flush()
        for code, at in (("kep-loa", "kep"), ("kep-loa-2", "kep"), ("my-thai-loa", "my-thai")):
            config = {"loudspeakers": [], "lead_s": 1800}
            session.add(StationRow(code=code, commune=at, connector="mqtt", mode=Mode.LIVE, config=config, zones=[]))


@dataclass
class Box:
    """A loudspeaker with its key and password, as it is in its box."""

    device: Device = KEP
    key: DeviceKey = field(default_factory=lambda: DeviceKey(Ed25519PrivateKey.generate()))
    password: str = ""

    def enroll(self, session: Session, code: str, now: datetime = NOW) -> None:
        self.password = enrolment.enroll(session, code, self.key.text, now).password

    def report(self, seq: int, **changes: Any) -> bytes:
        plain = PlayReport(self.device, seq, AIRING, 7, PlayState.STARTED, NOW)
        return self.key.signed(replace(plain, **changes))

    def hello(self, seq: int) -> bytes:
        return self.key.signed(Hello(self.device, seq, NOW, 1))


def added(session: Session, device: Device = KEP, station: str = "kep-loa", now: datetime = NOW) -> str:
    """The one-time code of a new loudspeaker."""
    return enrolment.add(session, device.commune, station, device.loudspeaker, now, actor=OPERATOR)


def enrolled(store: Store, device: Device = KEP, station: str = "kep-loa") -> Box:
    box = Box(device)
    with store.writing() as session:
        box.enroll(session, added(session, device, station))
    return box


def told(store: Store, subject: str = "kep-01") -> list[str]:
    """What was journalled of a loudspeaker."""
    with store.reading() as session:
        return [entry.action for entry in journal.entries_about(session, subject)]
