"""`broadcaster timetable`: show, preview, ics."""

from pathlib import Path
from typing import Annotated, Any

import typer

from broadcaster import clock, config, strict_yaml
from broadcaster.cli import timetable_show
from broadcaster.cli.context import Json, console, date_of, opened, replan, show
from broadcaster.cli.sound_files import write
from broadcaster.services.calendar_file import calendar
from broadcaster.services.timetable_preview import PreviewFile, PreviewRow, preview
from broadcaster.words import Words

app = typer.Typer(help="The timetable of communes.", no_args_is_help=True)

COLUMNS = ("due", "ends", "commune", "schedule", "bulletin", "outcome", "reason")


timetable_show.register(app)


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
    rows = [_row(row) for row in preview(entries, date_of(first) if first else clock.now().astimezone().date(), days)]
    if rows or as_json:
        show(rows, COLUMNS, as_json=as_json)
    else:
        words = Words(config.load_here().language)
        typer.echo(words("Nothing would air on these days."))


@app.command()
def ics(
    commune: Annotated[str, typer.Option(metavar="C", help="The commune, by code.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE.ics", help="Where to; standard output by default.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=366, help="How many days; by default all planned.")] = None,
) -> None:
    """What a commune will hear, as a calendar file for Outlook, Google or Apple."""
    with opened() as (built, words):
        replan(built)
        now = clock.now()
        with built.store.reading() as session:
            content = calendar(session, commune, now, days or built.config.timetable.days_ahead + 1)
        if out is None:
            typer.echo(content, nl=False)
            return
        write(out, content)
        console(stderr=True).print(words("Written: {file}", file=out), markup=False, soft_wrap=True)


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
