"""What loudspeakers say, kept before it is acknowledged: each message once, however often it comes.

A message is believed by its signature alone; which way it came does not matter. A loudspeaker keeps what was not
acknowledged and sends it again, so what has no room now is not lost.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from broadcaster.domain.loudspeaker import MessageKind
from broadcaster.errors import BroadcasterError
from broadcaster.orders import device as devices
from broadcaster.orders.device import Hello, PlayReport
from broadcaster.orders.topics import Device
from broadcaster.store.device_tables import DeviceMessageRow, LoudspeakerRow
from broadcaster.store.engine import changed_rows, is_added

log = logging.getLogger(__name__)

MAX_UNTAKEN = 1000
"""Reports of one loudspeaker that wait for a worker; a day of 15 airings has 60."""
MAX_KEPT = 3000
"""Messages of one loudspeaker in all: beyond, the oldest that were taken go, and could be taken once more."""


@dataclass(frozen=True, slots=True)
class Received:
    """What came of some messages.

    `ack_seqs` are kept now or were already. `hellos` are to be answered, each time that they come; `reports` are those
    that are new. `refused` counts what nobody believes, `put_off` what has no room until older ones were taken.
    """

    ack_seqs: tuple[int, ...] = ()
    hellos: tuple[Hello, ...] = ()
    reports: tuple[PlayReport, ...] = ()
    refused: int = 0
    put_off: int = 0


def receive(session: Session, device: Device, envelopes: Sequence[bytes], now: datetime) -> Received:
    """Keep what this loudspeaker has signed; `device` is who logged in. Refuses without raising."""
    row = session.get(LoudspeakerRow, (device.commune, device.loudspeaker))
    if row is None or row.public_key is None:
        _complain(device, len(envelopes), "It has not enrolled.")
        return Received(refused=len(envelopes))
    messages, error = _believed(device, row.public_key, envelopes)
    refused = len(envelopes) - len(messages)
    if refused:
        _complain(device, refused, error)
    room = MAX_UNTAKEN - _count(session, device, is_untaken=True)
    acknowledged: list[int] = []
    reports: list[PlayReport] = []
    put_off = 0
    for message, envelope in messages:
        is_new = _keep(session, message, envelope, row.public_key, now, has_room=room > 0)
        if is_new is None:
            put_off += 1
            continue
        acknowledged.append(message.seq)
        if is_new and isinstance(message, PlayReport):
            reports.append(message)
            room -= 1
    if put_off:
        log.warning(
            "Reports of a loudspeaker wait: it has too many that nobody took yet.",
            extra={"action": "messages_put_off", "loudspeaker": device.user, "count": put_off},
        )
    _make_room(session, device)
    hellos = tuple(message for message, _ in messages if isinstance(message, Hello))
    return Received(tuple(dict.fromkeys(acknowledged)), hellos, tuple(reports), refused, put_off)


def untaken(session: Session, limit: int) -> list[DeviceMessageRow]:
    """Reports that nobody has acted on yet, in the order in which they came."""
    query = select(DeviceMessageRow).where(DeviceMessageRow.taken_at.is_(None))
    return list(session.scalars(query.order_by(DeviceMessageRow.id).limit(limit)))


def message(row: DeviceMessageRow) -> PlayReport | Hello:
    """What was said, verified anew: what lies in the database is believed no more than what comes over the network."""
    sender = Device(row.commune, row.loudspeaker)
    return devices.read_message(row.envelope, sender, devices.public_key(row.public_key))


def taken(session: Session, rows: Sequence[DeviceMessageRow], now: datetime) -> int:
    """Note that these were acted on; how many of them nobody had noted before."""
    these = update(DeviceMessageRow).where(
        DeviceMessageRow.id.in_([row.id for row in rows]), DeviceMessageRow.taken_at.is_(None)
    )
    return changed_rows(session, these.values(taken_at=now)) if rows else 0


def about(session: Session, airing: str) -> list[DeviceMessageRow]:
    """What loudspeakers said of an airing, as far as it is still kept, in the order in which it came."""
    query = select(DeviceMessageRow).where(DeviceMessageRow.airing == airing)
    return list(session.scalars(query.order_by(DeviceMessageRow.id)))


def newest(session: Session, device: Device, public_key: str, limit: int) -> list[int]:
    """The numbers of the last messages that are kept of a loudspeaker with this key, in order."""
    query = select(DeviceMessageRow.seq).where(*_of(device), DeviceMessageRow.public_key == public_key)
    return sorted(session.scalars(query.order_by(DeviceMessageRow.seq.desc()).limit(limit)))


def forget(session: Session, before: datetime) -> None:
    """Drop what was taken before a moment."""
    session.execute(delete(DeviceMessageRow).where(DeviceMessageRow.taken_at < before))


def _believed(
    device: Device, public_key: str, envelopes: Sequence[bytes]
) -> tuple[list[tuple[PlayReport | Hello, bytes]], str]:
    """What this key has signed for this loudspeaker, and why the last of the others is not believed."""
    key = devices.public_key(public_key)
    found: list[tuple[PlayReport | Hello, bytes]] = []
    why = ""
    for envelope in envelopes:
        try:
            found.append((devices.read_message(envelope, device, key), envelope))
        except BroadcasterError as error:
            why = str(error)
    return found, why


def _keep(
    session: Session, message: PlayReport | Hello, envelope: bytes, public_key: str, now: datetime, *, has_room: bool
) -> bool | None:
    """Whether it is new; None where there is no room for it. A hello is answered at once, and never waits."""
    is_report = isinstance(message, PlayReport)
    if is_report and not has_room:
        return False if _is_kept(session, message, public_key) else None
    values = {
        "commune": message.device.commune,
        "loudspeaker": message.device.loudspeaker,
        "public_key": public_key,
        "seq": message.seq,
        "kind": MessageKind.REPORT if is_report else MessageKind.HELLO,
        "envelope": envelope,
        "airing": message.airing if isinstance(message, PlayReport) else None,
        "received_at": now,
        "taken_at": None if is_report else now,
    }
    return is_added(session, DeviceMessageRow, values)


def _is_kept(session: Session, message: PlayReport | Hello, public_key: str) -> bool:
    same = select(DeviceMessageRow.id).filter_by(
        commune=message.device.commune, loudspeaker=message.device.loudspeaker, public_key=public_key, seq=message.seq
    )
    return session.scalar(same) is not None


def _count(session: Session, device: Device, *, is_untaken: bool) -> int:
    query = select(func.count()).where(*_of(device))
    return session.scalar(query.where(DeviceMessageRow.taken_at.is_(None)) if is_untaken else query) or 0


def _make_room(session: Session, device: Device) -> None:
    too_many = _count(session, device, is_untaken=False) - MAX_KEPT
    if too_many <= 0:
        return
    oldest = select(DeviceMessageRow.id).where(*_of(device), DeviceMessageRow.taken_at.is_not(None))
    gone = list(session.scalars(oldest.order_by(DeviceMessageRow.id).limit(too_many)))
    session.execute(delete(DeviceMessageRow).where(DeviceMessageRow.id.in_(gone)))


def _of(device: Device) -> tuple[ColumnElement[bool], ...]:
    return (DeviceMessageRow.commune == device.commune, DeviceMessageRow.loudspeaker == device.loudspeaker)


def _complain(device: Device, count: int, why: str) -> None:
    log.warning(
        "Messages of a loudspeaker are not believed.",
        extra={"action": "messages_refused", "loudspeaker": device.user, "count": count, "error": why},
    )
