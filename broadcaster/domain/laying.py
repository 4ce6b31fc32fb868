"""The planner's arithmetic: which airings a commune's days hold, when each is due, and what stands in its way.

Items of a slot are laid end to end by priority, then order, then age; one that does not fit is blocked and leaves its
room to the next, unless it may go on to another slot. Quiet hours and reserved windows block whatever touches them;
caps keep the earliest sessions of a day. Of two airings that would sound at once the lower priority, then the later,
is blocked.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from broadcaster.domain.airing import AiringKey, Reason
from broadcaster.domain.plan import BlockedTime, Held, Overflow, PlannedAiring, Wanted, Wish, obstacle
from broadcaster.domain.timetable import CommuneTimetable, Interval, beside, instant, local_time

_DAY = timedelta(days=1)
_ByDay = Mapping[date, Sequence[Wanted]]
_RANK = attrgetter("wish.rank")
_GOES_ON = frozenset({Reason.SLOT_FULL, Reason.CAP_MINUTES})
"""What sends an airing on to another slot, if it may go."""


class _Item(NamedTuple):
    """A wanted airing in the queue of a session. `due` is fixed, or None for what is laid; `day` is that of the wish.

    `first` is how it was blocked where it was wished for, once it goes on, and `until` the last date it is tried on.
    """

    wish: Wish
    key: AiringKey
    due: datetime | None
    day: date
    first: PlannedAiring | None = None
    until: date = date.min


class _Laid(NamedTuple):
    wish: Wish
    airing: PlannedAiring


@dataclass(slots=True)
class _Session:
    """One slot of a day, or one fixed time outside any slot (then `slot` is empty)."""

    start: datetime
    end: datetime
    slot: str
    items: list[_Item] = field(default_factory=list)
    held: timedelta = timedelta()
    """How much of it is taken by what was begun; found only where there are caps."""
    is_begun: bool = False

    def holds(self, moment: datetime) -> bool:
        return moment == self.start or self.start <= moment < self.end


def lay(
    timetable: CommuneTimetable, wanted: Mapping[date, Sequence[Wanted]], held: Held = MappingProxyType({})
) -> list[PlannedAiring]:
    """The airings of one commune, by due time, laid around those that are held.

    `wanted` has what is wished for each local date, after moves. Wishes for a slot that a day lacks, and those whose
    airing is held, yield none. What may go on to another slot is tried until the day after its own.
    """
    taken = sorted((airing.start, airing.end) for airing in held.values())
    counted = sorted((airing.start, airing.end) for airing in held.values() if airing.counts)
    laying = _Laying(timetable, held, taken, counted)
    wanted, early = _of_the_day_before(timetable, wanted)
    days = {*wanted, *early}
    for day in sorted(days):
        laying.lay_day(day, wanted.get(day, ()), early.get(day, ()))
        if day + _DAY in laying.goes_on and day + _DAY not in days:
            laying.lay_day(day + _DAY, (), ())
    return sorted(_without_overlaps(laying.laid), key=lambda airing: (airing.due_at, airing.key))


@dataclass(slots=True)
class _Laying:
    timetable: CommuneTimetable
    held: Held
    taken: Sequence[Interval]
    counted: Sequence[Interval]
    """What of it the caps count."""
    laid: list[_Laid] = field(default_factory=list)
    blocked: dict[date, BlockedTime] = field(default_factory=dict)
    goes_on: dict[date, dict[str, list[_Item]]] = field(default_factory=dict)
    """By date and slot what did not fit the day before; under "" what waits for the first slot of the day."""

    def lay_day(self, day: date, wanted: Iterable[Wanted], early: Iterable[Wanted]) -> None:
        caps = self.timetable.caps
        most = caps.sessions_on(day) if caps is not None else None
        coming = self.goes_on.pop(day, {})
        waiting = coming.pop("", [])
        sessions = self._sessions(day, ((day, wanted), (day + _DAY, early)), coming)
        begun = sum(session.is_begun for session in sessions)
        free = None if most is None else most - begun  # what was begun has its place, however late in the day
        count = 0
        for session in sessions:
            if session.slot:
                session.items += waiting
                waiting = []
            is_over = free is not None and count >= free and not session.is_begun
            is_aired, left = self._lay_session(session, day, is_over=is_over)
            count += is_aired and not session.is_begun
            for item in left:
                if item.wish.overflow is Overflow.NEXT_SLOT:
                    waiting.append(item)
                else:
                    self._go_on(item, day, session.slot)
        for item in [*waiting, *(item for items in coming.values() for item in items)]:
            self._go_on(item, day, "")

    def _blocked_around(self, day: date) -> BlockedTime:
        """As `BlockedTime.around`, but the windows of each date are found once for the three days that they touch."""
        near = beside(day)
        for found in near:
            if found not in self.blocked:
                self.blocked[found] = BlockedTime.on(self.timetable, found)
        return BlockedTime.joined(*(self.blocked[found] for found in near))

    def _go_on(self, item: _Item, day: date, slot: str) -> None:
        """To the next day, if it may still be tried there; else it stays where it was wished for, blocked."""
        if day < item.until:
            self.goes_on.setdefault(day + _DAY, {}).setdefault(slot, []).append(item)
        elif item.first is not None:
            self.laid.append(_Laid(item.wish, item.first))

    def _sessions(
        self, day: date, wanted: Iterable[tuple[date, Iterable[Wanted]]], coming: dict[str, list[_Item]]
    ) -> list[_Session]:
        """The day's sessions in their order, each with what is wished for it. Takes out of `coming` what it places."""
        slots: dict[str, _Session] = {}
        for slot in self.timetable.slots:
            if day.weekday() in slot.days:
                start, end = slot.window.on(day, self.timetable.zone)
                slots[slot.name] = _Session(start, end, slot.name, coming.pop(slot.name, []))
        fixed: dict[datetime, _Session] = {}
        for on, rule_date, wish in ((on, *item) for on, items in wanted for item in items):
            key = AiringKey(wish.schedule, self.timetable.commune, rule_date, wish.place_in_day)
            if key in self.held:
                continue
            if wish.slot is not None:
                if wish.slot in slots:
                    slots[wish.slot].items.append(_Item(wish, key, None, day))
            elif wish.at is not None:
                due = instant(on, local_time(wish.at), self.timetable.zone)
                around = next((slot for slot in slots.values() if slot.start <= due < slot.end), None)
                session = around or fixed.setdefault(due, _Session(due, due, ""))
                session.items.append(_Item(wish, key, due, on))
        found = [*slots.values(), *fixed.values()]
        if self.timetable.caps is not None:
            found += self._begun_beside(found, day)
            for session in found:
                inside = [end - start for start, end in self.counted if session.holds(start)]
                session.held, session.is_begun = sum(inside, timedelta()), bool(inside)
        return sorted(found, key=lambda session: session.start)

    def _begun_beside(self, sessions: Sequence[_Session], day: date) -> list[_Session]:
        """What was begun on a day at times that nobody wishes for any more: it was heard, and counts."""
        beside = [start for start, _ in self.counted if not any(session.holds(start) for session in sessions)]
        zone = self.timetable.zone
        return [_Session(start, start, "") for start in beside if start.astimezone(zone).date() == day]

    def _lay_session(self, session: _Session, day: date, *, is_over: bool) -> tuple[bool, list[_Item]]:
        """Lay the queue of a session. Whether anything airs in it that counts, and what goes on to another slot."""
        blocked = self._blocked_around(day)
        caps = self.timetable.caps
        per_session = caps.per_session if caps is not None else None
        used, is_aired = session.held, session.is_begun
        cursor = session.start
        left: list[_Item] = []
        for item in sorted(session.items, key=_RANK):
            wish = item.wish
            start = item.due or free_from(cursor, wish.duration, self.taken)
            end = start + wish.duration
            around = blocked if item.due is None or item.day == day else self._blocked_around(item.day)
            reason = obstacle(around, wish, start, end)
            if reason is None and not wish.is_rehearsal:
                if is_over:
                    reason = Reason.CAP_SESSIONS
                elif per_session is not None and used + wish.duration > per_session:
                    reason = Reason.CAP_MINUTES
            if reason is None and item.due is None and end > session.end:
                reason = Reason.SLOT_FULL
            if reason is None and item.due is not None and _meets(self.taken, start, end):
                reason = Reason.OVERLAP  # what is laid goes around it
            airing = PlannedAiring(item.key, start, end, reason)
            if reason is not None and _may_go_on(item, reason):
                left.append(item if item.first is not None else item._replace(first=airing, until=day + _DAY))
                continue
            self.laid.append(_Laid(wish, airing))
            if reason is None:
                cursor = end if item.due is None else cursor
                if not wish.is_rehearsal:
                    used, is_aired = used + wish.duration, True
        return is_aired, left


def _of_the_day_before(timetable: CommuneTimetable, wanted: _ByDay) -> tuple[_ByDay, _ByDay]:
    """What is wished for, without and with only the fixed times that lie in a slot which began the day before.

    The latter by that day.
    """
    crossing = [slot for slot in timetable.slots if slot.window.end <= slot.window.start]
    if not crossing:
        return wanted, {}
    own: dict[date, list[Wanted]] = {}
    early: dict[date, list[Wanted]] = {}
    for day, found in wanted.items():
        before = day - _DAY
        windows = [slot.window.on(before, timetable.zone) for slot in crossing if before.weekday() in slot.days]
        for item in found:
            due = instant(day, local_time(item.wish.at), timetable.zone) if item.wish.at is not None else None
            is_early = due is not None and any(start <= due < end for start, end in windows)
            (early.setdefault(before, []) if is_early else own.setdefault(day, [])).append(item)
    return own, early


def _may_go_on(item: _Item, reason: Reason) -> bool:
    """Whether an airing that is blocked here is tried in another slot."""
    is_laid = item.due is None and item.wish.overflow is not Overflow.SKIP  # a fixed time has no slot to be full
    return is_laid and (item.first is not None or reason in _GOES_ON)


def free_from(due: datetime, duration: timedelta, taken: Sequence[Interval]) -> datetime:
    """The first moment from `due` on at which nothing taken would sound at once; `taken` is in order."""
    for start, end in taken:
        if start < due + duration and due < end:
            due = end
    return due


def _meets(taken: Iterable[Interval], start: datetime, end: datetime) -> bool:
    return any(since < end and start < until for since, until in taken)


def _precedence(laid: _Laid) -> tuple[object, ...]:
    """Who stays where two would sound at once: the higher priority, then the earlier; the rest makes it definite."""
    wish, airing = laid
    return wish.priority.rank, airing.due_at, wish.order, wish.age, airing.key


def _without_overlaps(laid: Sequence[_Laid]) -> Iterator[PlannedAiring]:
    """Block the lower priority, then the later, of two airings that would sound at once."""
    starts: list[datetime] = []
    ends: list[datetime] = []
    for _, airing in sorted(laid, key=_precedence):
        if airing.blocked is not None:
            yield airing
            continue
        place = bisect_left(starts, airing.due_at)
        meets_earlier = place > 0 and ends[place - 1] > airing.due_at
        meets_later = place < len(starts) and starts[place] < airing.ends_at
        if meets_earlier or meets_later:
            yield airing._replace(blocked=Reason.OVERLAP)
        else:
            starts.insert(place, airing.due_at)
            ends.insert(place, airing.ends_at)
            yield airing
