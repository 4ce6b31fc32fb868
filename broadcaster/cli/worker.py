"""`broadcaster worker`: the worker alone, as `serve` or a supervisor of your own starts it."""

from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import select

from broadcaster import clock
from broadcaster.application import Application
from broadcaster.cli.airing_line import airing_line, tell, teller
from broadcaster.cli.context import opened
from broadcaster.domain.airing import Phase
from broadcaster.jobs.supervisor import StopRequests
from broadcaster.jobs.worker import Worker
from broadcaster.store.tables import AiringRow, CommuneRow
from broadcaster.words import Words

UntilStdinCloses = Annotated[
    bool, typer.Option("--until-stdin-closes", hidden=True, help="Stop when standard input ends.")
]


def register(app: typer.Typer) -> None:
    app.command("worker")(worker)


def worker(*, until_stdin_closes: UntilStdinCloses = False) -> None:
    """Run the worker alone: plan, render, hand over and follow what airs. One per database; Ctrl-C stops it."""
    requests = StopRequests()
    with requests.asked_by_signals(), opened("worker") as (built, words):
        if until_stdin_closes:
            requests.ask_when_stdin_closes()
        running = Worker(built, teller(built.store))
        running.start()
        try:
            _tell_next(built, words)
            requests.wait_until_asked()
        finally:
            running.stop()


def _tell_next(built: Application, words: Words) -> None:
    """Which airing comes next, where one is planned that nothing keeps from airing."""
    query = (
        select(AiringRow, CommuneRow.timezone)
        .join(CommuneRow, CommuneRow.code == AiringRow.commune)
        .where(AiringRow.phase == Phase.PLANNED, AiringRow.blocked.is_(None), AiringRow.due_at > clock.now())
        .order_by(AiringRow.due_at, AiringRow.id)
        .limit(1)
    )
    with built.store.reading() as session:
        found = session.execute(query).first()
    if found is None:
        tell(words("Nothing is planned. See: broadcaster plan"))
        return
    row, zone = found
    day = f"{row.due_at.astimezone(ZoneInfo(zone)):%d/%m}"
    tell(words("Next airing on {day}: {airing}", day=day, airing=airing_line(built.store, row)))
