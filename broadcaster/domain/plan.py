"""The planner's arithmetic: which airings a commune's day holds, when each is due, and what stands in its way.

Pure: values in, values out. Items of a slot are laid end to end by priority, then order, then age; one that does
not fit is blocked and leaves its room to the next. Quiet hours and reserved windows block whatever touches them.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from broadcaster.domain.airing import AiringKey, Reason
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.timetable import CommuneTimetable, Interval, Slot, instant, local_time


@dataclass(frozen=True, slots=True)
class Wish:
    """One schedule's wish for a day of one commune: a slot by its name or a fixed local time.

    `age` orders wishes of equal priority and order, oldest first; a rehearsal (test mode only) is held back by
    neither quiet hours nor reserved windows.
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

    @property
    def place_in_day(self) -> str:
        return self.slot or self.at or ""

    @property
    def rank(self) -> tuple[int, int, tuple[datetime, str]]:
        return self.priority.rank, self.order, self.age


class PlannedAiring(NamedTuple):
    """One airing as planned; `blocked` says why it will be skipped unless the plan changes before it is due."""

    key: AiringKey
    due_at: datetime
    ends_at: datetime
    blocked: Reason | None


class BlockedTime(NamedTuple):
    """The stretches of time around a day in which nothing may sound."""

    quiet: Sequence[Interval]
    reserved: Sequence[Interval]

    @classmethod
    def around(cls, timetable: CommuneTimetable, day: date) -> "BlockedTime":
        return cls(list(timetable.quiet_around(day)), list(timetable.reserved_around(day)))


Held = Mapping[AiringKey, Interval]
"""The airings of a day that were begun or whose time has come: they stay where they are."""


def lay_day(
    timetable: CommuneTimetable, day: date, wishes: Sequence[Wish], held: Held = MappingProxyType({})
) -> list[PlannedAiring]:
    """The airings of one commune and local date, by due time; slots are laid around those that are held.

    Wishes for a slot that the day lacks, and those whose airing is held, yield none.
    """
    laid: list[tuple[Wish, PlannedAiring]] = []
    taken = sorted(held.values())
    if held:
        wishes = [w for w in wishes if AiringKey(w.schedule, timetable.commune, day, w.place_in_day) not in held]
    blocked = BlockedTime.around(timetable, day)
    for slot in sorted(timetable.slots, key=lambda slot: slot.window.start):
        if day.weekday() in slot.days:
            queue = sorted((wish for wish in wishes if wish.slot == slot.name), key=lambda wish: wish.rank)
            laid += _lay_slot(timetable, blocked, slot, day, queue, taken)
    for wish in wishes:
        if wish.at is not None:
            due = instant(day, local_time(wish.at), timetable.zone)
            key = AiringKey(wish.schedule, timetable.commune, day, wish.place_in_day)
            laid.append((wish, _airing(key, blocked, wish, due, None)))
    return sorted(_without_overlaps(laid), key=lambda airing: (airing.due_at, airing.key))


def _lay_slot(
    timetable: CommuneTimetable,
    blocked: BlockedTime,
    slot: Slot,
    day: date,
    wishes: Iterable[Wish],
    taken: Sequence[Interval],
) -> Iterator[tuple[Wish, PlannedAiring]]:
    due, slot_end = slot.window.on(day, timetable.zone)
    for wish in wishes:
        key = AiringKey(wish.schedule, timetable.commune, day, slot.name)
        airing = _airing(key, blocked, wish, _free_from(due, wish.duration, taken), slot_end)
        yield wish, airing
        if airing.blocked is None:
            due = airing.ends_at


def _free_from(due: datetime, duration: timedelta, taken: Sequence[Interval]) -> datetime:
    """The first moment from `due` on at which nothing taken would sound at once; `taken` is in order."""
    for start, end in taken:
        if start < due + duration and due < end:
            due = end
    return due


def _airing(
    key: AiringKey, blocked: BlockedTime, wish: Wish, due: datetime, slot_end: datetime | None
) -> PlannedAiring:
    ends = due + wish.duration
    return PlannedAiring(key, due, ends, obstacle(blocked, wish, (due, ends), slot_end))


def obstacle(blocked: BlockedTime, wish: Wish, when: Interval, slot_end: datetime | None = None) -> Reason | None:
    """The first reason for which a wish may not air in this stretch of time, or None."""
    start, end = when
    if wish.expires_at is not None and start >= wish.expires_at:
        return Reason.EXPIRED
    if (wish.valid_from and start < wish.valid_from) or (wish.valid_until and start >= wish.valid_until):
        return Reason.OUTSIDE_APPROVAL
    if not wish.is_rehearsal:
        for since, until in blocked.quiet:
            if start < until and since < end:
                return Reason.QUIET_HOURS
        for since, until in blocked.reserved:
            if start < until and since < end:
                return Reason.RESERVED
    if slot_end is not None and end > slot_end:
        return Reason.SLOT_FULL
    return None


def _precedence(laid: tuple[Wish, PlannedAiring]) -> tuple[object, ...]:
    """Who stays where two would sound at once: the higher priority, then the earlier; the rest makes it definite."""
    wish, airing = laid
    return wish.priority.rank, airing.due_at, wish.order, wish.age, airing.key


def _without_overlaps(laid: Sequence[tuple[Wish, PlannedAiring]]) -> Iterator[PlannedAiring]:
    """Block the lower priority, then the later, of two airings that would sound at once."""
    starts: list[datetime] = []
    ends: list[datetime] = []
    for _, airing in sorted(laid, key=_precedence):
        place = bisect_left(starts, airing.due_at)
        meets_earlier = place > 0 and ends[place - 1] > airing.due_at
        meets_later = place < len(starts) and starts[place] < airing.ends_at
        if airing.blocked is not None:
            yield airing
        elif meets_earlier or meets_later:
            yield airing._replace(blocked=Reason.OVERLAP)
        else:
            starts.insert(place, airing.due_at)
            ends.insert(place, airing.ends_at)
            yield airing
