"""Where priority bulletins of a campaign and the commune's own do not all fit: the commune's user says who is first."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.airing import Phase, Reason
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.roles import Actor
from broadcaster.domain.timetable import CommuneTimetable, instant, local_time
from broadcaster.errors import InputError
from broadcaster.services.campaign_answers import ANSWERERS
from broadcaster.services.schedules import communes_of, entry_of, keep_schedule
from broadcaster.store import airings, journal
from broadcaster.store import communes as places
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.tables import AiringRow, CommuneRow, RevisionRow, ScheduleRow

COLLIDING = frozenset({Reason.SLOT_FULL, Reason.CAP_MINUTES, Reason.OVERLAP})


@dataclass(frozen=True, slots=True)
class Contender:
    """A priority airing that wants to be heard in a session; `campaign` is None where the commune wants it itself."""

    schedule: str
    bulletin: str
    campaign: str | None
    order: int
    day: date
    place: str
    due_at: datetime
    ends_at: datetime
    blocked: Reason | None

    def meets(self, other: "Contender") -> bool:
        """Whether both want the same session, or would sound at once."""
        is_at_once = self.due_at < other.ends_at and other.due_at < self.ends_at
        return is_at_once or (self.day, self.place) == (other.day, other.place)


@dataclass(frozen=True, slots=True)
class Collision:
    """A session in which a campaign's and the commune's own airings do not all fit, in the order in which they are due.

    `is_by_order`: the order decides who is heard. Else they air at different times, and one has to be moved.
    """

    commune: str
    day: date
    place: str
    contenders: Sequence[Contender]
    is_by_order: bool

    @property
    def first(self) -> str | None:
        """The schedule that the order puts before all those of the other side; None before anybody decided."""
        lowest = min(self.contenders, key=lambda contender: contender.order)
        others = [one for one in self.contenders if (one.campaign is None) != (lowest.campaign is None)]
        is_first = self.is_by_order and all(lowest.order < other.order for other in others)
        return lowest.schedule if is_first else None


def collisions(session: Session, commune: str, now: datetime) -> list[Collision]:
    """What collides in a commune in the days that are planned, by day. Raises InputError for an unknown commune."""
    row = session.get(CommuneRow, commune)
    if row is None:
        raise InputError("There is no commune {commune}.", commune=commune)
    contenders = list(_contenders(session, row, now))
    met: dict[tuple[date, str], set[Contender]] = defaultdict(set)
    by_order: set[tuple[date, str]] = set()
    for loser in contenders:
        rivals = [one for one in contenders if (one.campaign is None) != (loser.campaign is None) and one.meets(loser)]
        if loser.blocked in COLLIDING and rivals:
            met[loser.day, loser.place].update((loser, *rivals))
            if loser.blocked is not Reason.OVERLAP or any(rival.due_at == loser.due_at for rival in rivals):
                by_order.add((loser.day, loser.place))
    found = []
    for place, ones in sorted(met.items()):
        in_order = sorted(ones, key=lambda one: (one.due_at, one.order, one.schedule))
        found.append(Collision(commune, *place, in_order, place in by_order))
    return found


def decide(store: Store, commune: str, schedule: str, actor: Actor, now: datetime) -> dict[str, int]:
    """Put a schedule first wherever it collides in a commune; returns the schedules whose order changed, and to what.

    A schedule that airs in other communes too keeps its order: then those it collides with come after it.
    """
    actor.require_in([commune], *ANSWERERS)
    with store.writing() as session:
        airings.hold_plans(session)
        mine = [
            one for one in collisions(session, commune, now) if schedule in {found.schedule for found in one.contenders}
        ]
        if not mine:
            raise InputError(
                "{schedule} collides with nothing in {commune}. See: broadcaster campaign collisions",
                schedule=schedule, commune=commune,
            )  # fmt: skip
        by_order = [one for one in mine if one.is_by_order]
        if not by_order:
            raise InputError(
                "The order does not help {schedule}: the others air at other times. Move one of them.",
                schedule=schedule,
            )
        orders = _orders(session, commune, schedule, by_order)
        if not orders:
            raise InputError("{schedule} is first already.", schedule=schedule)
        for key, order in orders.items():
            entry = entry_of(session, session.get_one(ScheduleRow, key, with_for_update=True))
            keep_schedule(session, entry.model_copy(update={"order": order}), actor, now)
        sessions = [{"day": one.day.isoformat(), "place": one.place} for one in by_order]
        journal.append(
            session, chain=commune, action=Action.COLLISION_DECIDED, now=now, actor=actor, subject=schedule,
            data={"first": schedule, "orders": orders, "sessions": sessions},
        )  # fmt: skip
        return orders


def _orders(session: Session, commune: str, schedule: str, found: Sequence[Collision]) -> dict[str, int]:
    """The orders that put a schedule first, and touch no other commune."""
    contenders = {one.schedule: one for collision in found for one in collision.contenders}
    mine = contenders.pop(schedule)
    if communes_of(session, schedule) == [commune]:
        lowest = min(one.order for one in contenders.values())
        return {schedule: lowest - 1} if mine.order >= lowest else {}
    rivals = [one for one in contenders.values() if (one.campaign is None) != (mine.campaign is None)]
    behind = {one.schedule: mine.order + 1 for one in rivals if one.order <= mine.order}
    elsewhere = next((key for key in behind if communes_of(session, key) != [commune]), None)
    if elsewhere is not None:
        raise InputError(
            "{schedule} and {other} both air in other communes too. Change one: broadcaster schedule change",
            schedule=schedule, other=elsewhere,
        )  # fmt: skip
    return behind


def _contenders(session: Session, row: CommuneRow, now: datetime) -> Iterator[Contender]:
    """The priority airings that are planned in a commune."""
    query = (
        select(AiringRow, ScheduleRow)
        .join(ScheduleRow, ScheduleRow.id == AiringRow.schedule)
        .join(RevisionRow, (RevisionRow.bulletin == AiringRow.bulletin) & (RevisionRow.number == AiringRow.revision))
        .where(AiringRow.commune == row.code, AiringRow.phase == Phase.PLANNED, AiringRow.due_at > now)
        .where(RevisionRow.priority == Priority.PRIORITY, ~ScheduleRow.is_emergency, ~ScheduleRow.is_rehearsal)
    )
    timetable = places.timetable(row, None)
    for airing, schedule in session.execute(query):
        day = _day(airing.local_date, schedule.moved)
        yield Contender(
            schedule=schedule.id,
            bulletin=airing.bulletin,
            campaign=schedule.campaign,
            order=schedule.order,
            day=day,
            place=_place(timetable, airing.place_in_day, day),
            due_at=airing.due_at,
            ends_at=airing.ends_at,
            blocked=airing.blocked,
        )


def _day(rule_date: date, moved: Sequence[Mapping[str, Any]]) -> date:
    """The date on which an airing of a rule's date airs."""
    return next((date.fromisoformat(move["to"]) for move in moved if move["from"] == rule_date.isoformat()), rule_date)


def _place(timetable: CommuneTimetable, place_in_day: str, day: date) -> str:
    """The session of an airing: its slot, or the one around its fixed time, or that time itself."""
    if any(slot.name == place_in_day for slot in timetable.slots):
        return place_in_day
    try:
        due = instant(day, local_time(place_in_day), timetable.zone)
    except InputError:  # a slot that was taken away, and the plan is older
        return place_in_day
    for slot in timetable.slots:
        start, end = slot.window.on(day, timetable.zone)
        if day.weekday() in slot.days and start <= due < end:
            return slot.name
    return place_in_day
