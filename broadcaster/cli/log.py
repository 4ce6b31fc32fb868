"""`broadcaster log`: what aired and what did not, why, and whether anyone changed the record."""

import sys
from enum import StrEnum
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy import select

from broadcaster.cli.context import Json, console, opened, progress, show
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
            zones = dict(session.execute(select(CommuneRow.code, CommuneRow.timezone)).tuples().all())
            print_table(found, zones)
        else:
            typer.echo(words("Nothing has aired yet."))


def print_table(found: list[dict[str, object]], zones: dict[str, str]) -> None:
    """Log rows as a table for people: local times, seconds of lateness."""
    rows = []
    for row in found:
        zone = ZoneInfo(zones[str(row["commune"])])
        local = {name: row[name].astimezone(zone) if row[name] else None for name in ("planned_at", "finished_at")}  # type: ignore[attr-defined]
        rows.append(
            row
            | {
                "planned": f"{local['planned_at']:%d/%m %H:%M:%S}",
                "ended": f"{local['finished_at']:%H:%M:%S}" if local["finished_at"] else "",
                "late s": "" if row["lateness_ms"] is None else f"{int(str(row['lateness_ms'])) / 1000:.2f}",
            }
        )
    columns = ["planned", "commune", "title", "outcome", "reason", "evidence", "late s", "ended", "mode", "airing"]
    show(rows, columns, as_json=False)


@app.command(name="show")
def show_airing(airing: Annotated[str, typer.Argument(metavar="AIRING", help="The airing's id.")]) -> None:
    """One airing with everything known of it, as JSON: words, stations, approval, journal entries."""
    with opened() as (built, _), built.store.reading() as session:
        show([log.details(session, airing)], [], as_json=True)


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
        faults = []
        count = 0
        with progress() as bar:
            for chain in journal.chains(session):
                task = bar.add_task(chain, total=journal.length(session, chain))
                fault = journal.verify(session, chain, partial(bar.advance, task))
                count += journal.length(session, chain)
                faults += [fault] if fault else []
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
