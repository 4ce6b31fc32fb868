"""Queries about airings and deliveries. What must happen once is a conditional UPDATE here, never a check in Python."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from broadcaster.domain.airing import OPEN_STATION_STATES, TRANSITIONS, Phase, Reason
from broadcaster.store import plays
from broadcaster.store.engine import changed_rows
from broadcaster.store.tables import AiringRow, DeliveryRow, PlanRow, ScheduleRow

_PLANNING = 0x50_4C_41_4E  # "PLAN"
_LONGEST = timedelta(days=1)  # that anything sounds after it was due, with all its repeats
_GRACE = timedelta(hours=1)  # the longest there is
_CUT = (
    Reason.STOPPED, Reason.PREEMPTED, Reason.WITHDRAWN, Reason.EXPIRED, Reason.NOT_APPROVED, Reason.OUTSIDE_APPROVAL,
)  # fmt: skip
"""Why an airing ends that its stations would go on with."""

AT_STATION = AiringRow.latest_start_at.is_not(None) & AiringRow.phase.not_in((Phase.ON_AIR, Phase.ENDED))
"""The airings whose order may lie at a station, and of which nothing is known to have sounded.

Said without naming the phases that they are in: SQLite would go through all planned airings of all communes for them.
"""


def due(session: Session, before: datetime, communes: Collection[str] | None = None) -> list[AiringRow]:
    """Planned airings due before a moment, earliest first."""
    query = select(AiringRow).where(AiringRow.phase == Phase.PLANNED, AiringRow.due_at < before)
    if communes is not None:
        query = query.where(AiringRow.commune.in_(list(communes)))
    return list(session.scalars(query.order_by(AiringRow.due_at, AiringRow.id)))


def ahead(session: Session, commune: str, until: datetime, airings: Collection[str]) -> list[AiringRow]:
    """What is planned or handed over in a commune until a moment, and these airings too, earliest first."""
    is_wanted = AiringRow.due_at <= until
    if airings:
        is_wanted |= AiringRow.id.in_(list(airings))
    phases = (Phase.PLANNED, Phase.SENDING, Phase.HANDED_OVER)
    query = select(AiringRow).where(AiringRow.commune == commune, AiringRow.phase.in_(phases), is_wanted)
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


def outdated(session: Session) -> list[AiringRow]:
    """What was planned otherwise since its order left for the stations, or was taken back and not planned anew yet."""
    phases = (Phase.PLANNED, Phase.HANDED_OVER)
    query = select(AiringRow).where(AiringRow.is_outdated, AiringRow.phase.in_(phases), AiringRow.started_at.is_(None))
    return list(session.scalars(query.order_by(AiringRow.due_at, AiringRow.id)))


def unsilenced(session: Session, now: datetime) -> dict[AiringRow, list[str]]:
    """What was cut short or taken back, and the stations of which nobody knows that they have fallen silent."""
    query = (
        select(AiringRow, DeliveryRow.station)
        .join(DeliveryRow, DeliveryRow.airing == AiringRow.id)
        .where(
            AiringRow.phase == Phase.ENDED, AiringRow.due_at > now - _LONGEST, AiringRow.ends_at > now - _GRACE,
            AiringRow.reason.in_(_CUT), DeliveryRow.state.in_(OPEN_STATION_STATES),
        )
    )  # fmt: skip
    found: dict[AiringRow, list[str]] = {}
    for row, station in session.execute(query):
        if (row.latest_start_at or row.due_at) + (row.ends_at - row.due_at) > now:
            found.setdefault(row, []).append(station)
    return found


def take_back(session: Session, airing: str) -> bool:
    """Let what every station has given back be planned anew before it is handed over again.

    Whether it had not begun meanwhile.
    """
    hold_plans(session)
    row = session.get(AiringRow, airing, with_for_update=True)
    if row is None or row.started_at is not None or not move(
        session, airing, (Phase.PLANNED, Phase.HANDED_OVER), phase=Phase.PLANNED, is_outdated=True,
        handed_over_at=None, latest_start_at=None, starts_at=None,
    ):  # fmt: skip
        return False
    forget_deliveries(session, airing)
    forget_plan(session, row.commune)
    return True


def hold_plans(session: Session) -> None:
    """Keep others from writing a plan until this transaction ends; SQLite's writers wait for one another anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_PLANNING)))


def forget_plan(session: Session, commune: str) -> None:
    """Have a commune planned anew, though nothing else has changed."""
    hold_plans(session)
    session.execute(delete(PlanRow).where(PlanRow.commune == commune))


def move(session: Session, airing: str, before: Sequence[Phase], **values: Any) -> bool:
    """Change an airing if it still is in one of the phases `before`; whether it was.

    Raises ValueError where the table of transitions has no such way: what has ended stays as it ended.
    """
    for phase in before:
        after = values.get("phase", phase)
        if phase is Phase.ENDED or (after is not phase and after not in TRANSITIONS[phase]):
            raise ValueError(f"an airing that is {phase} cannot become {after}")
    statement = update(AiringRow).where(AiringRow.id == airing, AiringRow.phase.in_(before)).values(**values)
    return changed_rows(session, statement) == 1


def deliveries(session: Session, airing: str) -> list[DeliveryRow]:
    query = select(DeliveryRow).where(DeliveryRow.airing == airing).order_by(DeliveryRow.station)
    return list(session.scalars(query))


def forget_deliveries(session: Session, airing: str) -> None:
    """Drop the deliveries, and what was to come from them, of an airing that goes back to being planned."""
    plays.forget(session, airing)
    session.execute(delete(DeliveryRow).where(DeliveryRow.airing == airing))


def forget_planned(session: Session, schedule: str, dates: Collection[date], now: datetime) -> None:
    """Drop what is planned of a schedule for these of its rule's dates; the planner makes anew what is still wanted.

    What may lie at a station is the planner's to have taken back.
    """
    if dates:
        session.execute(delete(AiringRow).where(
            AiringRow.schedule == schedule, AiringRow.local_date.in_(dates), AiringRow.phase == Phase.PLANNED,
            AiringRow.due_at > now, AiringRow.latest_start_at.is_(None), ~AiringRow.is_outdated,
        ))  # fmt: skip
