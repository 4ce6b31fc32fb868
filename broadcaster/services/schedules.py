"""Schedules: what airs where and when. Every change makes a new version, so that two who change one are told."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.roles import Actor
from broadcaster.errors import InputError
from broadcaster.services.exchange import ScheduleEntry
from broadcaster.services.keeping import Change, Imported, keep
from broadcaster.store import airings, journal
from broadcaster.store import communes as places
from broadcaster.store.journal import Action
from broadcaster.store.tables import BulletinRow, CommuneRow, RevisionRow, ScheduleCommuneRow, ScheduleRow

_OF_THE_ROW = ("version", "campaign", "changed_by", "changed_at")
"""What a schedule is not compared by."""


def keep_schedule(
    session: Session, entry: ScheduleEntry, actor: Actor, now: datetime, campaign: str | None = None
) -> Imported:
    """Bring a schedule with its communes into the database; any change of either makes a new version of it.

    Raises InputError where it names what does not exist, or `version` is not the one that is there.
    """
    check(session, entry)
    kept = session.get(ScheduleRow, entry.id, with_for_update=True)
    before = communes_of(session, entry.id)
    if kept is not None and is_equal(session, kept, entry):
        return Imported("schedule", entry.id, Change.UNCHANGED)
    if kept is not None:
        _check_version(kept, entry)
        # The planner looks only at the days around it; what was moved there may have its own date far away.
        moved = [date.fromisoformat(move["from"]) for move in kept.moved]
        airings.forget_planned(session, kept.id, moved, now)
    keep(session, "schedule", _row(entry, now), actor, now, ignoring=_OF_THE_ROW if kept is not None else ())
    row = session.get_one(ScheduleRow, entry.id)
    row.version += 1
    row.changed_by, row.changed_at = actor.person, now
    row.campaign = campaign or row.campaign
    _keep_communes(session, entry, before, actor, now)
    return Imported("schedule", entry.id, Change.NEW if kept is None else Change.CHANGED)


def communes_of(session: Session, schedule: str) -> list[str]:
    """Where a schedule airs."""
    query = select(ScheduleCommuneRow.commune).where(ScheduleCommuneRow.schedule == schedule)
    return sorted(session.scalars(query))


def entry_of(session: Session, row: ScheduleRow) -> ScheduleEntry:
    """A schedule as it is written in the one schema, with its version."""
    return ScheduleEntry.model_validate(
        {
            "id": row.id,
            "bulletin": row.bulletin,
            "communes": communes_of(session, row.id),
            "slots": row.slots,
            "times": row.times,
            "dtstart": row.dtstart,
            "rrule": row.rrule,
            "exdates": row.exdates,
            "moved": row.moved,
            "repeats": row.repeats,
            "gap_s": row.gap_s,
            "on_holidays": row.on_holidays,
            "overflow": row.overflow,
            "order": row.order,
            "zones": row.zones,
            "rehearsal": row.is_rehearsal,
            "version": row.version,
        }
    )


def is_equal(session: Session, kept: ScheduleRow, entry: ScheduleEntry) -> bool:
    """Whether a schedule says already what an entry says."""
    if kept.removed_at is not None or set(communes_of(session, kept.id)) != set(entry.communes):
        return False
    wanted = _row(entry, kept.created_at)
    columns = [column.name for column in ScheduleRow.__table__.columns if column.name not in _OF_THE_ROW]
    return all(getattr(kept, name) == getattr(wanted, name) for name in columns)


def _check_version(kept: ScheduleRow, entry: ScheduleEntry) -> None:
    if entry.version is not None and entry.version != kept.version:
        raise InputError(
            "Schedule {schedule} was changed meanwhile by {person}: it is at version {version}, yours is {own}. "
            "Nothing was changed. Look at it again: broadcaster schedule show {schedule}",
            schedule=kept.id, person=kept.changed_by or "import", version=kept.version, own=entry.version,
        )  # fmt: skip


def check(session: Session, entry: ScheduleEntry) -> None:
    """Raise InputError where a schedule names what does not exist, or could never air."""
    name = f"schedule {entry.id}"
    bulletin: BulletinRow = require(session, BulletinRow, entry.bulletin, name, "bulletin")
    revision = session.get_one(RevisionRow, (bulletin.id, bulletin.revision))
    if revision.expires_at is not None and revision.expires_at.date() < entry.dtstart:
        raise InputError(
            "{schedule}: bulletin {bulletin} expires before it starts.", schedule=name, bulletin=bulletin.id
        )
    for code in entry.communes:
        commune: CommuneRow = require(session, CommuneRow, code, name, "commune")
        slots = [slot["name"] for slot in commune.timetable.get("slots", [])]
        unknown = next((slot for slot in entry.slots if slot not in slots), None)
        if unknown is not None:
            raise InputError(
                "{schedule}: commune {commune} has no slot {slot}. It has: {slots}.",
                schedule=name, commune=code, slot=unknown, slots=", ".join(slots) or "none",
            )  # fmt: skip
        if entry.rehearsal and any(s.mode == "live" for s in places.stations(session, [code])[code]):
            raise InputError("{schedule}: {commune} has a live station; rehearsals are for test mode.",
                             schedule=name, commune=code)  # fmt: skip


def _keep_communes(session: Session, entry: ScheduleEntry, before: list[str], actor: Actor, now: datetime) -> None:
    if before == sorted(entry.communes):
        return
    for commune in set(before) - set(entry.communes):
        session.delete(session.get_one(ScheduleCommuneRow, (entry.id, commune)))
    for commune in set(entry.communes) - set(before):
        session.add(ScheduleCommuneRow(schedule=entry.id, commune=commune))
    data = {"noun": "schedule communes", "before": before, "after": sorted(entry.communes)}
    journal.append(
        session, chain=journal.SYSTEM, action=Action.IMPORTED, now=now, actor=actor, subject=entry.id, data=data
    )


def _row(entry: ScheduleEntry, now: datetime) -> ScheduleRow:
    return ScheduleRow(
        id=entry.id,
        bulletin=entry.bulletin,
        version=0,
        slots=list(entry.slots),
        times=list(entry.times),
        dtstart=entry.dtstart,
        rrule=entry.rrule,
        exdates=[day.isoformat() for day in sorted(entry.exdates)],
        moved=[move.model_dump(mode="json") for move in sorted(entry.moved, key=lambda move: move.rule_date)],
        repeats=entry.repeats,
        gap_s=entry.gap_s,
        on_holidays=entry.on_holidays,
        overflow=entry.overflow,
        order=entry.order,
        zones=list(entry.zones),
        is_rehearsal=entry.rehearsal,
        is_emergency=False,
        created_at=now,
        removed_at=None,
    )


def require(session: Session, table: type[Any], key: str, who: str, noun: str) -> Any:
    """The row of this key. Raises InputError, naming who asks for it, where there is none."""
    row = session.get(table, key)
    if row is None:
        raise InputError(
            "{who}: there is no {noun} {key}. Import it first, or in the same go.", who=who, noun=noun, key=key
        )
    return row
