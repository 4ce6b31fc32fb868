"""What may still be changed of single dates: nothing that has happened already, and nothing into the past."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.airing import AiringKey, Phase
from broadcaster.domain.timetable import instant, local_dates, local_time
from broadcaster.errors import InputError
from broadcaster.services.exchange import ScheduleEntry
from broadcaster.store import communes as places
from broadcaster.store.tables import AiringRow, CommuneRow

_DAY = timedelta(days=1)


def check_ahead(session: Session, entry: ScheduleEntry, now: datetime) -> None:
    """Raise InputError where a schedule has no date from today on, in the communes' own time."""
    today = min(_today(session, code, now) for code in entry.communes)
    coming = local_dates(entry.rrule, entry.dtstart, today, date.max)
    moved = {move.rule_date for move in entry.moved}
    if any(move.to >= today for move in entry.moved):
        return
    if not any(day not in entry.exdates and day not in moved for day in coming):
        raise InputError(
            "{schedule} has no date from {today} on: nothing of it would air.", schedule=entry.id, today=today
        )


def check_dates(session: Session, before: ScheduleEntry, after: ScheduleEntry, now: datetime) -> None:
    """Raise InputError where a single date is changed that has passed, or moved to where it could air no more."""
    kept = {move.rule_date: move.to for move in before.moved}
    moves = {move.rule_date: move.to for move in after.moved if kept.get(move.rule_date) != move.to}
    for rule_date in sorted({*moves, *(set(after.exdates) - set(before.exdates))}):
        rows = session.scalars(
            select(AiringRow).where(AiringRow.schedule == after.id, AiringRow.local_date == rule_date)
        ).all()
        if rows and all(_is_settled(row, now) for row in rows):
            raise InputError("What was planned for {date} has passed already: it is in the log.", date=rule_date)
    for to in moves.values():
        if not any(_has_time_left(session, after, code, to, now) for code in after.communes):
            raise InputError("{date} is over; nothing can be moved there.", date=to)


def settled_keys(session: Session, schedule: str, now: datetime) -> frozenset[AiringKey]:
    """The airings of a schedule that have passed or ended: none of them comes again, whatever is changed."""
    rows = session.scalars(select(AiringRow).where(AiringRow.schedule == schedule))
    return frozenset(
        AiringKey(row.schedule, row.commune, row.local_date, row.place_in_day) for row in rows if _is_settled(row, now)
    )


def _is_settled(row: AiringRow, now: datetime) -> bool:
    return row.phase is Phase.ENDED or row.started_at is not None or row.due_at <= now


def _today(session: Session, commune: str, now: datetime) -> date:
    return now.astimezone(ZoneInfo(session.get_one(CommuneRow, commune).timezone)).date()


def _has_time_left(session: Session, entry: ScheduleEntry, commune: str, day: date, now: datetime) -> bool:
    """Whether one of a schedule's slots or times on a date still lies ahead."""
    if day > _today(session, commune, now) + _DAY:
        return True
    timetable = places.timetable(session.get_one(CommuneRow, commune), None)
    slots = [slot.window.on(day, timetable.zone)[0] for slot in timetable.slots if slot.name in entry.slots]
    times = [instant(day, local_time(text), timetable.zone) for text in entry.times]
    return any(moment > now for moment in (*slots, *times))
