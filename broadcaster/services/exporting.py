"""Export of the one YAML schema: what the database holds, as files that `import` takes back unchanged."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import plain_yaml
from broadcaster.domain.bulletin import RevisionText
from broadcaster.domain.roles import EVERYWHERE
from broadcaster.services import communes as places
from broadcaster.services.exchange import (
    BulletinEntry,
    CommuneEntry,
    Exchange,
    FactEntry,
    PersonEntry,
    ScheduleEntry,
    StationEntry,
)
from broadcaster.services.schedules import all_schedules, communes_of_all, entry_of
from broadcaster.store.tables import (
    BulletinRow,
    CommuneRow,
    FactRow,
    PersonRow,
    RevisionRow,
    StationRow,
)
from broadcaster.strict_yaml import Document, Model

Codes = Collection[str] | None
"""The communes that are asked for; None: all."""
_QUARTER = timedelta(minutes=15)


class Part(StrEnum):
    """The parts of a file, in the order in which they are written."""

    COMMUNES = "communes"
    PEOPLE = "people"
    STATIONS = "stations"
    FACTS = "facts"
    BULLETINS = "bulletins"
    SCHEDULES = "schedules"


def export(session: Session, parts: Collection[Part] = tuple(Part), communes: Codes = None) -> Exchange:
    """These parts of what the database holds, of all communes or of some; each sorted by its code.

    Of some communes: their stations, the people with a role there, the schedules that air there - whole, also where
    they air elsewhere too -, the bulletins of these, and all facts. Raises InputError for an unknown commune.
    """
    if communes is not None:
        places.named(session, communes)
    found = {part: _sorted(_ENTRIES[part](session, communes)) for part in Part if part in parts}
    return Exchange(**{str(part): entries for part, entries in found.items()})


def as_yaml(document: Exchange) -> str:
    """A file as people write it: what has its default is left out."""
    plain = document.model_dump(by_alias=True, exclude_defaults=True)
    for commune in plain.get("communes", []):
        if "slots" in commune:
            commune["slots"] = [{"name": slot["name"], **slot} for slot in commune["slots"]]
    for bulletin in plain.get("bulletins", []):
        bulletin["text"] = plain_yaml.Lines(bulletin["text"] + "\n")
    return "\n".join(plain_yaml.dump({part: entries}) for part, entries in plain.items()) or "{}\n"


Entry = TypeVar("Entry", CommuneEntry, PersonEntry, StationEntry, FactEntry, BulletinEntry, ScheduleEntry)


def _sorted(entries: Iterable[Entry]) -> list[Entry]:
    """Not by the database, which has its own idea of what comes first."""
    return sorted(entries, key=_key)


def _key(entry: Any) -> tuple[str, ...]:
    if isinstance(entry, FactEntry):
        return entry.key, entry.value
    return (getattr(entry, "code", None) or entry.id,)


def _communes(session: Session, codes: Codes) -> list[CommuneEntry]:
    query = select(CommuneRow) if codes is None else select(CommuneRow).where(CommuneRow.code.in_(codes))
    return [
        _checked(CommuneEntry, f"commune {row.code}", _columns(row, "timetable") | row.timetable)
        for row in session.scalars(query)
    ]


def _people(session: Session, codes: Codes) -> list[PersonEntry]:
    """Of some communes: those with a role there, everywhere, or for a source, whose bulletins reach any commune."""
    reached = {EVERYWHERE, *(codes or ())}
    return [
        _checked(PersonEntry, f"person {row.code}", _columns(row))
        for row in session.scalars(select(PersonRow))
        if codes is None or any(role.get("source") or role.get("commune") in reached for role in row.roles)
    ]


def _stations(session: Session, codes: Codes) -> list[StationEntry]:
    query = select(StationRow) if codes is None else select(StationRow).where(StationRow.commune.in_(codes))
    return [_checked(StationEntry, f"station {row.code}", _columns(row)) for row in session.scalars(query)]


def _facts(session: Session, _: Codes) -> list[FactEntry]:
    return [_checked(FactEntry, f"fact {row.key}", _columns(row)) for row in session.scalars(select(FactRow))]


def _bulletins(session: Session, codes: Codes) -> list[BulletinEntry]:
    newest = (RevisionRow.bulletin == BulletinRow.id) & (RevisionRow.number == BulletinRow.revision)
    wanted = None if codes is None else {row.bulletin for row in all_schedules(session, codes)}
    zone = _usual_zone(session)
    return [
        _bulletin(row, zone)
        for row in session.scalars(select(RevisionRow).join(BulletinRow, newest))
        if wanted is None or row.bulletin in wanted
    ]


def _bulletin(row: RevisionRow, zone: tzinfo) -> BulletinEntry:
    names = BulletinEntry.model_fields.keys() & RevisionRow.__table__.columns.keys()
    values = {name: getattr(row, name) for name in names}
    values |= {"id": row.bulletin, "expires": _expiry(row, zone)}
    return _checked(BulletinEntry, f"bulletin {row.bulletin}", values)


def _expiry(row: RevisionRow, zone: tzinfo) -> datetime | None:
    """With the offset with which it was written: the revision's hash is made of it, too.

    The same moment in another offset would come back as a new revision, which has to be approved anew.
    """
    if row.expires_at is None:
        return None
    values = {field.name: getattr(row, field.name) for field in fields(RevisionText)}
    offsets = (timezone(quarter * _QUARTER) for quarter in range(-4 * 15, 4 * 15))
    for written in (row.expires_at.astimezone(offset) for offset in (zone, *offsets)):
        if RevisionText(**values | {"expires_at": written}).sha256 == row.sha256:
            return written
    return row.expires_at.astimezone(zone)


def _usual_zone(session: Session) -> tzinfo:
    """The zone of all communes; UTC where they have several."""
    zones = set(session.scalars(select(CommuneRow.timezone).distinct()))
    return ZoneInfo(zones.pop()) if len(zones) == 1 else UTC


def _schedules(session: Session, codes: Codes) -> list[ScheduleEntry]:
    communes = communes_of_all(session)
    return [entry_of(session, row, communes[row.id]) for row in all_schedules(session, codes)]


_ENTRIES: Mapping[Part, Callable[[Session, Codes], list[Any]]] = {
    Part.COMMUNES: _communes,
    Part.PEOPLE: _people,
    Part.STATIONS: _stations,
    Part.FACTS: _facts,
    Part.BULLETINS: _bulletins,
    Part.SCHEDULES: _schedules,
}


def _columns(row: Any, *without: str) -> dict[str, Any]:
    names = (column.name for column in row.__table__.columns)
    return {name: getattr(row, name) for name in names if name not in without}


def _checked(model: type[Model], name: str, values: Mapping[str, Any]) -> Model:
    """An entry; what an earlier version took and this one would refuse is told by name."""
    return Document(name, dict(values), {}).validate(model)
