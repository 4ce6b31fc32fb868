"""Schedules: what airs where and when. Every change makes a new version, so that two who change one are told."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from broadcaster.domain.bulletin import BulletinState
from broadcaster.domain.place import airing_mode, heard_within, zones_to_air_in
from broadcaster.domain.roles import Actor
from broadcaster.domain.timetable import instant
from broadcaster.errors import InputError
from broadcaster.services.exchange import ScheduleEntry
from broadcaster.services.keeping import Change, Imported, keep
from broadcaster.store import airings, journal, submissions
from broadcaster.store import communes as places
from broadcaster.store.engine import is_writing
from broadcaster.store.journal import Action
from broadcaster.store.tables import BulletinRow, CommuneRow, RevisionRow, ScheduleCommuneRow, ScheduleRow

_OF_REHEARSE = re.compile(r"rehearsal-[0-9A-Z]{26}(-.+)?")  # made by `rehearsals`, each for one time
_OF_THE_ROW = ("version", "campaign", "changed_by", "changed_at")
"""What a schedule is not compared by."""


def keep_schedule(
    session: Session, entry: ScheduleEntry, actor: Actor, now: datetime, campaign: str | None = None
) -> Imported:
    """Bring a schedule with its communes into the database; any change of either makes a new version of it.

    Raises InputError where it names what does not exist, or `version` is not the one that is there.
    """
    kept = session.get(ScheduleRow, entry.id, with_for_update=True)
    before = communes_of(session, entry.id)
    if kept is not None and is_equal(session, kept, entry):
        return Imported("schedule", entry.id, Change.UNCHANGED)
    check(session, entry)
    if kept is not None:
        check_version(kept, entry.version)
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


def found(session: Session, schedule: str) -> ScheduleRow:
    """A schedule that people made and nobody removed. Raises InputError where there is none."""
    row = session.get(ScheduleRow, schedule, with_for_update=is_writing(session))
    if row is None or row.removed_at is not None or row.is_emergency:
        raise InputError("There is no schedule {schedule}. See: broadcaster schedule list", schedule=schedule)
    return row


def all_schedules(session: Session, communes: Collection[str] | None = None) -> list[ScheduleRow]:
    """What people scheduled, by id, in some communes or in all: no emergencies, and nothing that was removed."""
    query = select(ScheduleRow).where(ScheduleRow.removed_at.is_(None), ~ScheduleRow.is_emergency)
    if communes is not None:
        airs_there = select(ScheduleCommuneRow.schedule).where(ScheduleCommuneRow.commune.in_(communes))
        query = query.where(ScheduleRow.id.in_(airs_there))
    rows = session.scalars(query.order_by(ScheduleRow.id))
    return [row for row in rows if not (row.is_rehearsal and _OF_REHEARSE.fullmatch(row.id))]


def remove_schedule(session: Session, schedule: str, actor: Actor, now: datetime) -> None:
    """Nothing of a schedule airs any more; its row stays for the log. Needs no role: the caller asks for one."""
    row = found(session, schedule)
    before = communes_of(session, schedule)
    moved = [date.fromisoformat(move["from"]) for move in row.moved]
    airings.forget_planned(session, schedule, moved, now)
    session.execute(delete(ScheduleCommuneRow).where(ScheduleCommuneRow.schedule == schedule))
    row.version += 1
    row.changed_by, row.changed_at, row.removed_at = actor.person, now, now
    journal.append(
        session, chain=journal.SYSTEM, action=Action.SCHEDULE_REMOVED, now=now, actor=actor, subject=schedule,
        data={"communes": before},
    )  # fmt: skip


def communes_of(session: Session, schedule: str) -> list[str]:
    """Where a schedule airs."""
    query = select(ScheduleCommuneRow.commune).where(ScheduleCommuneRow.schedule == schedule)
    return sorted(session.scalars(query))


def communes_of_all(session: Session) -> dict[str, list[str]]:
    """Where each schedule airs."""
    found: dict[str, list[str]] = defaultdict(list)
    rows = select(ScheduleCommuneRow.schedule, ScheduleCommuneRow.commune).order_by(ScheduleCommuneRow.commune)
    for schedule, commune in session.execute(rows):
        found[schedule].append(commune)
    return found


def entry_of(session: Session, row: ScheduleRow, communes: Sequence[str] | None = None) -> ScheduleEntry:
    """A schedule as it is written in the one schema, with its version; `communes` where they are known already."""
    return ScheduleEntry.model_validate(
        {
            "id": row.id,
            "bulletin": row.bulletin,
            "communes": communes if communes is not None else communes_of(session, row.id),
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


def check_version(kept: ScheduleRow, version: int | None) -> None:
    """Raise InputError where somebody changed a schedule since a person looked at this version of it."""
    if version is not None and version != kept.version:
        raise InputError(
            "Schedule {schedule} was changed meanwhile by {person}: it is at version {version}, yours is {own}. "
            "Nothing was changed. Look at it again: broadcaster schedule show {schedule}",
            schedule=kept.id, person=kept.changed_by or "import", version=kept.version, own=version,
        )  # fmt: skip


def check(session: Session, entry: ScheduleEntry) -> None:
    """Raise InputError where a schedule names what does not exist, or could never air."""
    name = f"schedule {entry.id}"
    bulletin: BulletinRow = require(session, BulletinRow, entry.bulletin, name, "bulletin")
    revision = session.get_one(RevisionRow, (bulletin.id, bulletin.revision))
    for code in entry.communes:
        commune: CommuneRow = require(session, CommuneRow, code, name, "commune")
        begins = instant(entry.dtstart, time(), ZoneInfo(commune.timezone))
        if revision.expires_at is not None and revision.expires_at <= begins:
            raise InputError(
                "{schedule}: bulletin {bulletin} expires before it starts.", schedule=name, bulletin=bulletin.id
            )
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
        if entry.zones:
            check_zones(commune, entry.zones, name)
            _check_reach(session, entry, commune, name)
    _check_permitted(session, entry, name)


def check_zones(commune: CommuneRow, zones: Sequence[str], who: str) -> None:
    """Raise InputError, naming those there are, for a zone that a commune does not have."""
    unknown = next((zone for zone in zones if zone not in commune.zones), None)
    if unknown is not None:
        raise InputError(
            "{who}: commune {commune} has no zone {zone}. It has: {zones}.",
            who=who, commune=commune.code, zone=unknown, zones=", ".join(commune.zones) or "none",
        )  # fmt: skip


def _check_reach(session: Session, entry: ScheduleEntry, commune: CommuneRow, name: str) -> None:
    """Raise InputError where no station is heard in these zones and nowhere else."""
    stations = places.stations(session, [commune.code]).get(commune.code, [])
    mode = airing_mode(stations, is_rehearsal=entry.rehearsal)
    if not heard_within([station for station in stations if station.mode is mode], entry.zones, commune.zones):
        heard = [f"{station.code} ({', '.join(station.zones or commune.zones) or '*'})" for station in stations]
        raise InputError(
            "{schedule}: no station of {commune} is heard in {zones} alone. Its stations: {stations}.",
            schedule=name, commune=commune.code, zones=", ".join(entry.zones), stations=", ".join(heard) or "none",
        )  # fmt: skip


def _check_permitted(session: Session, entry: ScheduleEntry, name: str) -> None:
    """Raise InputError where it asks for other zones than those for which its bulletin is approved, if it is."""
    submission = submissions.latest(session, entry.bulletin) if entry.zones else None
    if submission is None or submission.decision is not BulletinState.APPROVED:
        return
    if zones_to_air_in(entry.zones, submission.zones) is None:
        raise InputError(
            "{schedule}: {bulletin} was approved only for the zones: {zones}.",
            schedule=name, bulletin=entry.bulletin, zones=", ".join(submission.zones),
        )  # fmt: skip


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
