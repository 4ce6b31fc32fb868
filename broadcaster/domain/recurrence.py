"""Recurrence in an official's words - once, daily, these weekdays, every N weeks, these dates - as RFC 5545 rules."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

from broadcaster.domain.timetable import WEEKDAYS, local_dates, rule_parts
from broadcaster.errors import InputError

_BYDAY = dict(zip(WEEKDAYS, ("MO", "TU", "WE", "TH", "FR", "SA", "SU"), strict=True))
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LONGEST = timedelta(days=364)  # in which no day of the year comes twice, leap year or not
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A rule and the date from which it holds; see `timetable.local_dates` for what it yields."""

    dtstart: date
    rrule: str


@dataclass(frozen=True, slots=True)
class Described:
    """A part of a rule in words: a template of ours with its values, which may be parts themselves."""

    template: str
    values: Mapping[str, object]


def recurrence(
    first: date,
    *,
    weekdays: Collection[str] = (),
    every_weeks: int | None = None,
    until: date | None = None,
    count: int | None = None,
) -> Recurrence:
    """Every day from `first` on, or only on some weekdays (`mon` to `sun`) of every so-many-th week.

    Endless without `until` (the last date) or `count` (of dates). Raises InputError for both, or an `until` before it.
    """
    if until is not None and count is not None:
        raise InputError("Say either until when or how often, not both.")
    if until is not None and until < first:
        raise InputError("It would end on {until}, before it begins on {first}.", until=until, first=first)
    unknown = next((name for name in weekdays if name not in _BYDAY), None)
    if unknown is not None:
        raise InputError("Unknown weekday {name}. Known: {known}.", name=unknown, known=", ".join(WEEKDAYS))
    parts = ["FREQ=DAILY"]
    if weekdays or every_weeks:
        named = [_BYDAY[name] for name in WEEKDAYS if name in weekdays] or [_BYDAY[WEEKDAYS[first.weekday()]]]
        parts = ["FREQ=WEEKLY", *([f"INTERVAL={every_weeks}"] if every_weeks else []), f"BYDAY={','.join(named)}"]
    if until is not None:
        parts.append(f"UNTIL={until:%Y%m%d}")
    if count is not None:
        parts.append(f"COUNT={count}")
    return Recurrence(first, ";".join(parts))


def once(day: date) -> Recurrence:
    return Recurrence(day, "FREQ=DAILY;COUNT=1")


def on_dates(days: Collection[date]) -> Recurrence:
    """Exactly these dates, by their days of the year. Raises InputError for none, or more than a year between them."""
    listed = sorted(set(days))
    if not listed:
        raise InputError("Name at least one date.")
    if len(listed) == 1:
        return once(listed[0])
    if listed[-1] - listed[0] > _LONGEST:
        raise InputError("These dates lie more than a year apart; make a schedule for each year.")
    numbers = ",".join(str(day.timetuple().tm_yday) for day in listed)
    return Recurrence(listed[0], f"FREQ=YEARLY;BYYEARDAY={numbers};COUNT={len(listed)}")


def adjusted(
    rule: Recurrence, *, first: date | None = None, until: date | None = None, count: int | None = None
) -> Recurrence:
    """The same days from another first date on, or with another end. Raises InputError for a list of dates."""
    parts = rule_parts(rule.rrule)
    if "BYYEARDAY" in parts:
        raise InputError("This schedule airs on single dates; name them anew with --on.")
    if until is not None and count is not None:
        raise InputError("Say either until when or how often, not both.")
    begins = first or rule.dtstart
    if until is not None and until < begins:
        raise InputError("It would end on {until}, before it begins on {first}.", until=until, first=begins)
    if until is not None or count is not None:
        parts.pop("UNTIL", None)
        parts.pop("COUNT", None)
        parts |= {"UNTIL": f"{until:%Y%m%d}"} if until is not None else {"COUNT": str(count)}
    return Recurrence(begins, ";".join(f"{name}={value}" for name, value in parts.items()))


def described(rule: Recurrence) -> list[Described]:
    """The rule in words, part by part; one that is not made of the words above as it stands."""
    parts = rule_parts(rule.rrule)
    until, count = parts.pop("UNTIL", None), parts.pop("COUNT", None)
    if parts == {"FREQ": "DAILY"} and count == "1":
        return [Described("once, on {first}", {"first": _shown(rule.dtstart)})]
    if set(parts) == {"FREQ", "BYYEARDAY"} and count == str(len(parts["BYYEARDAY"].split(","))):
        days = [*islice(local_dates(rule.rrule, rule.dtstart, rule.dtstart, date.max), _SHOWN + 1)]
        named = [*map(_shown, days[:_SHOWN]), *(["…"] if len(days) > _SHOWN else [])]
        return [Described("on these dates: {dates}", {"dates": ", ".join(named)})]
    found = [_which_days(parts, rule), Described("from {first}", {"first": _shown(rule.dtstart)})]
    if until is not None:
        last = datetime.strptime(until[:8], "%Y%m%d").date()  # noqa: DTZ007 - a date
        found.append(Described("until {last}", {"last": _shown(last)}))
    if count is not None:
        found.append(Described("{count} times", {"count": count}))
    return found


def _which_days(parts: Mapping[str, str], rule: Recurrence) -> Described:
    names = dict(zip(_BYDAY.values(), DAY_NAMES, strict=True))
    listed = parts.get("BYDAY", "").split(",")
    if parts == {"FREQ": "DAILY"}:
        return Described("every day", {})
    if parts.get("FREQ") == "WEEKLY" and set(parts) <= {"FREQ", "INTERVAL", "BYDAY"} and set(listed) <= set(names):
        days = [Described(names[short], {}) for short in listed]
        if parts.get("INTERVAL", "1") == "1":
            return Described("every week on {days}", {"days": days})
        return Described("every {weeks} weeks on {days}", {"weeks": parts["INTERVAL"], "days": days})
    return Described("by the rule {rule}", {"rule": rule.rrule})


def _shown(day: date) -> str:
    return f"{day:%d/%m/%Y}"
