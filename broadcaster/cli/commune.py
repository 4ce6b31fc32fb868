"""`broadcaster commune`: list, show, remove."""

from typing import Annotated, Any

import typer

from broadcaster import clock
from broadcaster.cli.context import As, Json, actor, console, opened, show
from broadcaster.services import communes

app = typer.Typer(help="Communes: their slots, hours and stations.", no_args_is_help=True)

Code = Annotated[str, typer.Argument(metavar="CODE", help="The commune's code.")]


@app.command(name="list")
def list_all(as_json: Json = False) -> None:
    """All communes, with how many stations and schedules each has."""
    columns = ("code", "name", "kind", "province", "timezone", "stations", "schedules")
    with opened() as (built, words), built.store.reading() as session:
        rows = communes.overview(session)
    if rows or as_json:
        show(rows, columns, as_json=as_json)
    else:
        typer.echo(words("There is no commune yet. Import communes first: broadcaster import communes.yaml"))


@app.command(name="show")
def show_one(commune: Code, as_json: Json = False) -> None:
    """One commune: slots, quiet hours, caps, reserved windows, the holidays of the next twelve months, stations."""
    with opened() as (built, _), built.store.reading() as session:
        details = communes.details(session, commune, built.config, clock.now())
    if as_json:
        show([details], [], as_json=True)
        return
    out = console()
    for name, value in details.items():
        for line in value if isinstance(value, list) and value else [value]:
            out.print(f"[bold]{name:<12}[/bold]", end=" ")
            out.print(_line(line), markup=False, soft_wrap=True)


@app.command()
def remove(commune: Code, person: As = None) -> None:
    """Remove a commune that nothing names; one that stands in the log or in an approval stays."""
    with opened() as (built, words):
        communes.remove(built.store, commune, actor(built, person), clock.now())
        console().print(words("Commune {commune} is removed.", commune=commune), markup=False)


def _line(value: Any) -> str:
    """A window as `05:30-06:00`, then what else is known of it; lists and mappings as words."""
    if isinstance(value, dict):
        rest = {name: part for name, part in value.items() if name not in {"start", "end", "name", "reason", "code"}}
        window = [f"{value['start']}-{value['end']}"] if "start" in value else []
        heads = [value[name] for name in ("code", "name", "reason") if value.get(name)]
        return ", ".join([*window, *heads, *(f"{name} {_line(part)}" for name, part in rest.items() if part != [])])
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
