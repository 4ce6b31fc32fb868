"""The commune's time: slots, quiet hours, reserved windows, and rules that yield local dates.

Rules live in local time with their zone and are expanded per occurrence; instants are UTC. A local time that a
clock change skips is read with the offset before the gap (RFC 5545, 3.3.5), one that occurs twice means the first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from broadcaster.errors import InputError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALL_DAYS = frozenset(range(7))
WEEKEND = frozenset({5, 6})
_FORBIDDEN = (
    "HOURLY",
    "MINUTELY",
    "SECONDLY",
    "BYHOUR",
    "BYMINUTE",
    "BYSECOND",
    "DTSTART",
    "RDATE",
    "EXDATE",
    "EXRULE",
)

Interval = tuple[datetime, datetime]
"""A half-open stretch of time in UTC: the start belongs to it, the end does not."""


@dataclass(frozen=True, slots=True)
class Window:
    """A daily local window, half-open; an end at or before the start means the next day."""

    start: time
    end: time

    def on(self, day: date, zone: ZoneInfo) -> Interval:
        last = day if self.end > self.start else day + timedelta(days=1)
        return instant(day, self.start, zone), instant(last, self.end, zone)


@dataclass(frozen=True, slots=True)
class Slot:
    """A named daily window in which bulletins air, one after the other; `days` holds weekdays, Monday 0."""

    name: str
    window: Window
    days: frozenset[int] = ALL_DAYS


@dataclass(frozen=True, slots=True)
class Blocked:
    """A daily window in which nothing of ours sounds, and why."""

    window: Window
    reason: str
    days: frozenset[int] = ALL_DAYS


@dataclass(frozen=True, slots=True)
class Caps:
    """What a commune's own rules allow at most; None does not restrict.

    A session is one slot in which something airs, or one fixed time outside any slot.
    """

    sessions_per_day: int | None = None
    per_session: timedelta | None = None
    weekends: bool = True

    def sessions_on(self, day: date) -> int | None:
        """How many sessions a local date may have."""
        if not self.weekends and day.weekday() in WEEKEND:
            return 0
        return self.sessions_per_day


@dataclass(frozen=True, slots=True)
class CommuneTimetable:
    """What the planner knows of a commune. `holidays` are local dates; what lies far from the plan may be missing."""

    commune: str
    zone: ZoneInfo
    slots: tuple[Slot, ...]
    quiet_hours: Window | None
    reserved: tuple[Blocked, ...] = ()
    caps: Caps | None = None
    holidays: frozenset[date] = frozenset()

    def quiet_around(self, day: date) -> Iterator[Interval]:
        """The quiet hours that can touch what begins on a local date: its own and those of the dates beside it."""
        for near in beside(day):
            yield from self.quiet_on(near)

    def quiet_on(self, day: date) -> Iterator[Interval]:
        """The quiet hours that begin on a local date."""
        if self.quiet_hours is not None:
            yield self.quiet_hours.on(day, self.zone)

    def reserved_around(self, day: date) -> Iterator[Interval]:
        """The reserved windows that can touch what begins on a local date."""
        for near in beside(day):
            yield from self.reserved_on(near)

    def reserved_on(self, day: date) -> Iterator[Interval]:
        """The reserved windows that begin on a local date."""
        for blocked in self.reserved:
            if day.weekday() in blocked.days:
                yield blocked.window.on(day, self.zone)

    def is_quiet(self, interval: Interval) -> bool:
        """Whether any moment of the interval, at most a day long, lies in the quiet hours."""
        start, end = interval
        quiet = self.quiet_around(start.astimezone(self.zone).date())
        return any(start < until and since < end for since, until in quiet)

    def latest_start(self, due: datetime, duration: timedelta, grace: timedelta) -> datetime:
        """The last moment at which an airing due at `due` may still begin: within the grace, out of blocked time."""
        day = due.astimezone(self.zone).date()
        starts = [
            start for start, _ in (*self.quiet_around(day), *self.reserved_around(day)) if start >= due + duration
        ]
        return min([due + grace, *(start - duration for start in starts)])


def beside(day: date) -> tuple[date, date, date]:
    """A date between the one before it and the one after it."""
    return day - timedelta(days=1), day, day + timedelta(days=1)


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a local date and time."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def local_time(text: str) -> time:
    """A time of day from "HH:MM" or "HH:MM:SS"."""
    parts = text.split(":")
    try:
        # isdigit, because int() takes "+7", " 7" and the figures of other scripts too.
        if len(parts) in (2, 3) and all(len(part) == 2 and part.isascii() and part.isdigit() for part in parts):
            hour, minute, second = map(int, [*parts, "00"][:3])
            return time(hour, minute, second)
    except ValueError:
        pass
    raise InputError('{text} is not a time of day. Write it as "17:00", in quotes.', text=text)


def weekdays(names: Sequence[str]) -> frozenset[int]:
    """Weekday numbers (Monday 0) from `mon` to `sun`."""
    for name in names:
        if name not in WEEKDAYS:
            raise InputError("Unknown weekday {name}. Known: {known}.", name=name, known=", ".join(WEEKDAYS))
    return frozenset(WEEKDAYS.index(name) for name in names)


def local_dates(rule: str, dtstart: date, first: date, last: date) -> Iterator[date]:
    """The local dates from `first` to `last`, both included, on which an RFC 5545 rule occurs.

    COUNT counts dates. Raises InputError for a rule that cannot be read or occurs more often than daily.
    """
    for word in _FORBIDDEN:
        if word in rule.upper():
            raise InputError("The rule {rule} may not hold {word}: a rule yields dates.", rule=rule, word=word)
    try:
        dates = rrulestr(_ending(rule, last), dtstart=datetime.combine(dtstart, time()))
        for occurrence in dates.xafter(datetime.combine(first, time()), inc=True):
            if occurrence.date() > last:
                return
            yield occurrence.date()
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InputError("The rule {rule} cannot be read: {error}", rule=rule, error=error) from error


def _ending(rule: str, last: date) -> str:
    """The rule with an UNTIL no later than `last`, so that an endless rule is not followed beyond it."""
    if any(character.isspace() for character in rule):
        raise ValueError("a rule has no spaces")  # dateutil cuts at them, and what stands behind would go unchecked
    parts = rule_parts(rule)
    if int(parts.get("INTERVAL", "1")) < 1:
        raise ValueError("INTERVAL must be 1 or more")  # dateutil would search for ever
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("COUNT and UNTIL exclude each other")  # RFC 5545, 3.3.10
    if "COUNT" not in parts:
        until = datetime.strptime(parts["UNTIL"][:8], "%Y%m%d").date() if "UNTIL" in parts else last  # noqa: DTZ007
        parts["UNTIL"] = f"{min(until, last):%Y%m%d}"
    return ";".join(f"{key}={value}" for key, value in parts.items())


def rule_parts(rule: str) -> dict[str, str]:
    """The parts of a rule by name, in capitals and in their order. Raises ValueError for what is no rule."""
    named = [part.split("=", 1) for part in rule.upper().removeprefix("RRULE:").split(";") if part]
    if not all(len(part) == 2 for part in named):
        raise ValueError("write it like FREQ=WEEKLY;BYDAY=MO,FR")
    return dict(named)
