"""The options in which an official says when something airs, and what they make of a schedule."""

from datetime import date
from typing import Annotated, Any

import typer

from broadcaster import clock
from broadcaster.cli.context import date_of
from broadcaster.domain.plan import OnHolidays, Overflow
from broadcaster.domain.recurrence import Recurrence, adjusted, on_dates, once, recurrence
from broadcaster.errors import InputError
from broadcaster.services.foresight import Choice

Slots = Annotated[list[str] | None, typer.Option("--slot", help="A slot by its name; as often as needed.")]
Times = Annotated[list[str] | None, typer.Option("--at", metavar="HH:MM", help="A fixed local time.")]
First = Annotated[str | None, typer.Option("--from", metavar="DATE", help="The first date; today's by default.")]
Until = Annotated[str | None, typer.Option(metavar="DATE", help="The last date.")]
Count = Annotated[int | None, typer.Option(min=1, help="On how many dates.")]
Weekdays = Annotated[str | None, typer.Option("--days", metavar="mon,wed", help="Only on these weekdays.")]
EveryWeeks = Annotated[int | None, typer.Option(min=1, help="Only every so many weeks.")]
On = Annotated[list[str] | None, typer.Option("--on", metavar="DATE", help="On these dates alone.")]
Once = Annotated[bool, typer.Option("--once", help="On the first date alone.")]
Rule = Annotated[str | None, typer.Option(metavar="RRULE", help="Any rule of RFC 5545 that yields dates.")]
Except = Annotated[list[str] | None, typer.Option("--except", metavar="DATE", help="Not on this date.")]
Repeats = Annotated[int | None, typer.Option(min=1, max=20, help="How often it is played in all.")]
Gap = Annotated[float | None, typer.Option(min=0, help="Seconds of silence between two of these.")]
Holidays = Annotated[OnHolidays | None, typer.Option(help="Whether it airs on the commune's holidays.")]
Full = Annotated[Overflow | None, typer.Option("--overflow", help="What becomes of it whenever its slot is full.")]
Order = Annotated[int | None, typer.Option(help="The order within a slot, lowest first.")]
Zones = Annotated[list[str] | None, typer.Option("--zone", help="Only in this zone.")]
IfFull = Annotated[Choice | None, typer.Option(help="What becomes of what does not fit; the choice is recorded.")]
Version = Annotated[int | None, typer.Option(help="Only if it still is at this version, as `schedule show` has it.")]


def rule_from(
    first: str | None, until: str | None, count: int | None, days: str | None, every_weeks: int | None,
    on: list[str] | None, rule: str | None, *, is_once: bool, today: date | None = None, kept: Recurrence | None = None,
) -> Recurrence | None:  # fmt: skip
    """The rule that the options say, from today on where nobody says since when; None where they say nothing.

    With a rule that is kept, an option that only says since when, until when or how often leaves its days as they are.
    """
    said = {
        "--on": bool(on),
        "--once": is_once,
        "--rule": rule is not None,
        "--days, --every-weeks, --until, --count": any(
            option is not None for option in (until, count, days, every_weeks)
        ),
    }
    named = [name for name, is_said in said.items() if is_said]
    if len(named) > 1:
        raise InputError("These options exclude each other: {options}.", options="; ".join(named))
    if on:
        return on_dates([date_of(text) for text in on])
    if not named and first is None:
        return None
    last = date_of(until) if until is not None else None
    if kept is not None and not (is_once or rule is not None or days or every_weeks):
        return adjusted(kept, first=date_of(first) if first is not None else None, until=last, count=count)
    begins = date_of(first) if first is not None else today or clock.now().astimezone().date()
    if is_once:
        return once(begins)
    if rule is not None:
        return Recurrence(begins, rule)
    weekdays = [name.strip().lower() for name in days.split(",")] if days else []
    return recurrence(begins, weekdays=weekdays, every_weeks=every_weeks, until=last, count=count)


def changes(
    slots: list[str] | None, times: list[str] | None, when: Recurrence | None, exceptions: list[str] | None,
    repeats: int | None, gap_s: float | None, holidays: OnHolidays | None, overflow: Overflow | None,
    order: int | None, zones: list[str] | None,
) -> dict[str, Any]:  # fmt: skip
    """The keys of a schedule that the options say; what they leave out is left out."""
    said: dict[str, Any] = {
        "repeats": repeats, "gap_s": gap_s, "on_holidays": holidays, "overflow": overflow, "order": order,
        "zones": zones, "exdates": [date_of(text).isoformat() for text in exceptions] if exceptions else None,
    }  # fmt: skip
    if when is not None:
        said |= {"dtstart": when.dtstart.isoformat(), "rrule": when.rrule}
    if slots or times:
        said |= {"slots": slots or [], "times": [text.zfill(len("07:15")) for text in times or []]}
    return {name: value for name, value in said.items() if value is not None}
