"""`broadcaster plan`: what will air in the days ahead."""

from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import select

from broadcaster import clock
from broadcaster.cli.context import Json, opened, replan, show
from broadcaster.errors import InputError
from broadcaster.store import airings
from broadcaster.store.tables import CommuneRow, RevisionRow

COLUMNS = ("due", "commune", "bulletin", "title", "slot", "mode", "blocked")


def register(app: typer.Typer) -> None:
    app.command()(plan)


def plan(
    days: Annotated[int | None, typer.Option(min=1, help="How many days ahead; by default all.")] = None,
    commune: Annotated[str | None, typer.Option(metavar="C", help="Only this commune, by code.")] = None,
    as_json: Json = False,
) -> None:
    """Bring the plan up to date and show what will air, in each commune's local time."""
    with opened() as (built, words):
        now = clock.now()
        replan(built)
        with built.store.reading() as session:
            communes = {row.code: row for row in session.scalars(select(CommuneRow))}
            if commune is not None and commune not in communes:
                raise InputError(
                    "There is no commune {commune}. Known: {known}.", commune=commune, known=", ".join(communes)
                )
            until = now + timedelta(days=days or built.config.timetable.days_ahead + 1)
            rows = [
                {
                    "due": row.due_at.astimezone(ZoneInfo(communes[row.commune].timezone)).isoformat(
                        timespec="seconds"
                    ),
                    "commune": row.commune,
                    "bulletin": row.bulletin,
                    "title": session.get_one(RevisionRow, (row.bulletin, row.revision)).title,
                    "slot": row.place_in_day,
                    "mode": row.mode,
                    "blocked": row.blocked,
                }
                for row in airings.due(session, until, None if commune is None else [commune])
            ]
    if rows or as_json:
        show(rows, COLUMNS, as_json=as_json)
    else:
        typer.echo(words("Nothing is planned. Import a schedule for an approved bulletin."))
