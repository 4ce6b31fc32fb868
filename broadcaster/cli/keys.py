"""`broadcaster keys`: init, rotate, list, export - what loudspeakers know orders and stops by."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from broadcaster import clock, files
from broadcaster.cli.context import As, Json, actor, console, opened, progress, show
from broadcaster.errors import BroadcasterError
from broadcaster.orders import keyfolder
from broadcaster.services import keyring

app = typer.Typer(help="The keys that sign orders and stops, for each commune its own.", no_args_is_help=True)

Communes = Annotated[list[str] | None, typer.Argument(metavar="[COMMUNE]...", help="The communes, by code.")]
All = Annotated[bool, typer.Option("--all", help="Every commune.")]

_COLUMNS = ("commune", "version", "purpose", "key", "state", "not_before", "not_after", "days_left")


@app.command()
def init(communes: Communes = None, everywhere: All = False, person: As = None) -> None:
    """Make the first keys of communes; those that have keys keep them."""
    with opened() as (built, words):
        acting, made = actor(built, person), 0
        with built.store.reading() as session:
            wanted = keyring.wanted(session, communes or [], everywhere=everywhere, actor=acting)
        with progress() as bar:
            for commune in bar.track(wanted, description=words("Making keys")):
                made += keyring.make(built.store, built.keys_folder, commune, acting, clock.now()) is not None
        text = words("Keys were made for {count} communes; {kept} have theirs.", count=made, kept=len(wanted) - made)
        console().print(text, markup=False)


@app.command()
def rotate(
    communes: Communes = None,
    everywhere: Annotated[
        bool, typer.Option("--all", help="Every commune that has keys, but not the next ones yet.")
    ] = False,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Trust the present keys no more: somebody else may know them.")
    ] = False,
    person: As = None,
) -> None:
    """Make the next keys. The present ones go on signing for 14 days, while loudspeakers learn of the next."""
    with opened() as (built, words):
        acting, folder = actor(built, person), built.keys_folder
        with built.store.reading() as session:
            wanted = keyring.wanted(session, communes or [], everywhere=everywhere, actor=acting)
        if everywhere and not at_once:
            wanted = keyring.due(folder, wanted, clock.now())
        with progress() as bar:
            for commune in bar.track(wanted, description=words("Making keys")):
                keyring.rotate(built.store, folder, commune, acting, clock.now(), at_once=at_once)
        console().print(words("{count} communes have their next keys.", count=len(wanted)), markup=False)


@app.command(name="list")
def list_all(communes: Communes = None, as_json: Json = False) -> None:
    """The keys of all communes or of those named: what each is for, its state, and the days until it ends."""
    with opened() as (built, words):
        with built.store.reading() as session:
            wanted = keyring.wanted(session, communes or [], everywhere=not communes)
        rows = [
            {
                "commune": line.commune,
                "version": line.version,
                "purpose": str(line.key.purpose),
                "key": line.key.id,
                "state": str(line.state),
                "not_before": line.key.not_before,
                "not_after": line.key.not_after,
                "days_left": line.days_left,
            }
            for line in keyring.lines(built.keys_folder, wanted, clock.now())
        ]
    if rows or as_json:
        show(rows, _COLUMNS, as_json=as_json)
    else:
        typer.echo(words("There are no keys yet. Make some with: broadcaster keys init"))


@app.command()
def export(
    commune: Annotated[str, typer.Argument(metavar="COMMUNE", help="The commune, by code.")],
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it here, not to standard output.")] = None,
    version: Annotated[int | None, typer.Option(metavar="N", help="An older version.")] = None,
) -> None:
    """The commune's public keys as loudspeakers take them: its keys.json, signed."""
    with opened(needs_database=False) as (built, words):
        document = keyfolder.document(built.keys_folder, commune, version)
        if file is None:
            sys.stdout.buffer.write(document + b"\n")
            return
        try:
            files.write(file, document)
        except OSError as error:
            raise BroadcasterError("{file} cannot be written: {error}", file=file, error=error) from error
        console().print(words("The keys of {commune} are in {file}.", commune=commune, file=file), markup=False)
