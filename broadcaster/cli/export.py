"""`broadcaster export`: what the database holds, as a file that `import` takes."""

from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.context import console, opened
from broadcaster.cli.sound_files import write
from broadcaster.services import exporting
from broadcaster.services.exporting import Part


def register(app: typer.Typer) -> None:
    app.command()(export)


def export(
    out: Annotated[Path | None, typer.Option(metavar="FILE.yaml", help="Where to; standard output by default.")] = None,
    commune: Annotated[
        list[str] | None, typer.Option(metavar="C", help="Only what concerns this commune; as often as needed.")
    ] = None,
    part: Annotated[list[Part] | None, typer.Option(help="Only this part; as often as needed.")] = None,
) -> None:
    """Write communes, people, stations, facts, bulletins and schedules in the one schema, for import."""
    with opened() as (built, words):
        with built.store.reading() as session:
            text = exporting.as_yaml(exporting.export(session, part or tuple(Part), commune or None))
        if out is None:
            typer.echo(text, nl=False)
            return
        write(out, text.encode())
        console(stderr=True).print(words("Written: {file}", file=out), markup=False, soft_wrap=True)
