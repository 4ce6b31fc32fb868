"""Who may import what: by the role, and by the communes for which it was given."""

from broadcaster.domain.roles import Actor, Role
from broadcaster.services.exchange import Exchange

_KEEPERS = (Role.OPERATOR, Role.ADMINISTRATOR)
WRITERS = (Role.WRITER, Role.EDITOR, Role.OPERATOR, Role.ADMINISTRATOR)


def check_roles(document: Exchange, changed: set[tuple[str, str]], actor: Actor) -> None:
    """Raise NotAllowedError where something was changed that the person has no say in; what stays equal is free."""
    for commune in document.communes:
        if ("commune", commune.code) in changed:
            actor.require_in([commune.code], *_KEEPERS)
    for station in document.stations:
        if ("station", station.code) in changed:
            actor.require_in([station.commune], *_KEEPERS)
    for schedule in document.schedules:
        if ("schedule", schedule.id) in changed:
            actor.require_in(schedule.communes, *_KEEPERS)
    if any(noun == "bulletin" for noun, _ in changed):
        actor.require(*WRITERS)
    if any(noun in {"person", "fact"} for noun, _ in changed):
        actor.require(*_KEEPERS)
