"""`broadcaster stop`: order, release, list."""

from typing import Annotated

import typer

from broadcaster import clock
from broadcaster.cli.context import As, Json, actor, console, opened, show
from broadcaster.domain.airing import Scope
from broadcaster.errors import InputError
from broadcaster.services import stops

app = typer.Typer(help="Silence: one airing, one commune or everything, until it is released.", no_args_is_help=True)


@app.command()
def order(
    airing: Annotated[str | None, typer.Option(metavar="ID", help="Only this airing.")] = None,
    commune: Annotated[str | None, typer.Option(metavar="C", help="Everything in this commune.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Everything everywhere.")] = False,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    person: As = None,
) -> None:
    """Silence what is on air and hold back what is to come, until the stop is released."""
    asked = [(Scope.AIRING, airing), (Scope.COMMUNE, commune), (Scope.EVERYTHING, "" if everything else None)]
    wanted = [(scope, target) for scope, target in asked if target is not None]
    if len(wanted) != 1:
        raise InputError("Say what to stop: either --airing, --commune or --everything.")
    with opened() as (built, words):
        ((scope, target),) = wanted
        key = stops.stop(built.store, scope, target, reason, actor(built, person), clock.now())
        text = words("Stopped. It stays silent until: broadcaster stop release {stop}", stop=key)
        console().print(text, markup=False, soft_wrap=True)


@app.command()
def release(stop: Annotated[str, typer.Argument(metavar="ID", help="The stop's id.")], person: As = None) -> None:
    """Let sound again what a stop held back."""
    with opened() as (built, words):
        stops.release(built.store, stop, actor(built, person), clock.now())
        console().print(words("The stop {stop} is released.", stop=stop), markup=False)


@app.command(name="list")
def list_all(as_json: Json = False) -> None:
    """The stops in force: who ordered what, when and why."""
    with opened() as (built, words), built.store.reading() as session:
        columns = ("id", "scope", "target", "ordered_by", "ordered_at", "reason")
        rows = [{name: getattr(row, name) for name in columns} for row in stops.in_force(session)]
        if rows or as_json:
            show(rows, columns, as_json=as_json)
        else:
            typer.echo(words("Nothing is stopped."))
