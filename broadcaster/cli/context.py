"""What every command shares: the application of the folder it runs in, the words, and the consoles."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy.orm import Session

from broadcaster import application, clock, config, logs
from broadcaster.application import Application
from broadcaster.domain.roles import Actor
from broadcaster.errors import BroadcasterError, InputError
from broadcaster.services import planning
from broadcaster.services.exchange import in_reach
from broadcaster.store import communes as places
from broadcaster.store import schema
from broadcaster.store.tables import CommuneRow
from broadcaster.words import Words

As = Annotated[str | None, typer.Option("--as", metavar="CODE", help="The person who acts, by code.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

_WIDTH_WITHOUT_TERMINAL = 200  # nothing is cut off in a file or a pipe


def console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else _WIDTH_WITHOUT_TERMINAL, highlight=False)


@contextmanager
def opened(log_name: str = "cli", *, needs_database: bool = True) -> Iterator[tuple[Application, Words]]:
    """The application of this folder, closed at the end; its database is checked first where it is needed."""
    settings = config.load_here()
    try:
        logs.start(settings.data_folder / "logs", log_name, settings.log.level)
        built = application.build(settings)
    except OSError as error:
        raise BroadcasterError(
            "The folder {folder} cannot be written: {error}", folder=settings.data_folder, error=error
        ) from error
    try:
        if needs_database:
            schema.check(built.store)
        yield built, Words(settings.language)
    finally:
        built.close()


def actor(built: Application, code: str | None) -> Actor:
    """The person named by --as. Raises InputError for an unknown code."""
    with built.store.reading() as session:
        return places.actor(session, code, application.os_user())


@contextmanager
def session_if_ready(built: Application) -> Iterator[Session | None]:
    """What the database knows, for a command that can do without it; None where there is none of this version."""
    file = built.store.sqlite_file
    if (file is not None and not file.exists()) or schema.current(built.store) != schema.newest():
        yield None
        return
    with built.store.reading() as session:
        yield session


def upgraded(built: Application, words: Words) -> None:
    """Bring the database to this version, and say so where that changed anything."""
    backup = built.upgrade(clock.now())
    if backup is not None:
        console(stderr=True).print(words("The database was upgraded. The old one is kept in {backup}.", backup=backup))


def date_of(text: str) -> date:
    """A date from an option. Raises InputError for anything else."""
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise InputError("{text} is no date. Write it as 2026-12-31.", text=text) from error
    return in_reach(found)


class LocalTimes:
    """Says moments in the communes' own time, with its offset; the zone of each is looked up once."""

    def __init__(self, built: Application) -> None:
        self._store = built.store
        self._zones: dict[str, ZoneInfo] = {}

    def __call__(self, commune: str, moment: datetime) -> str:
        if commune not in self._zones:
            with self._store.reading() as session:
                self._zones[commune] = ZoneInfo(session.get_one(CommuneRow, commune).timezone)
        return moment.astimezone(self._zones[commune]).isoformat(timespec="seconds")


def replan(built: Application) -> None:
    """Bring the plan up to date at once: what was just changed may be due before the worker plans next."""
    planning.plan(built.store, built.config, built.program(), clock.now())


def print_json(value: object) -> None:
    """A value as JSON on standard output; moments in ISO 8601."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))  # noqa: T201


def show(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows as JSON or as a table with these columns; only the last one may be folded."""
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column != columns[-1], overflow="fold")
    for row in rows:
        table.add_row(*(escape("" if row[column] is None else str(row[column])) for column in columns))
    console().print(table)


def _plain(value: object) -> str:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else str(value)


def progress() -> Progress:
    """A progress bar on standard error, for work that can take longer than 2 s."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
