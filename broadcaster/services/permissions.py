"""Who may import what: by the role, and by the communes for which it was given."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.roles import EVERYWHERE, Actor, Role
from broadcaster.services.exchange import Exchange
from broadcaster.store.tables import ScheduleCommuneRow, StationRow

KEEPERS = (Role.OPERATOR, Role.ADMINISTRATOR)
WRITERS = (Role.WRITER, Role.EDITOR, Role.OPERATOR, Role.ADMINISTRATOR)


Placed = Mapping[tuple[str, str], Collection[str]]
"""(noun, id) -> the communes to which it belongs."""


def check_roles(document: Exchange, before: Placed, changed: set[tuple[str, str]], actor: Actor) -> None:
    """Raise NotAllowedError where something was changed that the person has no say in; what stays equal is free.

    `before` has where things belonged: nobody takes another commune's schedule or station over. A role for a source has
    no say in a commune's day: only writers need no commune.
    """
    for noun, key, communes in _placed(document):
        if (noun, key) in changed:
            actor.require_in({*communes, *before.get((noun, key), ())}, *KEEPERS)
    if any(noun == "bulletin" for noun, _ in changed):
        actor.require(*WRITERS)
    if any(noun == "fact" for noun, _ in changed):
        actor.require_in((), *KEEPERS)


def placed(session: Session, documents: Sequence[Exchange]) -> Placed:
    """Where the schedules and stations of some documents belong as long as nothing is changed."""
    found: dict[tuple[str, str], list[str]] = {}
    of_schedule = select(ScheduleCommuneRow.commune)
    for document in documents:
        for schedule in document.schedules:
            rows = session.scalars(of_schedule.where(ScheduleCommuneRow.schedule == schedule.id))
            found["schedule", schedule.id] = list(rows)
        for station in document.stations:
            kept = session.get(StationRow, station.code)
            found["station", station.code] = [kept.commune] if kept is not None else []
    return found


def _placed(document: Exchange) -> Iterator[tuple[str, str, Collection[str]]]:
    """What belongs to communes, with its noun and id."""
    for commune in document.communes:
        yield "commune", commune.code, [commune.code]
    for station in document.stations:
        yield "station", station.code, [station.commune]
    for schedule in document.schedules:
        yield "schedule", schedule.id, schedule.communes
    for person in document.people:  # nobody gives away more than they have
        yield "person", person.code, {role.commune or EVERYWHERE for role in person.roles}
