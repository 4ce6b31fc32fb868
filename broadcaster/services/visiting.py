"""What loudspeakers do at the server's door: enrol, follow keys, fetch clips, and report where they cannot hold MQTT.

Nothing here signs, because nothing here may read a private key: the worker acknowledges what was left (`Answering`),
and the loudspeaker is given that with its next visit.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.config import Config
from broadcaster.orders import hours, keyfolder
from broadcaster.orders.device import MAX_ACKNOWLEDGED
from broadcaster.orders.keyfolder import KeyFolderError
from broadcaster.orders.strict_json import moment, whole
from broadcaster.orders.topics import Device
from broadcaster.services import attending, enrolment, inbox, outbox
from broadcaster.services.acknowledging import Acknowledging
from broadcaster.store import communes as places
from broadcaster.store.device_tables import DoorVisitRow, LoudspeakerRow
from broadcaster.store.engine import Store
from broadcaster.store.tables import ClipRow, CommuneRow, StationRow

_MOST_BYTES = 1_000_000
"""Of orders in one answer; the next visit brings the rest."""
_TWICE = timedelta(minutes=2)
"""So far back orders are given again: an answer may be lost, and what came twice is answered, not played."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement, where the worker has one ready, and orders."""

    ack: bytes | None
    orders: Sequence[bytes]


def enrol(session: Session, keys: Path, config: Config, code: str, public: str, now: datetime) -> dict[str, object]:
    """Use up a one-time code; what the loudspeaker is told. Raises EnrolmentError, MalformedError, KeyFolderError."""
    enrolled = enrolment.enroll(session, code, public, now)
    commune = session.get_one(CommuneRow, enrolled.device.commune)
    station = session.get_one(StationRow, enrolled.station)
    quiet = hours.of_commune(places.timetable(commune, config.timetable.quiet_hours))
    return {
        "v": 1,
        "at": moment(whole(now)),
        "commune": commune.code,
        "loudspeaker": enrolled.device.loudspeaker,
        "station": station.code,
        "mode": station.mode,
        **quiet.as_fields(),
        "held": int(enrolment.held(station).total_seconds()),
        "password": enrolled.password,
        "mqtt": {
            "host": config.broker.told_host,
            "port": config.broker.told_port,
            "tls": config.broker.public_tls,
        },
        "keys": json.loads(keyfolder.document(keys, commune.code)),
    }


def next_keys(keys: Path, commune: str, version: int) -> bytes | None:
    """The `keys.json` that follows on a version; None where that is the newest. Raises KeyFolderError."""
    try:
        return keyfolder.document(keys, commune, version + 1)
    except KeyFolderError:
        newest = keyfolder.newest_version(keys, commune)
        if version < newest:  # it pinned something that never was, or whose follower is gone
            return keyfolder.document(keys, commune)
        return None


def clip(session: Session, device: Device, sha256: str, now: datetime) -> ClipRow | None:
    """A clip that this loudspeaker was ordered to play; None for any other, whether there is such a one or not."""
    if not outbox.is_ordered(session, device, sha256, now):
        return None
    return session.scalars(select(ClipRow).where(ClipRow.sha256 == sha256).limit(1)).first()


def report(session: Session, device: Device, messages: Sequence[bytes], now: datetime) -> Answer:
    """Keep what a loudspeaker says, and what it is told: all that is good for one that says hello, else what is new."""
    received = inbox.receive(session, device, messages, now)
    attending.visited(session, device, now)
    row = session.get(DoorVisitRow, (device.commune, device.loudspeaker), with_for_update=True)
    if row is None:
        row = DoorVisitRow(commune=device.commune, loudspeaker=device.loudspeaker, at=now)
        session.add(row)
    since = None if received.hellos else row.at - _TWICE
    waiting = dict.fromkeys([*(row.unacknowledged or ()), *received.ack_seqs])
    row.unacknowledged = list(waiting)[-MAX_ACKNOWLEDGED:] or None  # what falls out is said, and kept, once more
    row.at, ack, row.ack = now, row.ack, None
    return Answer(ack, _that_fit(outbox.valid_for(session, device, now, kept_since=since)))


def _that_fit(orders: Sequence[bytes]) -> list[bytes]:
    found, size = [], 0
    for envelope in orders:
        size += len(envelope)
        if size > _MOST_BYTES:
            break
        found.append(envelope)
    return found


@dataclass(frozen=True, slots=True)
class Answering:
    """The worker's part: sign for what loudspeakers have left at the door."""

    store: Store
    acknowledging: Acknowledging

    def run(self, now: datetime) -> None:
        """Raises StoreError."""
        waiting = select(DoorVisitRow).where(DoorVisitRow.unacknowledged.is_not(None))
        with self.store.reading() as session:
            if session.scalars(waiting.limit(1)).first() is None:
                return
        with self.store.writing() as session:
            for row in session.scalars(waiting.with_for_update()):
                self._answer(session, row, now)

    def _answer(self, session: Session, row: DoorVisitRow, now: datetime) -> None:
        device = Device(row.commune, row.loudspeaker)
        if session.get(LoudspeakerRow, (row.commune, row.loudspeaker)) is None:
            session.delete(row)
            return
        # Never more than fit one; without a key it is left again, and acknowledged once there is one.
        row.ack = next(iter(self.acknowledging.signed(session, device, row.unacknowledged or (), now)), row.ack)
        row.unacknowledged = None
