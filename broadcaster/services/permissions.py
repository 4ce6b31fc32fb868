"""Who may import what: by the role, and by the communes for which it was given."""

from collections.abc import Collection, Iterator

from broadcaster.domain.roles import EVERYWHERE, Actor, Role
from broadcaster.services.exchange import Exchange

_KEEPERS = (Role.OPERATOR, Role.ADMINISTRATOR)
WRITERS = (Role.WRITER, Role.EDITOR, Role.OPERATOR, Role.ADMINISTRATOR)


def check_roles(document: Exchange, changed: set[tuple[str, str]], actor: Actor) -> None:
    """Raise NotAllowedError where something was changed that the person has no say in; what stays equal is free.

    A role for a source has no say in a commune's day: only writers need no commune.
    """
    for noun, key, communes in _placed(document):
        if (noun, key) in changed:
            actor.require_in(communes, *_KEEPERS)
    if any(noun == "bulletin" for noun, _ in changed):
        actor.require(*WRITERS)
    if any(noun == "fact" for noun, _ in changed):
        actor.require_in((), *_KEEPERS)


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
