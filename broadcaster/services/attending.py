"""How loudspeakers are: who is there, what is wrong with which, and since when.

A fault is opened once and cleared once, decided by a constraint and a conditional UPDATE, and both are journalled.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from broadcaster.domain.alert import AlertKind
from broadcaster.domain.loudspeaker import (
    ENOUGH_STORAGE_MB,
    FARTHEST_CLOCK_MS,
    LOW_STORAGE_MB,
    UNSEEN_AFTER,
    Presence,
    Trouble,
)
from broadcaster.domain.roles import Actor
from broadcaster.orders.health import Amplifier, Health, Heard, read_state
from broadcaster.orders.topics import Device
from broadcaster.services import alerts
from broadcaster.store import journal
from broadcaster.store.device_tables import HealthEventRow, LoudspeakerRow
from broadcaster.store.engine import changed_rows, is_added
from broadcaster.store.journal import Action

PROGRAM = Actor(None, "")
"""Who acts where no person does."""


@dataclass(frozen=True, slots=True)
class LoudspeakerLine:
    """One loudspeaker, for the list. `health` is what it said last, also where it is offline since."""

    device: Device
    station: str
    presence: Presence
    seen_at: datetime | None
    health: Health | None
    troubles: tuple[Trouble, ...]


def seen(
    session: Session, device: Device, health: Health | None, now: datetime, *, actor: Actor = PROGRAM
) -> tuple[Trouble, ...]:
    """Note what a loudspeaker, or for one that died its broker, said on its `state`: None means offline.

    Returns the faults that this opened. What an unknown loudspeaker says is nobody's.
    """
    row = session.get(LoudspeakerRow, (device.commune, device.loudspeaker), with_for_update=True)
    if row is None or row.enrolled_at is None:
        return ()
    row.is_online, row.presence_at = health is not None, now
    if health is not None:
        row.seen_at, row.health = now, json.loads(health.as_bytes())
    session.flush()
    known = set(session.scalars(select(HealthEventRow.trouble).where(*_is_open(device))))
    opened = []
    for trouble, detail in _found(health):
        if detail is None and trouble in known:
            clear(session, device, trouble, now, actor=actor)
        elif detail is not None and open_fault(session, device, trouble, detail, now, actor=actor):
            opened.append(trouble)
    return tuple(opened)


def visited(session: Session, device: Device, now: datetime) -> None:
    """Note that a loudspeaker was there without saying how it is: at the door it only reports."""
    row = session.get(LoudspeakerRow, (device.commune, device.loudspeaker), with_for_update=True)
    if row is None or row.enrolled_at is None:
        return
    row.is_online, row.presence_at, row.seen_at = True, now, now
    session.flush()
    clear(session, device, Trouble.OFFLINE, now)


def open_fault(
    session: Session, device: Device, trouble: Trouble, detail: str, now: datetime, *, actor: Actor = PROGRAM
) -> bool:
    """Whether this is news: a fault that is open already stays as it is."""
    values = {
        "commune": device.commune, "loudspeaker": device.loudspeaker, "trouble": trouble, "opened_at": now,
        "detail": detail,
    }  # fmt: skip
    if not is_added(session, HealthEventRow, values):
        return False
    tell(session, Action.LOUDSPEAKER_FAULTY, device, actor, now, trouble=trouble, detail=detail)
    alerts.raise_alert(
        session, _kind(trouble), device.commune, device.loudspeaker, now, loudspeaker=device.loudspeaker
    )  # fmt: skip
    return True


def clear(session: Session, device: Device, trouble: Trouble, now: datetime, *, actor: Actor = PROGRAM) -> bool:
    """Whether there was such a fault that is gone now."""
    of_it = update(HealthEventRow).where(*_is_open(device), HealthEventRow.trouble == trouble)
    if changed_rows(session, of_it.values(cleared_at=now)) == 0:
        return False
    tell(session, Action.LOUDSPEAKER_MENDED, device, actor, now, trouble=trouble)
    alerts.clear_alert(session, _kind(trouble), device.commune, device.loudspeaker, now)
    return True


def clear_all(session: Session, device: Device, now: datetime, *, actor: Actor = PROGRAM) -> None:
    """Another box, or none, has taken its place."""
    for trouble in Trouble:
        clear(session, device, trouble, now, actor=actor)


def all_unknown(session: Session, now: datetime) -> None:
    """The broker was started again: who was there has to come back, within 100 s from now."""
    was_there = update(LoudspeakerRow).where(LoudspeakerRow.is_online.is_(True))
    session.execute(was_there.values(is_online=None, presence_at=now).execution_options(synchronize_session="fetch"))


def unseen(session: Session, now: datetime, *, actor: Actor = PROGRAM) -> list[Device]:
    """Take those for offline that should be there and have said nothing for 100 s; returns whom."""
    is_late = (
        LoudspeakerRow.presence_at < now - UNSEEN_AFTER,
        or_(LoudspeakerRow.is_online.is_(True), LoudspeakerRow.is_online.is_(None)),
    )
    late = session.execute(select(LoudspeakerRow.commune, LoudspeakerRow.id).where(*is_late)).all()
    found = []
    for commune, loudspeaker in late:
        it = (LoudspeakerRow.commune == commune, LoudspeakerRow.id == loudspeaker)
        gone = update(LoudspeakerRow).where(*it, *is_late).values(is_online=False, presence_at=now)
        if changed_rows(session, gone) == 1:
            device = Device(commune, loudspeaker)
            open_fault(session, device, Trouble.OFFLINE, "unseen", now, actor=actor)
            found.append(device)
    return found


def faults(session: Session, commune: str | None = None) -> list[HealthEventRow]:
    """The faults that are open, of one commune or of all, the oldest first."""
    query = select(HealthEventRow).where(HealthEventRow.cleared_at.is_(None))
    if commune is not None:
        query = query.where(HealthEventRow.commune == commune)
    return list(session.scalars(query.order_by(HealthEventRow.opened_at, HealthEventRow.id)))


def past(session: Session, since: datetime, commune: str | None = None) -> list[HealthEventRow]:
    """The faults that were cleared since a moment, the last one first."""
    query = select(HealthEventRow).where(HealthEventRow.cleared_at >= since)
    if commune is not None:
        query = query.where(HealthEventRow.commune == commune)
    return list(session.scalars(query.order_by(HealthEventRow.cleared_at.desc(), HealthEventRow.id.desc())))


def lines(session: Session, commune: str | None, now: datetime) -> list[LoudspeakerLine]:
    """The loudspeakers of a commune or of all, by commune and id."""
    troubles: dict[Device, list[Trouble]] = {}
    for fault in faults(session, commune):
        troubles.setdefault(Device(fault.commune, fault.loudspeaker), []).append(fault.trouble)
    query = select(LoudspeakerRow).order_by(LoudspeakerRow.commune, LoudspeakerRow.id)
    if commune is not None:
        query = query.where(LoudspeakerRow.commune == commune)
    return [_line(row, troubles.get(Device(row.commune, row.id), []), now) for row in session.scalars(query)]


def forget(session: Session, before: datetime) -> None:
    """Drop the faults that were cleared before a moment; the journal keeps them."""
    session.execute(delete(HealthEventRow).where(HealthEventRow.cleared_at < before))


def tell(session: Session, action: Action, device: Device, actor: Actor, now: datetime, **data: object) -> None:
    """Journal something about a loudspeaker, in its commune's chain."""
    journal.append(
        session,
        chain=device.commune,
        action=action,
        now=now,
        actor=actor,
        subject=device.loudspeaker,
        data=data,
    )


def _found(health: Health | None) -> Iterator[tuple[Trouble, str | None]]:
    """What a state says of each kind of fault: its detail, or None where there is none.

    A sensor that is missing, or has nothing to hear, says nothing.
    """
    yield Trouble.OFFLINE, "last will" if health is None else None
    if health is None:
        return
    if health.amplifier is not Amplifier.UNKNOWN:
        yield Trouble.AMPLIFIER, "fault" if health.amplifier is Amplifier.FAULT else None
    if health.sound is Heard.HEARD:
        yield Trouble.SILENT, None
    elif health.sound is Heard.SILENT and health.playing is not None:
        yield Trouble.SILENT, health.playing
    if health.clock_offset_ms is not None:
        is_off = abs(health.clock_offset_ms) > FARTHEST_CLOCK_MS
        yield Trouble.CLOCK, f"{health.clock_offset_ms} ms" if is_off else None
    if health.storage_free_mb < LOW_STORAGE_MB:
        yield Trouble.STORAGE, f"{health.storage_free_mb} MB"
    elif health.storage_free_mb >= ENOUGH_STORAGE_MB:
        yield Trouble.STORAGE, None


def _is_open(device: Device) -> tuple[ColumnElement[bool], ...]:
    return (
        HealthEventRow.commune == device.commune,
        HealthEventRow.loudspeaker == device.loudspeaker,
        HealthEventRow.cleared_at.is_(None),
    )


def _line(row: LoudspeakerRow, troubles: list[Trouble], now: datetime) -> LoudspeakerLine:
    health = None if row.health is None else read_state(json.dumps(row.health).encode())
    return LoudspeakerLine(
        Device(row.commune, row.id), row.station, _presence(row, now), row.seen_at, health, tuple(sorted(troubles))
    )


def _presence(row: LoudspeakerRow, now: datetime) -> Presence:
    if row.enrolled_at is None:
        is_awaited = row.enrol_until is not None and now <= row.enrol_until
        return Presence.ADDED if is_awaited else Presence.LAPSED
    if row.is_online is None:
        return Presence.UNKNOWN
    return Presence.ONLINE if row.is_online else Presence.OFFLINE


def _kind(trouble: Trouble) -> AlertKind:
    return AlertKind(f"loudspeaker_{trouble}")
