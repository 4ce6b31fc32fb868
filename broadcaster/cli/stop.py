"""`broadcaster stop`, `release` and `stops`: silence until somebody releases it."""

from typing import Annotated

import typer

from broadcaster import clock
from broadcaster.cli.context import As, Json, actor, console, opened, show
from broadcaster.domain.airing import Scope
from broadcaster.errors import InputError
from broadcaster.services import stops as service


def register(app: typer.Typer) -> None:
    for command in (stop, release, stops):
        app.command()(command)


def stop(
    airing: Annotated[str | None, typer.Option(metavar="ID", help="Only this airing.")] = None,
    commune: Annotated[str | None, typer.Option(metavar="C", help="Everything in this commune.")] = None,
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="Only this zone of the commune, by name.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Everything everywhere.")] = False,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    person: As = None,
) -> None:
    """Silence what is on air and hold back what is to come, until the stop is released."""
    place = Scope.COMMUNE if zone is None else Scope.ZONE
    asked = [(Scope.AIRING, airing), (place, commune), (Scope.EVERYTHING, "" if everything else None)]
    wanted = [(scope, target) for scope, target in asked if target is not None]
    if len(wanted) != 1:
        raise InputError("Say what to stop: either --airing, --commune or --everything.")
    if zone is not None and commune is None:
        raise InputError("Say in which commune the zone lies: --commune.")
    with opened() as (built, words):
        ((scope, target),) = wanted
        key = service.stop(built.store, scope, target, reason, actor(built, person), clock.now(), zone=zone)
        text = words("Stopped. It stays silent until: broadcaster release {stop}", stop=key)
        console().print(text, markup=False, soft_wrap=True)


def release(key: Annotated[str, typer.Argument(metavar="ID", help="The stop's id.")], person: As = None) -> None:
    """Let sound again what a stop held back."""
    with opened() as (built, words):
        service.release(built.store, key, actor(built, person), clock.now())
        console().print(words("The stop {stop} is released.", stop=key), markup=False)


def stops(as_json: Json = False) -> None:
    """The stops in force: who ordered what, when and why."""
    with opened() as (built, words), built.store.reading() as session:
        columns = ("id", "scope", "target", "zone", "ordered_by", "ordered_at", "reason")
        rows = [{name: getattr(row, name) for name in columns} for row in service.in_force(session)]
        if rows or as_json:
            show(rows, columns, as_json=as_json)
        else:
            typer.echo(words("Nothing is stopped."))
