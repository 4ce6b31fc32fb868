"""What is wished for a commune's days, what may not air when, and what was planned: the values of the planner.

`laying` is the arithmetic over them. Pure: values in, values out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from broadcaster.domain.airing import AiringKey, Reason
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.timetable import CommuneTimetable, Interval, beside


class OnHolidays(StrEnum):
    KEEP = "keep"
    SKIP = "skip"


class Overflow(StrEnum):
    """What becomes of an airing that does not fit into its slot any more."""

    SKIP = "skip"
    NEXT_SLOT = "next_slot"
    NEXT_DAY = "next_day"


@dataclass(frozen=True, slots=True)
class Wish:
    """One schedule's wish for a day of one commune: a slot by its name or a fixed local time.

    `duration` holds all repeats and the gaps between them. `age` orders wishes of equal priority and order, oldest
    first; a rehearsal (test mode only) is held back by no hours, holidays or caps.
    """

    schedule: str
    duration: timedelta
    priority: Priority
    order: int
    age: tuple[datetime, str]
    slot: str | None = None
    at: str | None = None
    expires_at: datetime | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    is_rehearsal: bool = False
    on_holidays: OnHolidays = OnHolidays.KEEP
    overflow: Overflow = Overflow.SKIP
    rank: tuple[int, int, tuple[datetime, str]] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rank", (self.priority.rank, self.order, self.age))

    @property
    def place_in_day(self) -> str:
        return self.slot or self.at or ""


def whole_length(once: timedelta, repeats: int, gap: timedelta) -> timedelta:
    """How long a clip takes that plays so many times in all, with a gap between two of them."""
    return once * repeats + gap * (repeats - 1)


class Wanted(NamedTuple):
    """A wish on one of its dates: `date` is the rule's, before any move."""

    date: date
    wish: Wish


class PlannedAiring(NamedTuple):
    """One airing as planned; `blocked` says why it will be skipped unless the plan changes before it is due."""

    key: AiringKey
    due_at: datetime
    ends_at: datetime
    blocked: Reason | None


class BlockedTime(NamedTuple):
    """The stretches of time around a day in which nothing may sound, and whether it is a holiday."""

    quiet: Sequence[Interval]
    reserved: Sequence[Interval]
    is_holiday: bool

    @classmethod
    def on(cls, timetable: CommuneTimetable, day: date) -> "BlockedTime":
        """The windows that begin on a day."""
        return cls(list(timetable.quiet_on(day)), list(timetable.reserved_on(day)), day in timetable.holidays)

    @classmethod
    def around(cls, timetable: CommuneTimetable, day: date) -> "BlockedTime":
        return cls.joined(*(cls.on(timetable, near) for near in beside(day)))

    @classmethod
    def joined(cls, before: "BlockedTime", day: "BlockedTime", after: "BlockedTime") -> "BlockedTime":
        """What can touch a day, of the windows that begin on it and on the two dates beside it."""
        quiet, reserved = (*before.quiet, *day.quiet, *after.quiet), (*before.reserved, *day.reserved, *after.reserved)
        return cls(quiet, reserved, day.is_holiday)

    def reason(self, start: datetime, end: datetime) -> Reason | None:
        """Which window a stretch of time would touch; None where it is free."""
        for since, until in self.quiet:
            if start < until and since < end:
                return Reason.QUIET_HOURS
        for since, until in self.reserved:
            if start < until and since < end:
                return Reason.RESERVED
        return None


class HeldAiring(NamedTuple):
    """When an airing sounds that stays where it is, and whether it counts towards the caps.

    An emergency takes its time and no session from others; neither does a rehearsal.
    """

    start: datetime
    end: datetime
    counts: bool = True


Held = Mapping[AiringKey, HeldAiring]
"""The airings of a commune that were begun or whose time has come: they stay where they are."""

NEAR = timedelta(seconds=30)
"""What was handed over and is due within this stays as it is, whatever is planned since: old or new, never a mix."""


def obstacle(blocked: BlockedTime, wish: Wish, start: datetime, end: datetime) -> Reason | None:
    """The first reason for which a wish may not air in this stretch of time, whatever else airs; None if it may."""
    if wish.expires_at is not None and start >= wish.expires_at:
        return Reason.EXPIRED
    if (wish.valid_from and start < wish.valid_from) or (wish.valid_until and start >= wish.valid_until):
        return Reason.OUTSIDE_APPROVAL
    if wish.is_rehearsal:
        return None
    if blocked.is_holiday and wish.on_holidays is OnHolidays.SKIP:
        return Reason.HOLIDAY
    return blocked.reason(start, end)


def dates_of_wish(
    dates: Iterator[date] | Sequence[date], exdates: frozenset[date], moved: Mapping[date, date]
) -> Iterator[tuple[date, date]]:
    """A rule's dates as (the rule's date, the date it airs on): without exceptions, and with what was moved, moved."""
    for day in dates:
        if day not in exdates:
            yield day, moved.get(day, day)
