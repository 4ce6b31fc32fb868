"""`broadcaster log`: what aired and what did not, why, and whether anyone changed the record."""

import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import select

from broadcaster.cli.context import Json, console, opened, print_json, progress, show
from broadcaster.domain.airing import Outcome
from broadcaster.services import log
from broadcaster.services.log import LogFilter
from broadcaster.store import journal
from broadcaster.store.tables import CommuneRow
from broadcaster.words import Words

app = typer.Typer(help="The airing log: planned against aired, with evidence.", no_args_is_help=True)

Commune = Annotated[str | None, typer.Option(metavar="C", help="Only this commune, by code.")]
Planned = Annotated[bool, typer.Option("--planned", help="Also what has no outcome yet.")]


class Format(StrEnum):
    CSV = "csv"
    JSON = "json"


@app.command(name="list")
def list_airings(
    commune: Commune = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only this outcome.")] = None,
    planned: Planned = False,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest ones.")] = 50,
    as_json: Json = False,
) -> None:
    """The newest airings, in each commune's local time."""
    wanted = LogFilter(commune=commune, outcome=outcome, with_planned=planned)
    with opened() as (built, words), built.store.reading() as session:
        found = list(log.rows(session, wanted, limit))
        if as_json:
            show(found, log.COLUMNS, as_json=True)
        elif found:
            zones = dict(session.execute(select(CommuneRow.code, CommuneRow.timezone)).all())
            print_table(found, zones)
        else:
            typer.echo(words("Nothing has aired yet."))


def print_table(found: Sequence[dict[str, Any]], zones: Mapping[str, str]) -> None:
    """Log rows as a table for people: local times, seconds of lateness; made to fit a terminal of 100 columns."""
    rows = []
    for row in found:
        planned = row["planned_at"].astimezone(ZoneInfo(zones[row["commune"]]))
        late = "" if row["lateness_ms"] is None else f"{row['lateness_ms'] / 1000:.2f}"
        rows.append(row | {"planned": f"{planned:%d/%m %H:%M:%S}", "late s": late})
    show(rows, ["planned", "commune", "outcome", "reason", "late s", "airing", "title"], as_json=False)


@app.command(name="show")
def show_airing(airing: Annotated[str, typer.Argument(metavar="AIRING", help="The airing's id.")]) -> None:
    """One airing with everything known of it, as JSON: words, stations, approval, journal entries."""
    with opened() as (built, _), built.store.reading() as session:
        print_json(log.details(session, airing))


@app.command()
def export(
    fmt: Annotated[Format, typer.Option("--format", help="csv or json.")] = Format.CSV,
    commune: Commune = None,
    planned: Planned = False,
) -> None:
    """Write the log to standard output, oldest first."""
    with opened() as (built, _), built.store.reading() as session:
        found = log.rows(session, LogFilter(commune=commune, with_planned=planned))
        (log.write_csv if fmt is Format.CSV else log.write_json)(found, sys.stdout)


@app.command()
def verify() -> None:
    """Walk every chain of the journal; names the first entry that is not as it was written (exit code 1)."""
    with opened() as (built, words), built.store.reading() as session:
        chains = journal.chains(session)
        count = sum(journal.length(session, chain) for chain in chains)
        with progress() as bar:
            task = bar.add_task(words("Verifying"), total=count)
            found = [journal.verify(session, chain, partial(bar.advance, task)) for chain in chains]
        faults = [fault for fault in found if fault is not None]
        _tell(words, faults, count)
    if faults:
        raise typer.Exit(1)


def _tell(words: Words, faults: list[journal.Fault], count: int) -> None:
    out = console()
    for fault in faults:
        told = words(fault.message, chain=fault.chain, seq=fault.seq)
        out.print(words("The journal was tampered with: {fault}.", fault=told), markup=False)
    if not faults:
        out.print(words("The journal is whole: {count} entries.", count=count))
