"""`broadcaster schedule`: add, list, show, change, move, skip, restore, remove."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from broadcaster import clock
from broadcaster.application import Application
from broadcaster.cli import schedule_options as say
from broadcaster.cli.context import As, Json, LocalTimes, actor, console, date_of, opened, print_json, replan, show
from broadcaster.cli.foreseen import blocked_lines, choosing, lost_lines, rows_of, show_foresight
from broadcaster.domain.recurrence import Recurrence
from broadcaster.errors import InputError
from broadcaster.services import schedule_edits, scheduling
from broadcaster.services.communes import named
from broadcaster.services.exchange import ScheduleEntry
from broadcaster.services.foresight import MOST_COMMUNES
from broadcaster.services.schedules import all_schedules, communes_of_all, entry_of, found
from broadcaster.services.scheduling import Edit, Kept
from broadcaster.services.telling import rule_in_words
from broadcaster.words import Words

app = typer.Typer(help="What airs where and when.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(metavar="ID", help="The schedule's id.")]
Day = Annotated[str, typer.Argument(metavar="DATE", help="The date on which it airs, as 2026-12-31.")]
_COLUMNS = ("id", "bulletin", "communes", "where", "when", "repeats", "version")
_SHOWN = 5  # of many communes


@app.command()
def add(
    bulletin: Annotated[str, typer.Argument(metavar="BULLETIN", help="The approved bulletin's id.")],
    commune: Annotated[list[str], typer.Option(help="Where, by code; as often as needed.")],
    slot: say.Slots = None,
    at: say.Times = None,
    first: say.First = None,
    until: say.Until = None,
    count: say.Count = None,
    days: say.Weekdays = None,
    every_weeks: say.EveryWeeks = None,
    on: say.On = None,
    once: say.Once = False,
    rule: say.Rule = None,
    exceptions: say.Except = None,
    repeats: say.Repeats = None,
    gap: say.Gap = None,
    holidays: say.Holidays = None,
    overflow: say.Full = None,
    order: say.Order = None,
    zone: say.Zones = None,
    key: Annotated[str | None, typer.Option("--id", help="The new schedule's id; by default the bulletin's.")] = None,
    if_full: say.IfFull = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would air; keep nothing.")] = False,
    person: As = None,
    as_json: Json = False,
) -> None:
    """Put an approved bulletin into the timetable; what will not air is said before anybody hears it.

    Every day by default: --days, --every-weeks, --on and --once say otherwise, --until and --count when it ends.
    """
    with opened() as (built, words), choosing(built, words):
        today = _today(built, commune)
        asked = say.rule_from(first, until, count, days, every_weeks, on, rule, is_once=once, today=today)
        when = asked or Recurrence(today, "FREQ=DAILY")
        said = say.changes(slot, at, when, exceptions, repeats, gap, holidays, overflow, order, zone)
        entry = scheduling.written({"id": key or bulletin, "bulletin": bulletin, "communes": commune, **said})
        if dry_run:
            with built.store.reading() as session:
                foresight, _ = scheduling.foresee(session, built.config, entry, clock.now())
            show_foresight(built, words, foresight, as_json=as_json)
            return
        kept = scheduling.add(built.store, built.config, entry, actor(built, person), clock.now(), if_full)
        _tell(built, words, kept, as_json=as_json)


@app.command()
def change(
    key: Key,
    slot: say.Slots = None,
    at: say.Times = None,
    first: say.First = None,
    until: say.Until = None,
    count: say.Count = None,
    days: say.Weekdays = None,
    every_weeks: say.EveryWeeks = None,
    on: say.On = None,
    once: say.Once = False,
    rule: say.Rule = None,
    exceptions: say.Except = None,
    repeats: say.Repeats = None,
    gap: say.Gap = None,
    holidays: say.Holidays = None,
    overflow: say.Full = None,
    order: say.Order = None,
    zone: say.Zones = None,
    if_full: say.IfFull = None,
    version: say.Version = None,
    person: As = None,
    as_json: Json = False,
) -> None:
    """Change what the options name, and leave the rest as it is."""
    rules = (first, until, count, days, every_weeks, on, rule)
    said = say.changes(slot, at, None, exceptions, repeats, gap, holidays, overflow, order, zone)
    if not said and not once and all(option is None for option in rules):
        raise InputError("Say what to change, for example: --slot, --until, --order. See --help.")

    def edit(entry: ScheduleEntry) -> ScheduleEntry:
        kept = Recurrence(entry.dtstart, entry.rrule)
        when = say.rule_from(*rules, is_once=once, kept=kept)
        changed = say.changes(slot, at, when, exceptions, repeats, gap, holidays, overflow, order, zone)
        away = {day.isoformat() for day in entry.exdates} | set(changed.get("exdates", []))
        return scheduling.written({**entry.model_dump(mode="json", by_alias=True), **changed, "exdates": sorted(away)})

    _change(key, edit, person, version, as_json=as_json, if_full=if_full)


@app.command()
def move(
    key: Key,
    day: Day,
    to: Annotated[str, typer.Argument(metavar="TO", help="The date on which it shall air instead.")],
    if_full: say.IfFull = None,
    version: say.Version = None,
    person: As = None,
    as_json: Json = False,
) -> None:
    """Let a single date air on another one; the series stays as it is."""
    dates = date_of(day), date_of(to)
    _change(key, lambda entry: schedule_edits.moved(entry, *dates), person, version, as_json=as_json, if_full=if_full)


@app.command()
def skip(key: Key, day: Day, version: say.Version = None, person: As = None, as_json: Json = False) -> None:
    """Leave out a single date; the series stays as it is."""
    found_day = date_of(day)
    _change(key, lambda entry: schedule_edits.skipped(entry, found_day), person, version, as_json=as_json)


@app.command()
def restore(
    key: Key,
    day: Day,
    if_full: say.IfFull = None,
    version: say.Version = None,
    person: As = None,
    as_json: Json = False,
) -> None:
    """Let a date of the series air again that was skipped or moved."""
    found_day = date_of(day)
    _change(
        key, lambda entry: schedule_edits.restored(entry, found_day), person, version, as_json=as_json, if_full=if_full
    )


@app.command()
def remove(key: Key, version: say.Version = None, person: As = None) -> None:
    """Take a schedule out of the timetable; what has aired stays in the log."""
    with opened() as (built, words):
        scheduling.remove(built.store, key, actor(built, person), clock.now(), version=version)
        replan(built)
        console().print(words("The schedule {schedule} is removed.", schedule=key), markup=False)


@app.command(name="list")
def list_all(
    commune: Annotated[str | None, typer.Option(metavar="C", help="Only this commune, by code.")] = None,
    as_json: Json = False,
) -> None:
    """All schedules, or those of a commune."""
    with opened() as (built, words), built.store.reading() as session:
        if commune is not None:
            named(session, [commune])
        communes = communes_of_all(session)
        rows = [
            {
                "id": row.id,
                "bulletin": row.bulletin,
                "communes": communes[row.id] if as_json else _few(communes[row.id], words),
                "where": row.slots or row.times if as_json else ", ".join(row.slots or row.times),
                "when": rule_in_words(Recurrence(row.dtstart, row.rrule), words),
                "repeats": row.repeats,
                "version": row.version,
            }
            for row in all_schedules(session, [commune] if commune else None)
        ]
    if rows or as_json:
        show(rows, _COLUMNS, as_json=as_json)
    else:
        typer.echo(words("Nothing is scheduled. Begin with: broadcaster schedule add"))


@app.command(name="show")
def show_one(key: Key, as_json: Json = False) -> None:
    """One schedule: what it says, who changed it last, and what it will have on air."""
    with opened() as (built, words):
        with built.store.reading() as session:
            row = found(session, key)
            entry = entry_of(session, row)
            foresight, _ = scheduling.look(session, built.config, entry, clock.now())
            told = entry.model_dump(mode="json", by_alias=True)
            told |= {
                "when": rule_in_words(Recurrence(row.dtstart, row.rrule), words),
                "changed_by": row.changed_by,
                "changed_at": row.changed_at,
            }
        if as_json:
            print_json(told | {"airings": rows_of(built, foresight.airings)})
            return
        for name, value in told.items():
            if value not in (None, [], ""):
                shown = ", ".join(map(_plain, value)) if isinstance(value, list) else value
                console().print(f"{name}: {shown}", markup=False, soft_wrap=True)
        show_foresight(built, words, foresight, as_json=False)


def _today(built: Application, communes: Sequence[str]) -> date:
    """The date in the first of some communes. Raises InputError where there is none of that code."""
    with built.store.reading() as session:
        (row,) = named(session, communes[:1])
        return clock.now().astimezone(ZoneInfo(row.timezone)).date()


def _few(communes: Sequence[str], words: Words) -> str:
    if len(communes) <= _SHOWN:
        return ", ".join(communes)
    return words("{first} and {count} more", first=", ".join(communes[:_SHOWN]), count=len(communes) - _SHOWN)


def _plain(value: object) -> str:
    return f"{value['from']} → {value['to']}" if isinstance(value, dict) else str(value)


def _change(
    key: str, edit: Edit, person: str | None, version: int | None, *, as_json: bool, if_full: Any = None
) -> None:
    with opened() as (built, words), choosing(built, words):
        acting = actor(built, person)
        kept = scheduling.change(
            built.store, built.config, key, edit, acting, clock.now(), version=version, choice=if_full
        )
        _tell(built, words, kept, as_json=as_json)


def _tell(built: Application, words: Words, kept: Kept, *, as_json: bool) -> None:
    """Plan anew, and say what was kept."""
    replan(built)
    if as_json:
        print_json(
            {"schedule": kept.entry.id, "change": kept.change, "airings": rows_of(built, kept.foresight.airings)}
        )
        return
    out = console()
    airs = [airing for airing in kept.foresight.airings if airing.blocked is None]
    text = words("The schedule {schedule} is kept: {count} airings in the next 14 days.",
                 schedule=kept.entry.id, count=len(airs))  # fmt: skip
    out.print(text, markup=False, soft_wrap=True)
    if len(kept.entry.communes) > MOST_COMMUNES:
        text = words(
            "Looked at were the first {count} of {all} communes.", count=MOST_COMMUNES, all=len(kept.entry.communes)
        )
        out.print(text, markup=False, soft_wrap=True)
    if airs:
        out.print(words("The first: {due}", due=LocalTimes(built)(airs[0].key.commune, airs[0].due_at)), markup=False)
    for line in blocked_lines(built, words, kept.foresight.blocked):
        out.print(line, markup=False, soft_wrap=True)
    for line in lost_lines(built, words, kept.foresight.lost):
        out.print(line, markup=False, soft_wrap=True)
