"""Import of the one YAML schema: says what is new, changed and unchanged; importing twice changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.connectors.base import check_configuration
from broadcaster.domain.bulletin import RevisionText
from broadcaster.domain.place import Station
from broadcaster.domain.roles import Actor
from broadcaster.errors import InputError
from broadcaster.services import bulletins
from broadcaster.services.exchange import (
    BulletinEntry,
    CommuneEntry,
    Exchange,
    FactEntry,
    PersonEntry,
    ScheduleEntry,
    StationEntry,
)
from broadcaster.services.permissions import check_roles
from broadcaster.store import airings, journal
from broadcaster.store import communes as places
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.tables import (
    BulletinRow,
    CommuneRow,
    FactRow,
    PersonRow,
    RevisionRow,
    Row,
    ScheduleCommuneRow,
    ScheduleRow,
    StationRow,
)


class Change(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Imported:
    """What happened to one thing of a file."""

    noun: str
    id: str
    change: Change


def import_all(
    store: Store,
    documents: Sequence[Exchange],
    person: str | None,
    os_user: str,
    now: datetime,
) -> list[Imported]:
    """Bring everything in the documents into the database, all or nothing; the order of the files does not matter.

    Whoever imports needs a role, except that nothing changes, or that there are no people yet: then the one who
    sits at this computer sets the first ones up, and the journal says so.
    """
    refuse_twins(documents)
    with store.writing() as session:
        is_first = session.scalars(select(PersonRow.code).limit(1)).first() is None
        brought = {entry.code for document in documents for entry in document.people}
        if is_first and person is not None and person not in brought:
            raise InputError(
                "There is no person {person} yet; the files bring: {known}.",
                person=person,
                known=", ".join(sorted(brought)) or "nobody",
            )
        actor = Actor(person, os_user) if is_first else places.actor(session, person, os_user)
        done = list(_import(session, documents, actor, now))
        if not is_first:
            changed = {(item.noun, item.id) for item in done if item.change is not Change.UNCHANGED}
            for document in documents:
                check_roles(document, changed, actor)
        return done


def refuse_twins(documents: Sequence[Exchange]) -> None:
    """Two entries of one name would take turns with every import."""
    seen: set[tuple[str, str]] = set()
    for document in documents:
        for part in Exchange.model_fields:
            for entry in getattr(document, part):
                key = f"{entry.key}:{entry.value}" if part == "facts" else getattr(entry, "code", None) or entry.id
                if (part, key) in seen:
                    raise InputError("{key} stands twice among the {part}. Keep one.", key=key, part=part)
                seen.add((part, key))


def _import(session: Session, documents: Sequence[Exchange], actor: Actor, now: datetime) -> Iterator[Imported]:
    def each(part: str) -> Iterable[Any]:
        return (entry for document in documents for entry in getattr(document, part))

    nouns: list[tuple[str, str, Callable[[Any], Row]]] = [
        ("commune", "communes", commune_row),
        ("person", "people", _person),
        ("station", "stations", _station),
        ("fact", "facts", _fact),
    ]
    for noun, part, row_of in nouns:
        for entry in each(part):
            if noun == "station":
                _require(session, CommuneRow, entry.commune, f"station {entry.code}", "commune")
                check_configuration(Station(**entry.model_dump()))
            yield _keep(session, noun, row_of(entry), actor, now)
    for entry in each("bulletins"):
        yield keep_bulletin(session, entry, actor, now)
    for entry in each("schedules"):
        _check_schedule(session, entry)
        yield _keep_schedule(session, entry, actor, now)


def _keep(session: Session, noun: str, row: Row, actor: Actor, now: datetime) -> Imported:
    """Insert or update a row, and journal it where it differs."""
    table = type(row)
    keys = tuple(getattr(row, column.name) for column in table.__table__.primary_key)
    columns = [column.name for column in table.__table__.columns if column.name != "created_at"]
    values = {name: getattr(row, name) for name in columns}
    kept = session.get(table, keys)
    before = {name: getattr(kept, name) for name in columns} if kept is not None else None
    identity = ":".join(str(key) for key in keys)[:64]
    if before == values:
        return Imported(noun, identity, Change.UNCHANGED)
    if kept is None:
        session.add(row)
    else:
        for name, value in values.items():
            setattr(kept, name, value)
    session.flush()
    journal.append(
        session,
        chain=getattr(row, "commune", None) or (identity if noun == "commune" else journal.SYSTEM),
        action=Action.IMPORTED,
        now=now,
        actor=actor,
        subject=identity,
        data={"noun": noun, "before": before, "after": values},
    )
    return Imported(noun, identity, Change.NEW if kept is None else Change.CHANGED)


def commune_row(entry: CommuneEntry) -> CommuneRow:
    """A commune as it is kept."""
    plain = entry.model_dump(mode="json", exclude_none=True)
    fixed = {name: plain.pop(name) for name in ("code", "name", "kind", "province", "timezone", "zones")}
    return CommuneRow(**fixed, timetable=plain)


def _person(entry: PersonEntry) -> PersonRow:
    roles = [role.model_dump(mode="json", exclude_none=True) for role in entry.roles]
    return PersonRow(code=entry.code, name=entry.name, roles=roles)


def _station(entry: StationEntry) -> StationRow:
    return StationRow(**entry.model_dump())


def _fact(entry: FactEntry) -> FactRow:
    return FactRow(**entry.model_dump())


def keep_bulletin(session: Session, entry: BulletinEntry, actor: Actor, now: datetime) -> Imported:
    """A bulletin's text as its newest revision."""
    text = RevisionText(
        title=entry.title,
        language=entry.language,
        field=entry.field,
        priority=entry.priority,
        source=entry.source,
        text=entry.text,
        expires_at=entry.expires,
        template=entry.template,
        voice=entry.voice,
        late=entry.late,
        grace_s=entry.grace_s,
    )
    before = session.get(BulletinRow, entry.id)
    number = before.revision if before is not None else 0
    written = bulletins.revise(session, entry.id, text, actor.person, actor, now)
    if before is None:
        return Imported("bulletin", entry.id, Change.NEW)
    return Imported("bulletin", entry.id, Change.UNCHANGED if written == number else Change.CHANGED)


def _check_schedule(session: Session, entry: ScheduleEntry) -> None:
    """Raise InputError where a schedule names what does not exist, or what nobody approved for there."""
    name = f"schedule {entry.id}"
    bulletin: BulletinRow = _require(session, BulletinRow, entry.bulletin, name, "bulletin")
    revision = session.get_one(RevisionRow, (bulletin.id, bulletin.revision))
    if revision.expires_at is not None and revision.expires_at.date() < entry.dtstart:
        raise InputError(
            "{schedule}: bulletin {bulletin} expires before it starts.", schedule=name, bulletin=bulletin.id
        )
    for code in entry.communes:
        commune: CommuneRow = _require(session, CommuneRow, code, name, "commune")
        slots = [slot["name"] for slot in commune.timetable.get("slots", [])]
        unknown = next((slot for slot in entry.slots if slot not in slots), None)
        if unknown is not None:
            raise InputError(
                "{schedule}: commune {commune} has no slot {slot}. It has: {slots}.",
                schedule=name,
                commune=code,
                slot=unknown,
                slots=", ".join(slots) or "none",
            )
        if entry.rehearsal and any(s.mode == "live" for s in places.stations(session, [code])[code]):
            raise InputError("{schedule}: {commune} has a live station; rehearsals are for test mode.",
                             schedule=name, commune=code)  # fmt: skip


def _keep_schedule(session: Session, entry: ScheduleEntry, actor: Actor, now: datetime) -> Imported:
    """A schedule with its communes; any change of either makes a new version of it."""
    query = select(ScheduleCommuneRow).where(ScheduleCommuneRow.schedule == entry.id)
    before = {row.commune: row for row in session.scalars(query)}
    kept = session.get(ScheduleRow, entry.id)
    row = _schedule(entry, now)
    row.version = kept.version if kept is not None else 0
    if kept is not None:
        # The planner looks only at the days around it; what was moved there may have its own date far away.
        moved = [date.fromisoformat(move["from"]) for move in kept.moved]
        airings.forget_planned(session, kept.id, moved, now)
    done = _keep(session, "schedule", row, actor, now)
    if done.change is Change.UNCHANGED and set(before) == set(entry.communes):
        return done
    for commune in set(before) - set(entry.communes):
        session.delete(before[commune])
    for commune in set(entry.communes) - set(before):
        session.add(ScheduleCommuneRow(schedule=entry.id, commune=commune))
    session.get_one(ScheduleRow, entry.id).version += 1
    journal.append(
        session,
        chain=journal.SYSTEM,
        action=Action.IMPORTED,
        now=now,
        actor=actor,
        subject=entry.id,
        data={"noun": "schedule communes", "before": sorted(before), "after": sorted(entry.communes)},
    )
    return done if done.change is Change.NEW else Imported("schedule", entry.id, Change.CHANGED)


def _schedule(entry: ScheduleEntry, now: datetime) -> ScheduleRow:
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
        is_rehearsal=entry.rehearsal,
        is_emergency=False,
        created_at=now,
    )


def _require(session: Session, table: type[Any], key: str, who: str, noun: str) -> Any:
    row = session.get(table, key)
    if row is None:
        raise InputError(
            "{who}: there is no {noun} {key}. Import it first, or in the same go.", who=who, noun=noun, key=key
        )
    return row
