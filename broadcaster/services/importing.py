"""Import of the one YAML schema: says what is new, changed and unchanged; importing twice changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.connectors.base import check_configuration
from broadcaster.domain.bulletin import RevisionText
from broadcaster.domain.place import Station
from broadcaster.domain.roles import Actor
from broadcaster.errors import InputError
from broadcaster.services import bulletins, enrolment
from broadcaster.services.exchange import (
    BulletinEntry,
    CommuneEntry,
    Exchange,
    FactEntry,
    PersonEntry,
    StationEntry,
)
from broadcaster.services.keeping import Change, Imported, keep
from broadcaster.services.permissions import check_roles, placed
from broadcaster.services.schedules import check_zones, keep_schedule, require
from broadcaster.store import airings
from broadcaster.store import communes as places
from broadcaster.store.engine import Store
from broadcaster.store.tables import (
    BulletinRow,
    CommuneRow,
    FactRow,
    PersonRow,
    Row,
    StationRow,
)


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
        airings.hold_plans(session)
        before = placed(session, documents)
        done = list(_import(session, documents, actor, now))
        if not is_first:
            changed = {(item.noun, item.id) for item in done if item.change is not Change.UNCHANGED}
            for document in documents:
                check_roles(document, before, changed, actor)
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
                commune = require(session, CommuneRow, entry.commune, f"station {entry.code}", "commune")
                check_zones(commune, entry.zones, f"station {entry.code}")
                check_configuration(Station(**entry.model_dump()))
                enrolment.require_kept(session, _station(entry))
            yield keep(session, noun, row_of(entry), actor, now)
    for entry in each("bulletins"):
        yield keep_bulletin(session, entry, actor, now)
    for entry in each("schedules"):
        yield keep_schedule(session, entry, actor, now)


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
