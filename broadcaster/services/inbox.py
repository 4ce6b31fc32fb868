"""The inbox: what loudspeakers have signed, verified and stored once, whichever way it came; only then acknowledged."""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from broadcaster.errors import BroadcasterError
from broadcaster.orders.device import Hello, PlayReport, public_key, read_message
from broadcaster.orders.topics import Device
from broadcaster.store.device_tables import DeviceMessageRow, LoudspeakerRow

log = logging.getLogger(__name__)

MOST_UNTAKEN = 4096
"""Of one loudspeaker. More than a week of reports: beyond that it must wait, and keeps them itself."""


@dataclass(slots=True)
class Received:
    """What came of some messages: the numbers that are stored and may be acknowledged, and what was not accepted."""

    acknowledged: list[int] = field(default_factory=list)
    hellos: list[Hello] = field(default_factory=list)
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """A stored report that nobody has acted on yet, with the station to which its loudspeaker belongs."""

    id: int
    station: str
    report: PlayReport


def receive(session: Session, device: Device, envelopes: Iterable[bytes], now: datetime) -> Received:
    """Verify and store what a loudspeaker has sent. What it did not sign is counted, and not acknowledged."""
    found = Received()
    row = session.get(LoudspeakerRow, (device.commune, device.loudspeaker))
    if row is None or row.public_key is None:
        found.refused = len(list(envelopes))
        return found
    untaken = func.count(DeviceMessageRow.id)
    room = MOST_UNTAKEN - (session.scalar(select(untaken).where(_of(device), _UNTAKEN)) or 0)
    key = public_key(row.public_key)
    for envelope in envelopes:
        try:
            message = read_message(envelope, device, key)
        except BroadcasterError as error:
            found.refused += 1
            log.warning(
                "A message of %s was refused.", device.user,
                extra={"action": "report_refused", "loudspeaker": device.user, "error": str(error)},
            )  # fmt: skip
            continue
        if isinstance(message, Hello):
            found.hellos.append(message)
        elif room > 0:
            room -= _store(session, message, envelope, key, now)
        else:
            continue  # not acknowledged: it keeps it and sends it again
        found.acknowledged.append(message.seq)
    return found


def untaken(session: Session, limit: int = 500) -> list[Message]:
    """Reports to act on, those of one loudspeaker in the order in which it made them."""
    query = (
        select(DeviceMessageRow, LoudspeakerRow)
        .join(
            LoudspeakerRow,
            (LoudspeakerRow.commune == DeviceMessageRow.commune) & (LoudspeakerRow.id == DeviceMessageRow.loudspeaker),
        )
        .where(_UNTAKEN)
        .order_by(DeviceMessageRow.id)
        .limit(limit)
    )
    found = []
    for row, loudspeaker in session.execute(query):
        message = _read(row, loudspeaker)
        if message is None:  # signed by the key before this one, and enrolled anew since
            row.taken_at = row.received_at
        else:
            found.append(Message(row.id, loudspeaker.station, message))
    return sorted(found, key=lambda each: each.report.seq)


def take(session: Session, ids: Sequence[int], now: datetime) -> None:
    """These were acted on."""
    session.execute(update(DeviceMessageRow).where(DeviceMessageRow.id.in_(ids)).values(taken_at=now))


def of_airing(session: Session, airing: str) -> list[DeviceMessageRow]:
    """The signed reports on an airing: its evidence."""
    query = select(DeviceMessageRow).where(DeviceMessageRow.airing == airing).order_by(DeviceMessageRow.id)
    return list(session.scalars(query))


def forget(session: Session, before: datetime) -> int:
    """Drop what was acted on before then; returns how many."""
    dropped = delete(DeviceMessageRow).where(DeviceMessageRow.taken_at < before).returning(DeviceMessageRow.id)
    return len(session.execute(dropped).all())


_UNTAKEN = DeviceMessageRow.taken_at.is_(None)


def _of(device: Device) -> ColumnElement[bool]:
    return (DeviceMessageRow.commune == device.commune) & (DeviceMessageRow.loudspeaker == device.loudspeaker)


def _store(session: Session, message: PlayReport, envelope: bytes, key: bytes, now: datetime) -> int:
    """Store a report unless it was stored already; how many rows that were."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(DeviceMessageRow)
        .values(
            commune=message.device.commune,
            loudspeaker=message.device.loudspeaker,
            key_sha256=hashlib.sha256(key).hexdigest(),
            seq=message.seq,
            airing=message.airing,
            envelope=envelope,
            received_at=now,
        )
        .on_conflict_do_nothing()
        .returning(DeviceMessageRow.id)
    )
    return len(session.execute(statement).all())


def _read(row: DeviceMessageRow, loudspeaker: LoudspeakerRow) -> PlayReport | None:
    try:
        key = public_key(loudspeaker.public_key or "")
        found = read_message(row.envelope, Device(row.commune, row.loudspeaker), key)
    except BroadcasterError:
        return None
    return found if isinstance(found, PlayReport) else None
