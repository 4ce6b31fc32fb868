"""The planner's arithmetic: which airings a commune's day holds, when each is due, and what stands in its way.

Pure: values in, values out. Items of a slot are laid end to end by priority, then order, then age; one that does
not fit is blocked and leaves its room to the next. Quiet hours and reserved windows block whatever touches them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from broadcaster.domain.airing import AiringKey, Reason
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.timetable import CommuneTimetable, Interval, Slot, instant, local_time


@dataclass(frozen=True, slots=True)
class Wish:
    """One schedule's wish for one commune and local date: a slot by its name or a fixed local time.

    `age` orders wishes of equal priority and order, oldest first; a rehearsal (test mode only) is held back by
    neither quiet hours nor reserved windows.
    """

    schedule: str
    local_date: date
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


@dataclass(frozen=True, slots=True)
class PlannedAiring:
    """One airing as planned; `blocked` says why it will be skipped unless the plan changes before it is due."""

    key: AiringKey
    due_at: datetime
    ends_at: datetime
    blocked: Reason | None


def lay_day(timetable: CommuneTimetable, day: date, wishes: Sequence[Wish]) -> list[PlannedAiring]:
    """The airings of one commune and local date, by due time. Wishes for a slot that the day lacks yield none."""
    laid: list[tuple[Wish, PlannedAiring]] = []
    for slot in sorted(timetable.slots, key=lambda slot: slot.window.start):
        if day.weekday() in slot.days:
            laid += _lay_slot(
                timetable, slot, day, sorted((w for w in wishes if w.slot == slot.name), key=lambda w: w.rank)
            )
    for wish in wishes:
        if wish.at is not None:
            due = instant(day, local_time(wish.at), timetable.zone)
            laid.append((wish, _airing(timetable, wish, due, None)))
    return sorted(_without_overlaps(laid), key=lambda airing: (airing.due_at, airing.key))


def _lay_slot(
    timetable: CommuneTimetable, slot: Slot, day: date, wishes: Iterable[Wish]
) -> Iterator[tuple[Wish, PlannedAiring]]:
    due, slot_end = slot.window.on(day, timetable.zone)
    for wish in wishes:
        airing = _airing(timetable, wish, due, slot_end)
        yield wish, airing
        if airing.blocked is None:
            due = airing.ends_at


def _airing(timetable: CommuneTimetable, wish: Wish, due: datetime, slot_end: datetime | None) -> PlannedAiring:
    key = AiringKey(wish.schedule, timetable.commune, wish.local_date, wish.place_in_day)
    ends = due + wish.duration
    return PlannedAiring(key, due, ends, obstacle(timetable, wish, (due, ends), slot_end))


def obstacle(
    timetable: CommuneTimetable, wish: Wish, when: Interval, slot_end: datetime | None = None
) -> Reason | None:
    """The first reason for which a wish may not air in this stretch of time, or None."""
    start, end = when
    if wish.expires_at is not None and start >= wish.expires_at:
        return Reason.EXPIRED
    if (wish.valid_from and start < wish.valid_from) or (wish.valid_until and start >= wish.valid_until):
        return Reason.OUTSIDE_APPROVAL
    if not wish.is_rehearsal and timetable.is_quiet(when):
        return Reason.QUIET_HOURS
    if not wish.is_rehearsal and timetable.is_reserved(when):
        return Reason.RESERVED
    if slot_end is not None and end > slot_end:
        return Reason.SLOT_FULL
    return None


def _without_overlaps(laid: Sequence[tuple[Wish, PlannedAiring]]) -> Iterator[PlannedAiring]:
    """Block the lower priority, then the later, of two airings that would sound at once."""
    taken: list[Interval] = []
    for _, airing in sorted(laid, key=lambda pair: (pair[0].priority.rank, pair[1].due_at, pair[0].rank, pair[1].key)):
        if airing.blocked is not None:
            yield airing
        elif any(airing.due_at < end and start < airing.ends_at for start, end in taken):
            yield PlannedAiring(airing.key, airing.due_at, airing.ends_at, Reason.OVERLAP)
        else:
            taken.append((airing.due_at, airing.ends_at))
            yield airing
