"""What becomes of an airing whose time has passed: how long it may still start, and the slot that it may wait for."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from broadcaster.domain.airing import Phase
from broadcaster.domain.bulletin import Late
from broadcaster.domain.laying import free_from
from broadcaster.domain.plan import BlockedTime
from broadcaster.domain.timetable import CommuneTimetable, Interval, beside
from broadcaster.store import airings
from broadcaster.store.tables import AiringRow, RevisionRow

PUNCTUAL = timedelta(seconds=2)  # a loudspeaker that starts on time starts some milliseconds after it
_DAY = timedelta(days=1)


def grace(revision: RevisionRow, default: timedelta) -> timedelta:
    """How long after its time an airing of this revision may still start."""
    if revision.late is Late.SKIP:
        return PUNCTUAL
    return default if revision.grace_s is None else max(PUNCTUAL, timedelta(seconds=revision.grace_s))


def start(session: Session, row: AiringRow, now: datetime) -> datetime:
    """When an airing would start if it were handed over now: at its due time, or behind what it must wait for.

    After an outage several may be late at once; they air one after the other, as far as their grace reaches.
    """
    return free_from(max(row.due_at, now), row.ends_at - row.due_at, sorted(_taken(session, row)))


def _taken(session: Session, row: AiringRow) -> Iterator[Interval]:
    """When what was begun in the same commune sounds, by its start or by its order."""
    for other in airings.under_way(session, row.commune):
        if other.id != row.id and other.mode is row.mode:
            since = other.started_at or other.starts_at or other.due_at
            yield since, since + (other.ends_at - other.due_at)


def postpone(session: Session, row: AiringRow, timetable: CommuneTimetable, now: datetime) -> bool:
    """Put a missed airing into the next slot that has room for it, once; whether one was found.

    From then on it stays there, and everything else is laid around it.
    """
    revision = session.get_one(RevisionRow, (row.bulletin, row.revision))
    if revision.late is not Late.NEXT_SLOT or row.postponed_from is not None:
        return False
    length = row.ends_at - row.due_at
    for slot in _slots(timetable, now):
        due = _room(session, row, slot, length, now)
        if due is not None and _is_free(timetable, revision, (due, due + length)):
            values = {"due_at": due, "ends_at": due + length, "postponed_from": row.due_at, "blocked": None}
            return airings.move(session, row.id, [Phase.PLANNED], phase=Phase.PLANNED, **values)
    return False


def _slots(timetable: CommuneTimetable, now: datetime) -> list[Interval]:
    """The slots that go on or begin within a day, in their order."""
    today = now.astimezone(timetable.zone).date()
    windows = [
        slot.window.on(day, timetable.zone)
        for day in beside(today)
        for slot in timetable.slots
        if day.weekday() in slot.days
    ]
    return sorted((start, end) for start, end in windows if now < end and start < now + _DAY)


def _room(session: Session, row: AiringRow, slot: Interval, length: timedelta, now: datetime) -> datetime | None:
    """When an airing of this length could start behind all others of a slot; None where it does not fit any more."""
    start, end = slot
    others = airings.sounding(session, row.commune, start, end)
    due = max([start, now, *(other.ends_at for other in others if other.id != row.id)])
    return due if due + length <= end else None


def _is_free(timetable: CommuneTimetable, revision: RevisionRow, when: Interval) -> bool:
    start, end = when
    blocked = BlockedTime.around(timetable, start.astimezone(timetable.zone).date())
    is_over = revision.expires_at is not None and start >= revision.expires_at
    return not is_over and blocked.reason(start, end) is None
