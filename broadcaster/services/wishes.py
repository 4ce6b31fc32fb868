"""What the planner plans from: who airs what, of which approval, and what each commune's plan was made from last."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from broadcaster.domain.airing import Reason
from broadcaster.domain.bulletin import BulletinState, Priority, digest
from broadcaster.domain.place import Mode, Station, airing_mode
from broadcaster.domain.plan import OnHolidays, Overflow, Wanted, Wish, dates_of_wish, whole_length
from broadcaster.domain.timetable import local_dates
from broadcaster.services.exchange import ScheduleEntry
from broadcaster.store import communes as places
from broadcaster.store.bulk import in_parts
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
    zones: Sequence[str] = ()
    permitted_zones: Sequence[str] = ()


class OfBulletin(NamedTuple):
    """What a schedule's airings have of its bulletin; see Asked."""

    revision: int
    priority: Priority
    expires_at: datetime | None
    submission: str | None
    valid_from: datetime | None
    valid_until: datetime | None
    bar: Reason | None
    permitted_zones: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Asking:
    """All that is asked for in some communes, and every bulletin."""

    communes: Mapping[str, CommuneRow]
    bulletins: Mapping[str, OfBulletin]
    schedules: Mapping[str, Asked]
    of_commune: Mapping[str, Sequence[str]]
    modes: Mapping[str, tuple[Mode, Mode]]
    """The mode of an ordinary airing and of a rehearsal."""
    stations: Mapping[str, Sequence[Station]]

    def fingerprint(self, commune: str, today: date, settings: object) -> str:
        """What the plan of a commune follows from; equal prints mean equal plans."""
        row = self.communes[commune]
        schedules = [self.schedules[schedule] for schedule in self.of_commune.get(commune, ())]
        asked = [(s.id, s.version, s.submission, s.bar) for s in schedules]
        stations = [(s.code, s.mode, list(s.zones)) for s in self.stations.get(commune, ())]
        places = [row.timezone, row.timetable, row.zones, stations]
        return digest([settings, today.isoformat(), *places, self.modes[commune], asked])


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
    bulletins = dict(_bulletins(session))
    schedules = {asked.id: asked for asked in _schedules(session, wanted, bulletins)}
    stations = places.stations(session, communes)
    modes = {code: (airing_mode(stations.get(code, []), is_rehearsal=False), Mode.TEST) for code in rows}
    sorted_of = {code: sorted(found) for code, found in of_commune.items()}
    return Asking(rows, bulletins, schedules, sorted_of, modes, stations)


def asked_from(entry: ScheduleEntry, created_at: datetime, bulletin: OfBulletin) -> Asked:
    """A schedule as it is written."""
    return Asked(
        id=entry.id,
        version=0,
        bulletin=entry.bulletin,
        slots=entry.slots,
        times=entry.times,
        dtstart=entry.dtstart,
        rrule=entry.rrule,
        exdates=tuple(day.isoformat() for day in entry.exdates),
        moved=tuple(move.model_dump(mode="json") for move in entry.moved),
        repeats=entry.repeats,
        gap_s=entry.gap_s,
        on_holidays=entry.on_holidays,
        overflow=entry.overflow,
        order=entry.order,
        is_rehearsal=entry.rehearsal,
        created_at=created_at,
        **bulletin._asdict(),
    )


def _schedules(
    session: Session, wanted: Collection[str] | None, bulletins: Mapping[str, OfBulletin]
) -> Iterator[Asked]:
    table = ScheduleRow.__table__.columns
    names = [column.name for column in table if column.name in Asked.__dataclass_fields__]
    for row in _rows(session, select(*(table[name] for name in names)), ScheduleRow.id, wanted):
        values = dict(zip(names, row, strict=True))
        exceptions = {"exdates": tuple(values["exdates"]), "moved": tuple(values["moved"])}
        yield Asked(**values | exceptions | bulletins[values["bulletin"]]._asdict())


def _bulletins(session: Session) -> Iterator[tuple[str, OfBulletin]]:
    """Each bulletin with the newest submission of its newest revision, where that is approved."""
    approved = _approved(session)
    newest = (RevisionRow.bulletin == BulletinRow.id) & (RevisionRow.number == BulletinRow.revision)
    query = select(
        BulletinRow.id, BulletinRow.state, BulletinRow.revision, RevisionRow.priority, RevisionRow.expires_at
    ).join(RevisionRow, newest)
    for key, state, revision, priority, expires_at in session.execute(query):
        submission, valid_from, valid_until, zones = approved.get((key, revision), (None, None, None, ()))
        may_air = state is BulletinState.APPROVED and submission is not None
        yield (
            key,
            OfBulletin(
                revision,
                priority,
                expires_at,
                submission if may_air else None,
                valid_from,
                valid_until,
                None if may_air else _BARS.get(state, Reason.NOT_APPROVED),
                zones,
            ),
        )


def _approved(session: Session) -> dict[tuple[str, int], tuple[str, datetime, datetime, Sequence[str]]]:
    """Each revision's newest approved submission, with the time and the zones for which it is good."""
    query = (
        select(
            SubmissionRow.bulletin, SubmissionRow.revision, SubmissionRow.id,
            SubmissionRow.valid_from, SubmissionRow.valid_until, SubmissionRow.zones,
        )
        .where(SubmissionRow.decision == BulletinState.APPROVED)
        .order_by(SubmissionRow.id)
    )  # fmt: skip
    return {(bulletin, revision): tuple(found) for bulletin, revision, *found in session.execute(query)}


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


def add_wanted(
    by_day: defaultdict[date, list[Wanted]], asked: Asked, length_ms: int, calendar: Calendar, today: date
) -> None:
    """What one schedule wishes for on its dates around `today`, beside what others wish for there."""
    wished = list(wishes(asked, length_ms))
    for rule_date, day in calendar.dates(asked, today):
        by_day[day] += [Wanted(rule_date, wish) for wish in wished]


def _rows(
    session: Session, query: Select[*tuple[Any, ...]], column: Any, values: Collection[str] | None
) -> Iterator[Any]:
    """The rows of a query whose column is among the values (None: all), asked for in parts."""
    if values is None:
        yield from session.execute(query)
        return
    for part in in_parts(sorted(values)):
        yield from session.execute(query.where(column.in_(part)))


def _in(session: Session, query: Select[Any], column: Any, values: Collection[str] | None) -> Iterator[Any]:
    """As `_rows`, for whole objects."""
    return (row[0] for row in _rows(session, query, column, values))
