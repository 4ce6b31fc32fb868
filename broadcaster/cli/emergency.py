"""`broadcaster emergency`: ask, confirm, correct, withdraw, list - and the same as a drill."""

from typing import Annotated

import typer

from broadcaster import clock
from broadcaster.cli.context import As, Json, actor, console, opened, replan, show
from broadcaster.services import emergencies

app = typer.Typer(help="Air at once: one person asks, another confirms.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(metavar="ID", help="The emergency's id.")]
Name = Annotated[list[str], typer.Option("--name", help="The name of a commune where it will be heard, typed out.")]
Override = Annotated[bool, typer.Option("--override-quiet-hours", help="It may sound in the quiet hours.")]


@app.command()
def ask(
    bulletin: Annotated[str, typer.Argument(metavar="ID", help="The bulletin's id.")],
    commune: Annotated[list[str], typer.Option(help="Where, by code; as often as needed.")],
    name: Name,
    override_quiet_hours: Override = False,
    person: As = None,
) -> None:
    """Ask for an approved emergency bulletin to air at once; another person confirms within ten minutes."""
    _ask(bulletin, commune, name, person, overrides_quiet=override_quiet_hours, is_drill=False)


@app.command()
def drill(
    bulletin: Annotated[str, typer.Argument(metavar="ID", help="The bulletin's id.")],
    commune: Annotated[list[str], typer.Option(help="Where, by code; as often as needed.")],
    name: Name,
    person: As = None,
) -> None:
    """Rehearse it: the same way, but only stations in test mode sound."""
    _ask(bulletin, commune, name, person, overrides_quiet=False, is_drill=True)


@app.command()
def confirm(key: Key, name: Name, override_quiet_hours: Override = False, person: As = None) -> None:
    """Put on air what another person asked for."""
    with opened() as (built, words):
        acting = actor(built, person)
        airings = emergencies.confirm(built.store, key, name, acting, clock.now(), overrides_quiet=override_quiet_hours)
        replan(built)
        console().print(words("On air now: {airings}", airings=", ".join(airings)), markup=False, soft_wrap=True)


@app.command()
def correct(
    key: Key,
    bulletin: Annotated[str, typer.Argument(metavar="BULLETIN", help="The approved correction.")],
    name: Name,
    person: As = None,
) -> None:
    """Silence a confirmed emergency and air its correction, in one step."""
    with opened() as (built, words):
        airings = emergencies.correct(built.store, key, bulletin, name, actor(built, person), clock.now())
        replan(built)
        console().print(words("On air now: {airings}", airings=", ".join(airings)), markup=False, soft_wrap=True)


@app.command()
def withdraw(key: Key, person: As = None) -> None:
    """Take back what nobody has confirmed yet."""
    with opened() as (built, words):
        emergencies.withdraw(built.store, key, actor(built, person), clock.now())
        console().print(words("The emergency {emergency} is withdrawn.", emergency=key), markup=False)


@app.command(name="list")
def list_all(as_json: Json = False) -> None:
    """What was asked for, and who confirmed it; the newest first."""
    columns = ("id", "communes", "is_drill", "overrides_quiet", "asked_by", "asked_at", "confirmed_by", "confirmed_at")
    with opened() as (built, words), built.store.reading() as session:
        rows = [{name: getattr(row, name) for name in columns} for row in emergencies.newest(session)]
        if rows or as_json:
            show(rows, columns, as_json=as_json)
        else:
            typer.echo(words("No emergency was asked for."))


def _ask(
    bulletin: str, communes: list[str], names: list[str], person: str | None, *, overrides_quiet: bool, is_drill: bool
) -> None:
    with opened() as (built, words):
        key = emergencies.ask(
            built.store, bulletin, communes, names, actor(built, person), clock.now(),
            overrides_quiet=overrides_quiet, is_drill=is_drill,
        )  # fmt: skip
        text = words("Asked. Another person confirms within ten minutes: broadcaster emergency confirm {key}", key=key)
        console().print(text, markup=False, soft_wrap=True)
