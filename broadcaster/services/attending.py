"""Attending to loudspeakers: what each says of itself, what is wrong with one, and since when.

Each trouble is opened once and cleared once; both are journalled, and so an alert of it comes once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from broadcaster.domain.loudspeaker import Trouble
from broadcaster.domain.roles import Actor
from broadcaster.orders.device import Amplifier, Health, Heard
from broadcaster.orders.memory import CLOCK_TOLERANCE
from broadcaster.orders.topics import Device
from broadcaster.store import journal
from broadcaster.store.device_tables import HealthEventRow, LoudspeakerRow
from broadcaster.store.journal import Action

UNSEEN = timedelta(seconds=100)
"""A loudspeaker that has said nothing for so long is offline, whatever its broker knows."""
LITTLE_MB = 50

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Change:
    """A trouble that was opened, or cleared, just now."""

    device: Device
    trouble: Trouble
    is_open: bool
    detail: str


OnChange = Callable[[Session, Change], None]


def seen(session: Session, device: Device, health: Health | None, now: datetime, actor: Actor) -> list[Change]:
    """Take in a loudspeaker's state, or that it is offline; what has become of its troubles by that.

    One that is not enrolled is nobody, and changes nothing.
    """
    row = session.get(LoudspeakerRow, (device.commune, device.loudspeaker), with_for_update=True)
    if row is None or row.public_key is None:
        return []
    if health is None:
        row.is_online, row.playing = False, None
        return _settle(session, device, {Trouble.OFFLINE: "offline"}, [Trouble.OFFLINE], now, actor)
    row.is_online, row.seen_at = True, now
    for name in _SHOWN:
        setattr(row, name, getattr(health, name))
    watched = [Trouble.OFFLINE, Trouble.AMPLIFIER, Trouble.SILENT, Trouble.CLOCK, Trouble.STORAGE]
    # Whether it is heard shows only while it plays: between two airings nothing is known anew.
    if health.sound is Heard.UNKNOWN:
        watched.remove(Trouble.SILENT)
    return _settle(session, device, _troubles(health, now), watched, now, actor)


def open_fault(
    session: Session, device: Device, trouble: Trouble, detail: str, now: datetime, actor: Actor
) -> list[Change]:
    """Something else has shown that this is wrong."""
    return _settle(session, device, {trouble: detail}, [trouble], now, actor)


def clear(session: Session, device: Device, trouble: Trouble, now: datetime, actor: Actor) -> list[Change]:
    return _settle(session, device, {}, [trouble], now, actor)


def unseen(session: Session, now: datetime, actor: Actor) -> list[Change]:
    """Take those for offline that have said nothing for too long."""
    silent = session.scalars(
        select(LoudspeakerRow).where(LoudspeakerRow.is_online, LoudspeakerRow.seen_at < now - UNSEEN)
    )
    return [change for row in silent.all() for change in seen(session, Device(row.commune, row.id), None, now, actor)]


def faults(session: Session, commune: str | None = None) -> list[HealthEventRow]:
    """What is wrong now, the oldest first, in one commune or in all."""
    query = select(HealthEventRow).where(HealthEventRow.cleared_at.is_(None)).order_by(HealthEventRow.opened_at)
    return list(session.scalars(query if commune is None else query.where(HealthEventRow.commune == commune)))


def history(session: Session, device: Device, limit: int = 50) -> list[HealthEventRow]:
    """What was wrong with a loudspeaker, the newest first."""
    query = select(HealthEventRow).where(
        HealthEventRow.commune == device.commune, HealthEventRow.loudspeaker == device.loudspeaker
    )
    return list(session.scalars(query.order_by(HealthEventRow.opened_at.desc()).limit(limit)))


def latched(session: Session) -> set[str]:
    """The stations of which a loudspeaker that is there says that a stop keeps it silent."""
    query = select(LoudspeakerRow.station).where(LoudspeakerRow.is_online, LoudspeakerRow.is_stopped).distinct()
    return set(session.scalars(query))


def forget(session: Session, before: datetime) -> int:
    """Drop what was cleared before then; returns how many."""
    dropped = delete(HealthEventRow).where(HealthEventRow.cleared_at < before).returning(HealthEventRow.id)
    return len(session.execute(dropped).all())


_SHOWN = (
    "version", "volume", "amplifier", "sound", "storage_free_mb", "keys_version", "is_stopped", "playing",
    "clock_offset_ms", "temperature_c", "signal_dbm",
)  # fmt: skip


def _troubles(health: Health, now: datetime) -> dict[Trouble, str]:
    """What is wrong by what a loudspeaker says, each with how much."""
    found = {}
    if health.amplifier is Amplifier.FAULT:
        found[Trouble.AMPLIFIER] = "fault"
    if health.sound is Heard.SILENT:
        found[Trouble.SILENT] = "silent"
    offset = (health.at - now) if health.clock_offset_ms is None else health.clock_offset_ms * _MILLISECOND
    if abs(offset) > CLOCK_TOLERANCE:
        found[Trouble.CLOCK] = f"{offset.total_seconds():+.0f} s"
    if health.storage_free_mb < LITTLE_MB:
        found[Trouble.STORAGE] = f"{health.storage_free_mb} MB"
    return found


def _settle(
    session: Session,
    device: Device,
    found: Mapping[Trouble, str],
    watched: Iterable[Trouble],
    now: datetime,
    actor: Actor,
) -> list[Change]:
    """Open what was found and is not open yet; clear what is open, watched, and was not found."""
    of_device = (
        HealthEventRow.commune == device.commune,
        HealthEventRow.loudspeaker == device.loudspeaker,
        HealthEventRow.cleared_at.is_(None),
    )
    known = set(session.scalars(select(HealthEventRow.trouble).where(*of_device)))
    changes = [Change(device, trouble, True, detail) for trouble, detail in found.items() if trouble not in known]
    changes += [Change(device, trouble, False, "") for trouble in watched if trouble in known and trouble not in found]
    for change in changes:
        if change.is_open:
            session.add(
                HealthEventRow(
                    commune=device.commune, loudspeaker=device.loudspeaker, trouble=change.trouble,
                    detail=change.detail, opened_at=now,
                )
            )  # fmt: skip
            session.flush()
        else:
            session.execute(
                update(HealthEventRow)
                .where(*of_device, HealthEventRow.trouble == change.trouble)
                .values(cleared_at=now)
            )
        _tell(session, change, now, actor)
    return changes


def _tell(session: Session, change: Change, now: datetime, actor: Actor) -> None:
    journal.append(
        session,
        chain=change.device.commune,
        action=Action.FAULT_OPENED if change.is_open else Action.FAULT_CLEARED,
        now=now,
        actor=actor,
        subject=change.device.user,
        data={"trouble": change.trouble} | ({"detail": change.detail} if change.detail else {}),
    )
