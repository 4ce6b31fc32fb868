"""`broadcaster dictionary`: list, set, remove, import, export - how a source or a commune wants words said."""

from pathlib import Path
from typing import Annotated

import typer

from broadcaster import clock
from broadcaster.cli.context import As, Json, actor, console, opened, show
from broadcaster.domain.place import Layer
from broadcaster.errors import InputError
from broadcaster.reading.dictionary import normal
from broadcaster.services import dictionary
from broadcaster.services.dictionary import Entry, Owner

app = typer.Typer(help="How a source or a commune wants words said.", no_args_is_help=True)

Commune = Annotated[str | None, typer.Option(help="The commune whose dictionary it is.")]
Source = Annotated[str | None, typer.Option(help="The source whose dictionary it is.")]


@app.command(name="list")
def list_all(commune: Commune = None, source: Source = None, as_json: Json = False) -> None:
    """The entries of one commune or source."""
    with opened() as (built, words), built.store.reading() as session:
        found = dictionary.entries(session, _owner(commune, source))
        rows = [{name: getattr(row, name) for name in (*dictionary.COLUMNS, "version", "changed_by")} for row in found]
    if rows or as_json:
        show(rows, ["written", "spoken", "version", "changed_by", "example"], as_json=as_json)
    else:
        typer.echo(words("This dictionary has no entry yet."))


@app.command(name="set")
def set_one(
    written: Annotated[str, typer.Argument(help="The written form; small letters stand for any case.")],
    spoken: Annotated[str, typer.Argument(help="The words to say, as they are heard.")],
    commune: Commune = None,
    source: Source = None,
    example: Annotated[str, typer.Option(help="A sentence with it, to test it on.")] = "",
    expect: Annotated[str, typer.Option(help="How that sentence must be said.")] = "",
    person: As = None,
) -> None:
    """Set one entry; it is tested on its example first, and so are all others of the dictionary."""
    _save(_owner(commune, source), [Entry(written, spoken, example, expect)], person)


@app.command()
def remove(written: str, commune: Commune = None, source: Source = None, person: As = None) -> None:
    """Take one entry out."""
    owner = _owner(commune, source)
    with opened() as (built, words):
        acting = actor(built, person)
        with built.store.writing() as session:
            dictionary.remove(session, owner, written, acting, clock.now())
        console().print(words("{written} is said by the rules again.", written=written), markup=False)


@app.command(name="import")
def import_csv(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv")],
    commune: Commune = None,
    source: Source = None,
    person: As = None,
) -> None:
    """Set all entries of a CSV file, or none where one of them is wrong."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError("{file} cannot be read: {error}", file=file, error=error) from error
    _save(_owner(commune, source), dictionary.from_csv(content), person)


@app.command()
def export(commune: Commune = None, source: Source = None) -> None:
    """The entries as CSV on standard output."""
    with opened() as (built, _), built.store.reading() as session:
        typer.echo(dictionary.to_csv(dictionary.entries(session, _owner(commune, source))), nl=False)


def _save(owner: Owner, given: list[Entry], person: str | None) -> None:
    with opened() as (built, words):
        acting = actor(built, person)
        with built.store.writing() as session:
            count = dictionary.save(session, owner, given, acting, clock.now())
            saved = {row.written: row for row in dictionary.entries(session, owner)}
        out = console()
        for entry in given[:20]:
            row = saved[normal(entry.written)]
            out.print(f"{row.example} → {row.example_spoken}", markup=False)
        out.print(words("{count} entries were set; bulletins submitted from now on use them.", count=count))


def _owner(commune: str | None, source: str | None) -> Owner:
    if (commune is None) == (source is None):
        raise InputError("Give either --commune or --source.")
    return Owner(Layer.COMMUNE, commune) if commune is not None else Owner(Layer.SOURCE, source or "")
