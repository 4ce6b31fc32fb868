"""Queries about airings and deliveries. What must happen once is a conditional UPDATE here, never a check in Python."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from broadcaster.domain.airing import Phase
from broadcaster.store.engine import changed_rows
from broadcaster.store.tables import AiringRow, DeliveryRow, ScheduleRow


def due(session: Session, before: datetime, communes: Collection[str] | None = None) -> list[AiringRow]:
    """Planned airings due before a moment, earliest first."""
    query = select(AiringRow).where(AiringRow.phase == Phase.PLANNED, AiringRow.due_at < before)
    if communes is not None:
        query = query.where(AiringRow.commune.in_(list(communes)))
    return list(session.scalars(query.order_by(AiringRow.due_at, AiringRow.id)))


def sounding(session: Session, commune: str, start: datetime, end: datetime) -> list[AiringRow]:
    """What sounds or is planned to sound in a commune in a stretch of time."""
    query = select(AiringRow).where(
        AiringRow.commune == commune, AiringRow.due_at < end, AiringRow.ends_at > start,
        AiringRow.phase != Phase.ENDED, AiringRow.blocked.is_(None),
    )  # fmt: skip
    return list(session.scalars(query))


def emergencies_due(session: Session, now: datetime) -> list[AiringRow]:
    """Emergencies that nobody has heard yet and that are due: what else sounds there gives way."""
    query = select(AiringRow).join(ScheduleRow, (ScheduleRow.id == AiringRow.schedule) & ScheduleRow.is_emergency)
    return list(session.scalars(query.where(AiringRow.phase == Phase.PLANNED, AiringRow.due_at <= now)))


def under_way(session: Session, commune: str | None = None) -> list[AiringRow]:
    """Airings that were begun and have no outcome yet, in one commune or in all."""
    phases = (Phase.SENDING, Phase.HANDED_OVER, Phase.ON_AIR)
    query = select(AiringRow).where(AiringRow.phase.in_(phases)).order_by(AiringRow.due_at)
    return list(session.scalars(query if commune is None else query.where(AiringRow.commune == commune)))


def given_back(session: Session) -> list[AiringRow]:
    """Airings that are planned again after a worker died while handing them over; a station may have the order."""
    return list(session.scalars(select(AiringRow).where(
        AiringRow.phase == Phase.PLANNED, AiringRow.latest_start_at.is_not(None)
    )))  # fmt: skip


def move(session: Session, airing: str, before: Sequence[Phase], **values: Any) -> bool:
    """Change an airing if it still is in one of the phases `before`; whether it was."""
    statement = update(AiringRow).where(AiringRow.id == airing, AiringRow.phase.in_(before)).values(**values)
    return changed_rows(session, statement) == 1


def deliveries(session: Session, airing: str) -> list[DeliveryRow]:
    query = select(DeliveryRow).where(DeliveryRow.airing == airing).order_by(DeliveryRow.station)
    return list(session.scalars(query))


def forget_deliveries(session: Session, airing: str) -> None:
    """Drop the deliveries of an airing that goes back to being planned."""
    session.execute(delete(DeliveryRow).where(DeliveryRow.airing == airing))


def forget_planned(session: Session, schedule: str, dates: Collection[date], now: datetime) -> None:
    """Drop what is planned of a schedule for these of its rule's dates; the planner makes anew what is still wanted."""
    if dates:
        session.execute(delete(AiringRow).where(
            AiringRow.schedule == schedule, AiringRow.local_date.in_(dates), AiringRow.phase == Phase.PLANNED,
            AiringRow.due_at > now,
        ))  # fmt: skip
