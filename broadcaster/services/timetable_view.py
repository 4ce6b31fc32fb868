"""The timetable of a commune as people look at it: days, their sessions, and what airs or does not in each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.config import Config
from broadcaster.domain.airing import AiringKey, Outcome, Reason
from broadcaster.domain.timetable import Caps, CommuneTimetable, Interval, instant
from broadcaster.services.communes import named, timetable_of
from broadcaster.services.foresight import outlook
from broadcaster.services.holidays import kept_book
from broadcaster.store import communes as places
from broadcaster.store.tables import AiringRow, BulletinRow, RevisionRow, ScheduleRow

_SOUNDS = frozenset({None, Outcome.AIRED, Outcome.PARTIAL})


@dataclass(frozen=True, slots=True)
class ShownAiring:
    """One airing; `airing` is None for what lies farther ahead than is planned. The moments are local."""

    airing: str | None
    schedule: str
    bulletin: str
    title: str
    due: datetime
    ends: datetime
    place_in_day: str
    outcome: Outcome | None
    reason: Reason | None
    counts: bool = True
    """Whether the caps count it: neither rehearsals nor emergencies."""

    @property
    def sounds(self) -> bool:
        """Whether it takes time on the loudspeakers, as far as is known."""
        return self.outcome in _SOUNDS and (self.reason is None or self.outcome is not None)


@dataclass(slots=True)
class ShownSession:
    """A slot on one day, or a fixed time outside any (then `name` is empty and `ends` None)."""

    name: str
    starts: datetime
    ends: datetime | None
    airings: list[ShownAiring] = field(default_factory=list)

    def holds(self, moment: datetime) -> bool:
        return self.ends is not None and self.starts <= moment < self.ends

    @property
    def used(self) -> timedelta:
        return sum((airing.ends - airing.due for airing in self.airings if airing.sounds), timedelta())


@dataclass(frozen=True, slots=True)
class ShownDay:
    """A local date. The caps are the commune's: None does not restrict."""

    date: date
    is_holiday: bool
    sessions: Sequence[ShownSession]
    most_sessions: int | None
    per_session: timedelta | None

    @property
    def count(self) -> int:
        """How many sessions something airs in."""
        return sum(any(airing.sounds and airing.counts for airing in session.airings) for session in self.sessions)


@dataclass(frozen=True, slots=True)
class View:
    """A commune with some of its days."""

    commune: str
    name: str
    days: Sequence[ShownDay]


def view(session: Session, config: Config, commune: str, first: date, days: int, now: datetime) -> View:
    """The days from a local date on. Raises InputError for an unknown commune."""
    (row,) = named(session, [commune])
    timetable = timetable_of(row, config, kept_book(config), first)
    airings = _airings(session, config, timetable, first, days, now)
    caps = timetable.caps or Caps()
    shown = [
        ShownDay(
            date=day,
            is_holiday=day in timetable.holidays,
            sessions=_sessions(timetable, day, airings),
            most_sessions=caps.sessions_on(day),
            per_session=caps.per_session,
        )
        for day in (first + timedelta(days=number) for number in range(days))
    ]
    return View(row.code, row.name, shown)


def hours_ahead(session: Session, config: Config, commune: str, now: datetime, hours: int = 24) -> list[ShownAiring]:
    """What a commune will hear in the next hours, and what it hears now, by due time; with what is blocked."""
    (row,) = named(session, [commune])
    timetable = places.timetable(row, config.timetable.quiet_hours)
    first = now.astimezone(timetable.zone).date() - timedelta(days=1)
    found = _airings(session, config, timetable, first, hours // 24 + 3, now)
    until = now + timedelta(hours=hours)
    return [airing for airing in found if airing.outcome is None and airing.ends > now and airing.due < until]


def _airings(
    session: Session, config: Config, timetable: CommuneTimetable, first: date, days: int, now: datetime
) -> list[ShownAiring]:
    """What airs from a local date on: as planned for as far ahead as that goes, beyond that as it would be.

    With a day more than is asked for, into which a slot of the last one can reach.
    """
    zone, last = timetable.zone, first + timedelta(days=days + 1)
    start, end = instant(first, time(), zone), instant(last, time(), zone)
    query = (
        select(AiringRow, RevisionRow.title, ScheduleRow.is_rehearsal | ScheduleRow.is_emergency)
        .join(RevisionRow, (RevisionRow.bulletin == AiringRow.bulletin) & (RevisionRow.number == AiringRow.revision))
        .join(ScheduleRow, ScheduleRow.id == AiringRow.schedule)
        .where(AiringRow.commune == timetable.commune, AiringRow.due_at >= start, AiringRow.due_at < end)
        .order_by(AiringRow.due_at, AiringRow.id)
    )
    shown = [
        ShownAiring(
            row.id, row.schedule, row.bulletin, title, row.due_at.astimezone(zone), row.ends_at.astimezone(zone),
            row.place_in_day, row.outcome, row.reason or row.blocked, counts=not is_apart,
        )
        for row, title, is_apart in session.execute(query)
    ]  # fmt: skip
    today = now.astimezone(zone).date()
    if last > today + timedelta(days=config.timetable.days_ahead):
        shown += _foreseen(session, config, timetable, (start, end), now)
    return sorted(shown, key=lambda airing: airing.due)


def _foreseen(
    session: Session, config: Config, timetable: CommuneTimetable, when: Interval, now: datetime
) -> Iterator[ShownAiring]:
    """What is not planned yet."""
    (start, end), zone = when, timetable.zone
    seen = outlook(session, config, [timetable.commune], now, max(1, (end - now).days + 1))
    coming = [airing for airing in seen.plan() if start <= airing.due_at < end]
    dates = {airing.key.local_date for airing in coming}
    columns = (AiringRow.schedule, AiringRow.commune, AiringRow.local_date, AiringRow.place_in_day)
    planned = select(*columns).where(AiringRow.commune == timetable.commune, AiringRow.local_date.in_(dates))
    known = {AiringKey(*row) for row in session.execute(planned)}
    titles = _titles(session)
    for key, due, ends, blocked in coming:
        if key not in known:
            item = seen.asked.schedules[key.schedule]
            yield ShownAiring(
                None, key.schedule, item.bulletin, titles[item.bulletin], due.astimezone(zone), ends.astimezone(zone),
                key.place_in_day, None, blocked, counts=not item.is_rehearsal,
            )  # fmt: skip


def _titles(session: Session) -> dict[str, str]:
    newest = (RevisionRow.bulletin == BulletinRow.id) & (RevisionRow.number == BulletinRow.revision)
    return dict(session.execute(select(BulletinRow.id, RevisionRow.title).join(RevisionRow, newest)).all())


def _sessions(timetable: CommuneTimetable, day: date, airings: Sequence[ShownAiring]) -> list[ShownSession]:
    """The slots of a day, empty ones too, and the fixed times outside them, by their start."""
    slots, before = _slots(timetable, day), _slots(timetable, day - timedelta(days=1))
    fixed: dict[datetime, ShownSession] = {}
    for airing in airings:
        own = [slot for slot in slots if slot.name == airing.place_in_day]
        inside = next((slot for slot in (*own, *slots) if slot.holds(airing.due)), None)
        is_of_yesterday = any(slot.holds(airing.due) for slot in before)  # whose slot crosses midnight
        if inside is None and not is_of_yesterday and airing.due.date() == day:
            # What did not fit would have begun behind the end of its slot.
            inside = own[0] if own else fixed.setdefault(airing.due, ShownSession("", airing.due, None))
        if inside is not None:
            inside.airings.append(airing)
    return sorted((*slots, *fixed.values()), key=lambda session: session.starts)


def _slots(timetable: CommuneTimetable, day: date) -> list[ShownSession]:
    windows = [
        (slot.name, slot.window.on(day, timetable.zone)) for slot in timetable.slots if day.weekday() in slot.days
    ]
    zone = timetable.zone
    return [ShownSession(name, start.astimezone(zone), end.astimezone(zone)) for name, (start, end) in windows]
