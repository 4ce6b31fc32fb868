"""`broadcaster source`: received, reported - what came from source systems, and what they were told."""

from typing import Annotated

import typer

from broadcaster.cli.airing_line import on_one_line
from broadcaster.cli.context import Json, opened, show
from broadcaster.errors import BroadcasterError
from broadcaster.services import alerts, source_inbox, source_reports
from broadcaster.words import Words

app = typer.Typer(help="The talk with a province's source system.", no_args_is_help=True)

Commune = Annotated[str | None, typer.Option(metavar="C", help="Only this commune, by code.")]
Limit = Annotated[int, typer.Option(min=1, help="How many, the newest first.")]

_RECEIVED = ("received_at", "commune", "station", "key", "version", "priority", "state", "bulletin", "title", "fault")
_REPORTED = ("queued_at", "commune", "station", "airing", "cluster", "started_at", "sent_at", "given_up_at", "tries")


@app.command()
def received(commune: Commune = None, limit: Limit = 50, as_json: Json = False) -> None:
    """Bulletins that came, what became of each here, and why one was refused."""
    with opened() as (built, words), built.store.reading() as session:
        rows = [
            {
                "received_at": row.received_at, "commune": row.commune, "station": row.station, "key": row.source_key,
                "version": row.version, "priority": row.priority, "state": row.state, "bulletin": row.bulletin,
                "title": row.title, "fault": _told(row.error, words),
            }
            for row in source_inbox.newest(session, commune, limit)
        ]  # fmt: skip
        troubles = [(link.station, _told(link.error, words)) for link in source_inbox.links(session)]
    show(rows, _RECEIVED, as_json=as_json)
    for station, fault in troubles:
        if fault:
            typer.echo(words("{station} gives no bulletins just now: {fault}", station=station, fault=fault), err=True)


@app.command()
def reported(commune: Commune = None, limit: Limit = 50, as_json: Json = False) -> None:
    """Airings that source systems are told of, each cluster by itself: what was sent, waits, or was given up."""
    with opened() as (built, words), built.store.reading() as session:
        columns = (*_REPORTED, "fault")
        rows = [
            {name: getattr(row, name) for name in _REPORTED} | {"fault": _told(row.error, words)}
            for row in source_reports.newest(session, commune, limit)
        ]
    show(rows, columns, as_json=as_json)


def _told(error: object, words: Words) -> str:
    found = alerts.read(error)
    return on_one_line(words.error(found)) if isinstance(found, BroadcasterError) else ""
