"""`broadcaster timetable`: preview - what a file would have on air, before anything is imported."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from broadcaster import clock, config, strict_yaml
from broadcaster.cli.context import Json, show
from broadcaster.errors import InputError
from broadcaster.services.timetable_preview import PreviewFile, PreviewRow, preview
from broadcaster.words import Words

app = typer.Typer(help="The timetable of communes.", no_args_is_help=True)

COLUMNS = ("due", "ends", "commune", "schedule", "bulletin", "outcome", "reason")


@app.callback()
def timetable() -> None:
    """The timetable of communes."""


@app.command(name="preview")
def preview_file(
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="A file in the one schema, with `duration_s`.")],
    first: Annotated[str | None, typer.Option("--from", metavar="DATE", help="The first local date; today's.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days.")] = 7,
    as_json: Json = False,
) -> None:
    """What would air of a file, in each commune's local time, and what would be skipped and why.

    Needs no database: communes, lengths of bulletins and schedules all stand in the file.
    """
    entries = strict_yaml.load(file).validate(PreviewFile)
    rows = [_row(row) for row in preview(entries, _date(first), days)]
    if rows or as_json:
        show(rows, COLUMNS, as_json=as_json)
    else:
        words = Words(config.load_here().language)
        typer.echo(words("Nothing would air on these days."))


def _date(text: str | None) -> date:
    if text is None:
        return clock.now().astimezone().date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError("{text} is no date. Write it as 2026-12-31.", text=text) from error


def _row(row: PreviewRow) -> dict[str, Any]:
    return {
        "commune": row.commune,
        "schedule": row.schedule,
        "bulletin": row.bulletin,
        "due": row.due.isoformat(),
        "ends": row.ends.isoformat(),
        "outcome": "skipped" if row.reason else "planned",
        "reason": str(row.reason) if row.reason else None,
    }
