"""`broadcaster campaign`: a source sends, shows and ends; a commune adopts, moves, declines and decides."""

from dataclasses import asdict
from typing import Annotated

import typer

from broadcaster import clock
from broadcaster.application import Application
from broadcaster.cli.blocked_line import tell_blocked
from broadcaster.cli.campaign_lines import collision_rows, matrix, summary
from broadcaster.cli.context import As, Json, actor, console, date_of, opened, print_json, progress, replan, show
from broadcaster.cli.schedule_options import (
    Count,
    EveryWeeks,
    First,
    On,
    Once,
    Rule,
    Slots,
    Times,
    Until,
    Weekdays,
    rule_from,
)
from broadcaster.errors import InputError
from broadcaster.services import campaign_answers, campaigns, communes
from broadcaster.services.campaign_schedules import Wished
from broadcaster.services.campaign_sending import Sent
from broadcaster.services.collisions import collisions as found_collisions
from broadcaster.services.collisions import decide as decided
from broadcaster.services.coverage import coverage
from broadcaster.words import Words

app = typer.Typer(help="Bulletins that a source asks many communes to air.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(metavar="ID", help="The campaign's id.")]
Commune = Annotated[str, typer.Option(help="The commune that answers, by code.")]
Bulletin = Annotated[str, typer.Option(help="Which bulletin, by id.")]
Change = Annotated[bool, typer.Option("--change", help="Answer anew what was answered already.")]
_RULE = "FREQ=DAILY;COUNT=7"


@app.command()
def send(
    key: Key,
    title: Annotated[str, typer.Option(help="What it is about.")],
    source: Annotated[str, typer.Option(help="Who sends it; its editors and writers may.")],
    bulletin: Annotated[list[str], typer.Option(help="An approved bulletin of the source; as often as needed.")],
    commune: Annotated[list[str] | None, typer.Option(help="Where, by code; as often as needed.")] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="In all communes.")] = False,
    first: First = None,
    rule: Rule = None,
    until: Until = None,
    count: Count = None,
    days: Weekdays = None,
    every_weeks: EveryWeeks = None,
    on: On = None,
    once: Once = False,
    times_a_day: Annotated[int, typer.Option(min=1, help="In how many slots of a day.")] = 1,
    target_percent: Annotated[int, typer.Option(min=1, max=100, help="How many of the communes are wanted.")] = 100,
    target_airings: Annotated[int, typer.Option(min=1, help="How often each bulletin airs there at least.")] = 1,
    by: Annotated[str | None, typer.Option(metavar="DATE", help="Until when, as 2026-12-31.")] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="For an emergency: the name of a commune, typed out; each of them.")
    ] = None,
    override_quiet_hours: Annotated[
        bool, typer.Option("--override-quiet-hours", help="An emergency may sound in the quiet hours.")
    ] = False,
    person: As = None,
) -> None:
    """Ask communes to air bulletins: seven days from today on, unless told otherwise. Sent again, it adds communes.

    Ordinary bulletins wait for each commune's answer, priority ones land in its first slots, emergencies are confirmed.
    """
    if bool(commune) == everywhere:
        raise InputError("Say where: either --commune or --everywhere.")
    is_said = until or count or days or every_weeks or on or once
    when = rule_from(
        first, until, count, days, every_weeks, on, rule if is_said else rule or _RULE, is_once=once
    )  # fmt: skip
    with opened() as (built, words):
        entry = campaigns.wished(
            {
                "id": key,
                "title": title,
                "source": source,
                "bulletins": bulletin,
                "communes": commune or _all_communes(built),
                **({"dtstart": when.dtstart, "rrule": when.rrule} if when is not None else {}),
                "times_a_day": times_a_day,
                "target_percent": target_percent,
                "target_airings": target_airings,
                "target_date": date_of(by) if by is not None else None,
            }
        )
        acting = actor(built, person)
        with progress() as bar:
            task = bar.add_task(words("Sending"), total=len(entry.communes))
            sent = campaigns.send(
                built.store, entry, acting, clock.now(), names=name or (), overrides_quiet=override_quiet_hours,
                progress=lambda done, _: bar.update(task, completed=done),
            )  # fmt: skip
        replan(built)
        _tell_sent(words, key, sent)


@app.command(name="list")
def list_all(
    commune: Annotated[str | None, typer.Option(help="Only those sent to this commune, with its answers.")] = None,
    as_json: Json = False,
) -> None:
    """All campaigns, the newest first, with how many answers of each kind there are."""
    columns = ("id", "source", "sent_at", "ended_at", "asked", "adopted", "moved", "declined", "landed", "title")
    with opened() as (built, words), built.store.reading() as session:
        counts = campaigns.counts(session, commune)
        rows = [
            {name: getattr(row, name, counts.get(row.id, {}).get(name, 0)) for name in columns}
            for row in campaigns.newest(session, commune)
        ]
    if rows or as_json:
        show(rows, columns, as_json=as_json)
    else:
        typer.echo(words("No campaign was sent."))


@app.command(name="show")
def show_one(key: Key, as_json: Json = False) -> None:
    """One campaign: what each commune answered, what aired there of each bulletin, and whether the target is met."""
    with opened() as (built, words), built.store.reading() as session:
        found = coverage(session, key, clock.now())
    if as_json:
        print_json(asdict(found))
        return
    for line in summary(found, words):
        console().print(line, markup=False, soft_wrap=True)
    show(*matrix(found, words), as_json=False)


@app.command()
def adopt(
    key: Key,
    commune: Commune,
    bulletin: Annotated[str | None, typer.Option(help="Which bulletin; all that wait, by default.")] = None,
    slot: Slots = None,
    change: Change = False,
    person: As = None,
) -> None:
    """Air it on the dates that the source wished for, in the first slots of the day or in these."""
    with opened() as (built, words):
        made = campaign_answers.adopt(
            built.store, key, commune, actor=actor(built, person), now=clock.now(), bulletin=bulletin,
            slots=slot or (), changes=change,
        )  # fmt: skip
        replan(built)
        for one, schedule in made.items():
            _tell_scheduled(built, words, one, schedule)


@app.command()
def move(
    key: Key,
    commune: Commune,
    bulletin: Bulletin,
    first: First = None,
    rule: Rule = None,
    until: Until = None,
    count: Count = None,
    days: Weekdays = None,
    every_weeks: EveryWeeks = None,
    on: On = None,
    once: Once = False,
    slot: Slots = None,
    at: Times = None,
    change: Change = False,
    person: As = None,
) -> None:
    """Air it when the commune wants it; what is not said is as the source wished."""
    wished = Wished(date_of(first) if first is not None else None, slots=slot or (), times=at or ())
    if rule or until or count or days or every_weeks or on or once:
        when = rule_from(first, until, count, days, every_weeks, on, rule, is_once=once)
        if when is not None:
            wished = Wished(when.dtstart, when.rrule, wished.slots, wished.times)
    with opened() as (built, words):
        schedule = campaign_answers.move(
            built.store, key, commune, bulletin, wished, actor=actor(built, person), now=clock.now(), changes=change
        )
        replan(built)
        _tell_scheduled(built, words, bulletin, schedule)


@app.command()
def decline(
    key: Key,
    commune: Commune,
    bulletin: Bulletin,
    reason: Annotated[str, typer.Option(help="Why; the source reads it.")],
    change: Change = False,
    person: As = None,
) -> None:
    """Air it not, or not any more. A priority bulletin can only be moved."""
    with opened() as (built, words):
        acting = actor(built, person)
        campaign_answers.decline(
            built.store, key, commune, bulletin, reason, actor=acting, now=clock.now(), changes=change
        )
        replan(built)
        console().print(words("{bulletin} is declined.", bulletin=bulletin), markup=False)


@app.command()
def end(
    key: Key,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take what was adopted or landed out of all timetables too.")
    ] = False,
    person: As = None,
) -> None:
    """Nobody adopts any more of it; what was adopted goes on until it ends."""
    with opened() as (built, words):
        removed = campaigns.end(built.store, key, actor(built, person), clock.now(), withdraw=withdraw)
        replan(built)
        text = words("The campaign {campaign} is ended; {count} schedules were removed.", campaign=key, count=removed)
        console().print(text, markup=False)


@app.command()
def collisions(
    commune: Annotated[str, typer.Option(help="Which commune, by code.")],
    all_of_them: Annotated[bool, typer.Option("--all", help="Also those that somebody has decided.")] = False,
    as_json: Json = False,
) -> None:
    """Where priority bulletins of campaigns and the commune's own do not all fit, and nobody has decided yet."""
    with opened() as (built, words), built.store.reading() as session:
        found = [one for one in found_collisions(session, commune, clock.now()) if all_of_them or one.first is None]
        rows, columns = collision_rows(session, found)
    if rows or as_json:
        show(rows, columns, as_json=as_json)
    else:
        typer.echo(words("Nothing collides."))


@app.command()
def decide(
    schedule: Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule that goes first.")],
    commune: Annotated[str, typer.Option(help="In which commune, by code.")],
    person: As = None,
) -> None:
    """Say which of two that collide goes first."""
    with opened() as (built, words):
        orders = decided(built.store, commune, schedule, actor(built, person), clock.now())
        replan(built)
        console().print(words("{schedule} goes first in {commune}.", schedule=schedule, commune=commune), markup=False)
        tell_blocked(built, words, [schedule, *orders], clock.now())


def _all_communes(built: Application) -> list[str]:
    with built.store.reading() as session:
        return [row["code"] for row in communes.overview(session)]


def _tell_sent(words: Words, key: str, sent: Sent) -> None:
    out = console()
    text = words(
        "{campaign} is sent to {count} communes: {asked} bulletins wait for an answer, {landed} landed.",
        campaign=key, count=sent.communes, asked=sent.asked, landed=sent.landed,
    )  # fmt: skip
    out.print(text, markup=False, soft_wrap=True)
    if sent.without_slots:
        codes = ", ".join(sorted(set(sent.without_slots)))
        out.print(words("Nothing could land, for want of slots, in: {communes}", communes=codes), markup=False)
    for emergency, commune in sent.emergencies.items():
        text = words(
            "A person of {commune} confirms within ten minutes: broadcaster emergency confirm {key}",
            commune=commune, key=emergency,
        )  # fmt: skip
        out.print(text, markup=False, soft_wrap=True)


def _tell_scheduled(built: Application, words: Words, bulletin: str, schedule: str) -> None:
    text = words("{bulletin} is in the timetable: {schedule}", bulletin=bulletin, schedule=schedule)
    console().print(text, markup=False, soft_wrap=True)
    tell_blocked(built, words, [schedule], clock.now())
