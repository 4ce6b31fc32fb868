"""What the planner plans from: who airs what, of which approval, and what each commune's plan was made from last."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from broadcaster.domain.airing import Reason
from broadcaster.domain.bulletin import BulletinState, Priority, digest
from broadcaster.domain.place import Mode, airing_mode
from broadcaster.domain.plan import OnHolidays, Overflow, Wish, dates_of_wish, whole_length
from broadcaster.domain.timetable import local_dates
from broadcaster.store import communes as places
from broadcaster.store.tables import (
    BulletinRow,
    ClipRow,
    CommuneRow,
    RevisionRow,
    ScheduleCommuneRow,
    ScheduleRow,
    SubmissionClipRow,
    SubmissionRow,
)

_BARS = {BulletinState.WITHDRAWN: Reason.WITHDRAWN, BulletinState.EXPIRED: Reason.EXPIRED}
_IN_ONE_QUERY = 500  # SQLite takes only so many values in one statement


@dataclass(frozen=True, slots=True)
class Asked:
    """One schedule, with what is approved of its bulletin (`submission` None: nothing) or why it may not air."""

    id: str
    version: int
    slots: Sequence[str]
    times: Sequence[str]
    dtstart: date
    rrule: str
    exdates: tuple[str, ...]
    moved: tuple[Mapping[str, str], ...]
    repeats: int
    gap_s: float
    on_holidays: OnHolidays
    overflow: Overflow
    order: int
    is_rehearsal: bool
    created_at: datetime
    bulletin: str
    revision: int
    priority: Priority
    expires_at: datetime | None
    submission: str | None
    valid_from: datetime | None
    valid_until: datetime | None
    bar: Reason | None


@dataclass(frozen=True, slots=True)
class Asking:
    """All that is asked for in some communes."""

    communes: Mapping[str, CommuneRow]
    schedules: Mapping[str, Asked]
    of_commune: Mapping[str, Sequence[str]]
    modes: Mapping[str, tuple[Mode, Mode]]
    """The mode of an ordinary airing and of a rehearsal."""

    def fingerprint(self, commune: str, today: date, settings: object) -> str:
        """What the plan of a commune follows from; equal prints mean equal plans."""
        row = self.communes[commune]
        schedules = [self.schedules[schedule] for schedule in self.of_commune.get(commune, ())]
        asked = [(s.id, s.version, s.submission, s.bar) for s in schedules]
        return digest([settings, today.isoformat(), row.timezone, row.timetable, self.modes[commune], asked])


def asking(session: Session, communes: Collection[str] | None) -> Asking:
    """What is asked for in these communes, or in all."""
    rows = {row.code: row for row in _in(session, select(CommuneRow), CommuneRow.code, communes)}
    of_commune: dict[str, list[str]] = defaultdict(list)
    asked_in = select(ScheduleCommuneRow.commune, ScheduleCommuneRow.schedule).join(
        ScheduleRow, (ScheduleRow.id == ScheduleCommuneRow.schedule) & ~ScheduleRow.is_emergency
    )
    for commune, schedule in _rows(session, asked_in, ScheduleCommuneRow.commune, communes):
        of_commune[commune].append(schedule)
    wanted = None if communes is None else {schedule for found in of_commune.values() for schedule in found}
    schedules = {asked.id: asked for asked in _schedules(session, wanted)}
    stations = places.stations(session, communes)
    modes = {code: (airing_mode(stations.get(code, []), is_rehearsal=False), Mode.TEST) for code in rows}
    return Asking(rows, schedules, {code: sorted(found) for code, found in of_commune.items()}, modes)


def _schedules(session: Session, wanted: Collection[str] | None) -> Iterator[Asked]:
    """Schedules with the newest submission of their bulletin's newest revision, where that is approved."""
    approved = _approved(session)
    newest = (RevisionRow.bulletin == BulletinRow.id) & (RevisionRow.number == BulletinRow.revision)
    bulletins = {
        row.id: row
        for row in session.execute(
            select(
                BulletinRow.id, BulletinRow.state, BulletinRow.revision, RevisionRow.priority, RevisionRow.expires_at
            ).join(RevisionRow, newest)
        )
    }
    table = ScheduleRow.__table__.columns
    names = [column.name for column in table if column.name in Asked.__dataclass_fields__]
    for row in _rows(session, select(*(table[name] for name in names)), ScheduleRow.id, wanted):
        values = dict(zip(names, row, strict=True))
        bulletin = bulletins[values["bulletin"]]
        submission, valid_from, valid_until = approved.get((bulletin.id, bulletin.revision), (None, None, None))
        may_air = bulletin.state is BulletinState.APPROVED and submission is not None
        yield Asked(
            **values | {"exdates": tuple(values["exdates"]), "moved": tuple(values["moved"])},
            revision=bulletin.revision,
            priority=bulletin.priority,
            expires_at=bulletin.expires_at,
            submission=submission if may_air else None,
            valid_from=valid_from,
            valid_until=valid_until,
            bar=None if may_air else _BARS.get(bulletin.state, Reason.NOT_APPROVED),
        )


def _approved(session: Session) -> dict[tuple[str, int], tuple[str, datetime, datetime]]:
    """Each revision's newest approved submission, with the time for which it is good."""
    query = (
        select(
            SubmissionRow.bulletin, SubmissionRow.revision, SubmissionRow.id,
            SubmissionRow.valid_from, SubmissionRow.valid_until,
        )
        .where(SubmissionRow.decision == BulletinState.APPROVED)
        .order_by(SubmissionRow.id)
    )  # fmt: skip
    return {
        (bulletin, revision): (key, since, until) for bulletin, revision, key, since, until in session.execute(query)
    }


Clips = Mapping[tuple[str, str], tuple[str, int]]
"""(submission, commune) -> the clip's key and its length in ms."""


def clips(session: Session, communes: Collection[str]) -> Clips:
    """What was approved for these communes."""
    query = select(SubmissionClipRow.submission, SubmissionClipRow.commune, ClipRow.key, ClipRow.duration_ms).join(
        ClipRow, ClipRow.key == SubmissionClipRow.clip
    )
    found = _rows(session, query, SubmissionClipRow.commune, communes)
    return {(submission, commune): (key, length or 0) for submission, commune, key, length in found}


@dataclass(slots=True)
class Calendar:
    """The dates of rules for the days ahead, each rule expanded once however many schedules share it."""

    days: int
    _known: dict[tuple[str, date, date], list[tuple[date, date]]] = field(default_factory=dict)

    def dates(self, asked: Asked, today: date) -> list[tuple[date, date]]:
        """(The rule's date, the date it airs on), from yesterday, whose slot may cross midnight."""
        first, last = today - timedelta(days=1), today + timedelta(days=self.days)
        key = (asked.rrule, asked.dtstart, today)
        if key not in self._known:
            self._known[key] = [(day, day) for day in local_dates(asked.rrule, asked.dtstart, first, last)]
        if not asked.exdates and not asked.moved:
            return self._known[key]
        moved = {date.fromisoformat(move["from"]): date.fromisoformat(move["to"]) for move in asked.moved}
        here = [day for day, _ in self._known[key]]
        here += [
            day for day in moved
            if not first <= day <= last and any(local_dates(asked.rrule, asked.dtstart, day, day))
        ]  # fmt: skip
        found = dates_of_wish(here, frozenset(map(date.fromisoformat, asked.exdates)), moved)
        return [(day, airs_on) for day, airs_on in found if first <= airs_on <= last]


def wishes(asked: Asked, length_ms: int) -> Iterator[Wish]:
    """What one schedule wishes for on each of its dates."""
    places_in_day: list[tuple[str | None, str | None]] = [(slot, None) for slot in asked.slots]
    for slot, at in (*places_in_day, *((None, at) for at in asked.times)):
        yield Wish(
            schedule=asked.id,
            duration=whole_length(timedelta(milliseconds=length_ms), asked.repeats, timedelta(seconds=asked.gap_s)),
            priority=asked.priority,
            order=asked.order,
            age=(asked.created_at, asked.id),
            slot=slot,
            at=at,
            expires_at=asked.expires_at,
            valid_from=asked.valid_from,
            valid_until=asked.valid_until,
            is_rehearsal=asked.is_rehearsal,
            on_holidays=asked.on_holidays,
            overflow=asked.overflow,
        )


def _rows(
    session: Session, query: Select[*tuple[Any, ...]], column: Any, values: Collection[str] | None
) -> Iterator[Any]:
    """The rows of a query whose column is among the values (None: all), asked for in parts."""
    if values is None:
        yield from session.execute(query)
        return
    listed = sorted(values)
    for start in range(0, len(listed), _IN_ONE_QUERY):
        yield from session.execute(query.where(column.in_(listed[start : start + _IN_ONE_QUERY])))


def _in(session: Session, query: Select[Any], column: Any, values: Collection[str] | None) -> Iterator[Any]:
    """As `_rows`, for whole objects."""
    return (row[0] for row in _rows(session, query, column, values))
