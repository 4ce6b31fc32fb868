"""`broadcaster demo`: the whole way of a bulletin in a minute, on virtual loudspeakers."""

import queue
from datetime import datetime, timedelta

import typer
from rich.progress import Progress
from sqlalchemy import func, select

from broadcaster import clock
from broadcaster.application import Application, os_user
from broadcaster.cli.airing_line import airing_line
from broadcaster.cli.context import console, opened, progress, upgraded
from broadcaster.cli.log import print_table
from broadcaster.domain.airing import Outcome
from broadcaster.errors import BroadcasterError, InputError
from broadcaster.jobs.worker import Worker
from broadcaster.services import log, rehearsals, samples
from broadcaster.services.log import LogFilter
from broadcaster.store import communes as places
from broadcaster.store.tables import AiringRow, CommuneRow
from broadcaster.words import Words

_UNTIL_DUE = timedelta(seconds=2)
_LONGEST = timedelta(seconds=85)


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo() -> None:
    """Air a sample bulletin on a virtual loudspeaker in each of five sample communes, and show the log.

    Asks nothing and needs no network. The exit code is 0 only if every airing aired.
    """
    out = console()
    with opened("demo", needs_database=False) as (built, words):
        upgraded(built, words)
        out.print(words("Speaking the sample bulletins ..."))
        with progress() as bar:
            task = bar.add_task(words("Rendering"), total=len(samples.APPROVED))
            samples.load(built.store, built.desk, os_user(), clock.now(), lambda _: bar.advance(task))
        _require_no_loudspeakers(built)
        outcomes = _air(built, words)
        with built.store.reading() as session:
            zones = dict(session.execute(select(CommuneRow.code, CommuneRow.timezone)).all())
            print_table(list(log.rows(session, LogFilter(bulletin=samples.FIRST), len(outcomes))), zones)
        out.print(words("Data are in {folder}. See also: broadcaster log show AIRING", folder=built.config.data_folder))
    if any(outcome is not Outcome.AIRED for outcome in outcomes):
        raise typer.Exit(1)


def _require_no_loudspeakers(built: Application) -> None:
    """The sample stations of `serve --samples` have loudspeakers of their own, which only it runs."""
    with built.store.reading() as session:
        if places.has_connector(session, "mqtt"):
            raise InputError(
                "The stations here have loudspeakers that `broadcaster serve` runs. Run the demo in an empty folder."
            )


def _air(built: Application, words: Words) -> list[Outcome | None]:
    """Rehearse the first sample bulletin with a worker of our own; the outcome in each commune."""
    ended: queue.Queue[AiringRow] = queue.Queue()
    worker = Worker(built, ended.put)
    worker.start()
    try:
        now = clock.now()
        schedule = rehearsals.rehearse(built.store, samples.FIRST, now + _UNTIL_DUE, now)
        worker.plan()
        with built.store.reading() as session:
            of_ours = (
                select(func.count(), func.min(AiringRow.due_at), func.max(AiringRow.ends_at))
                .where(AiringRow.schedule == schedule)
            )  # fmt: skip
            count, due_at, ends_at = session.execute(of_ours).one()
        if not count:
            raise BroadcasterError("The bulletin {bulletin} is not approved any more.", bulletin=samples.FIRST)
        console().print(words("On air in {count} communes, in real time ...", count=count))
        with progress() as bar:
            bar.add_task(words("On air"), total=round((ends_at - due_at).total_seconds()))
            return [_next_end(built, ended, schedule, bar, due_at).outcome for _ in range(count)]
    finally:
        worker.stop()


def _next_end(
    built: Application, ended: "queue.Queue[AiringRow]", schedule: str, bar: Progress, due_at: datetime
) -> AiringRow:
    """The next airing of the rehearsal that ends, with its line printed; meanwhile the bar follows the clock."""
    while clock.now() < due_at + _LONGEST:
        elapsed = (clock.now() - due_at).total_seconds()
        bar.update(bar.task_ids[0], completed=max(0, round(elapsed)))
        try:
            row = ended.get(timeout=0.5)
        except queue.Empty:
            continue
        console().print(airing_line(built.store, row), markup=False, soft_wrap=True)
        if row.schedule == schedule:
            return row
    raise BroadcasterError(
        "The airing took longer than {limit} s. See logs/demo.log in the data folder.", limit=_LONGEST.seconds
    )
