"""Changing single dates of a schedule without touching its series. A person names the date on which it airs."""

from datetime import date
from itertools import islice

from broadcaster.domain.timetable import local_dates
from broadcaster.errors import InputError
from broadcaster.services.exchange import Move, ScheduleEntry


def moved(entry: ScheduleEntry, day: date, to: date) -> ScheduleEntry:
    """The airings of a date on another one. Raises InputError where nothing of it airs on that date, or it is full."""
    rule_date = airs_on(entry, day)
    if to == day:
        raise InputError("{date} would be moved to itself.", date=to)
    if _rule_date(entry, to) is not None:
        raise InputError("Schedule {schedule} airs on {date} already. Skip {day} instead.",
                         schedule=entry.id, date=to, day=day)  # fmt: skip
    others = [move for move in entry.moved if move.rule_date != rule_date]
    made = [] if to == rule_date else [Move(**{"from": rule_date, "to": to})]
    return entry.model_copy(update={"moved": [*others, *made]})


def skipped(entry: ScheduleEntry, day: date) -> ScheduleEntry:
    """Without the airings of a date."""
    rule_date = airs_on(entry, day)
    others = [move for move in entry.moved if move.rule_date != rule_date]
    return entry.model_copy(update={"exdates": sorted({*entry.exdates, rule_date}), "moved": others})


def restored(entry: ScheduleEntry, day: date) -> ScheduleEntry:
    """A date of the rule as it was before it was skipped or moved."""
    others = [move for move in entry.moved if move.rule_date != day]
    if day not in entry.exdates and len(others) == len(entry.moved):
        raise InputError("Schedule {schedule} neither skips nor moves {date}.", schedule=entry.id, date=day)
    if any(move.to == day for move in others):
        raise InputError("Schedule {schedule} airs on {date} already. Skip {day} instead.",
                         schedule=entry.id, date=day, day=day)  # fmt: skip
    kept = [exception for exception in entry.exdates if exception != day]
    return entry.model_copy(update={"exdates": kept, "moved": others})


def airs_on(entry: ScheduleEntry, day: date) -> date:
    """The rule's date of what airs on a date. Raises InputError, naming dates on which it airs, where nothing does."""
    rule_date = _rule_date(entry, day)
    if rule_date is None:
        away = {*entry.exdates, *(move.rule_date for move in entry.moved)}
        coming = islice((d for d in local_dates(entry.rrule, entry.dtstart, day, date.max) if d not in away), 3)
        raise InputError(
            "Schedule {schedule} does not air on {date}. Next dates: {dates}.",
            schedule=entry.id, date=day, dates=", ".join(map(str, coming)) or "-",
        )  # fmt: skip
    return rule_date


def _rule_date(entry: ScheduleEntry, day: date) -> date | None:
    for move in entry.moved:
        if move.to == day:
            return move.rule_date
    is_of_rule = any(local_dates(entry.rrule, entry.dtstart, day, day))
    is_away = day in entry.exdates or any(move.rule_date == day for move in entry.moved)
    return day if is_of_rule and not is_away else None
