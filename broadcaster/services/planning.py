"""The planner: approved bulletins and schedules become airings for the days ahead."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session
from ulid import ULID

from broadcaster.config import Config
from broadcaster.domain.airing import AiringKey, Phase, Reason
from broadcaster.domain.bulletin import BulletinState
from broadcaster.domain.place import airing_mode
from broadcaster.domain.plan import PlannedAiring, Wish, lay_day
from broadcaster.domain.roles import Actor
from broadcaster.domain.timetable import local_dates
from broadcaster.store import communes as places
from broadcaster.store import journal
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.tables import (
    AiringRow,
    BulletinRow,
    ClipRow,
    CommuneRow,
    RevisionRow,
    ScheduleRow,
    SubmissionClipRow,
    SubmissionRow,
)


@dataclass(frozen=True, slots=True)
class Approved:
    """What may air of one schedule: the approved submission and, for each permitted commune, its clip."""

    schedule: ScheduleRow
    revision: RevisionRow
    submission: SubmissionRow
    clips: Mapping[str, tuple[str, int]]  # commune -> clip key, duration in ms


@dataclass(frozen=True, slots=True)
class PlanChange:
    """How many airings a planning added, moved and removed."""

    new: int = 0
    moved: int = 0
    removed: int = 0

    def __bool__(self) -> bool:
        return bool(self.new or self.moved or self.removed)


def plan(store: Store, config: Config, actor: Actor, now: datetime) -> PlanChange:
    """Bring the airings of the days ahead in line with the schedules; what was begun or has ended stays as it is."""
    with store.reading() as session:
        wanted = {airing.key: (airing, values) for airing, values in wanted_airings(session, config, now)}
        if not _differences(session, wanted, now):
            return PlanChange()
    with store.writing() as session:
        wanted = {airing.key: (airing, values) for airing, values in wanted_airings(session, config, now)}
        change = _apply(session, _differences(session, wanted, now))
        journal.append(
            session,
            chain=journal.SYSTEM,
            action=Action.PLANNED,
            now=now,
            actor=actor,
            subject="plan",
            data={"new": change.new, "moved": change.moved, "removed": change.removed},
        )
        return change


def wanted_airings(session: Session, config: Config, now: datetime) -> Iterator[tuple[PlannedAiring, dict[str, Any]]]:
    """Every airing that the schedules ask for and that is still to come, with the values of its row."""
    approved = {item.schedule.id: item for item in _approved(session)}
    by_commune: dict[str, list[Approved]] = defaultdict(list)
    for item in approved.values():
        for commune in item.schedule.communes:
            by_commune[commune].append(item)
    stations = places.stations(session, by_commune)
    dates = _DatesOfRules(config.timetable.days_ahead)
    for row in session.scalars(select(CommuneRow).where(CommuneRow.code.in_(list(by_commune)))):
        timetable = places.timetable(row, config.timetable.quiet_hours)
        today = now.astimezone(timetable.zone).date()
        wishes: dict[date, list[Wish]] = defaultdict(list)
        for item in by_commune[row.code]:
            if row.code in item.clips:  # a schedule only narrows what was approved
                for day in dates.of(item.schedule, today):
                    wishes[day] += _wishes(item, row.code, day)
        for day, day_wishes in wishes.items():
            for airing in lay_day(timetable, day, day_wishes):
                if airing.due_at >= now:
                    item = approved[airing.key.schedule]
                    mode = airing_mode(stations.get(row.code, []), is_rehearsal=item.schedule.is_rehearsal)
                    yield airing, _values(airing, item, row.code, mode)


class _DatesOfRules:
    """The dates of each rule, expanded once for all communes; from yesterday, whose slot may cross midnight."""

    def __init__(self, days: int) -> None:
        self._days = days
        self._known: dict[tuple[str, date, tuple[str, ...], date], list[date]] = {}

    def of(self, schedule: ScheduleRow, today: date) -> list[date]:
        key = (schedule.rrule, schedule.dtstart, tuple(schedule.exdates), today)
        if key not in self._known:
            first, last = today - timedelta(days=1), today + timedelta(days=self._days)
            left_out = {date.fromisoformat(day) for day in schedule.exdates}
            dates = local_dates(schedule.rrule, schedule.dtstart, first, last)
            self._known[key] = [day for day in dates if day not in left_out]
        return self._known[key]


def _approved(session: Session) -> Iterator[Approved]:
    """The schedules whose bulletin's newest revision is approved, with what was approved of it."""
    newest = (RevisionRow.bulletin == BulletinRow.id) & (RevisionRow.number == BulletinRow.revision)
    query = (
        select(ScheduleRow, RevisionRow, SubmissionRow)
        .join(BulletinRow, BulletinRow.id == ScheduleRow.bulletin)
        .join(RevisionRow, newest)
        .join(
            SubmissionRow,
            (SubmissionRow.bulletin == BulletinRow.id) & (SubmissionRow.revision == BulletinRow.revision),
        )
        .where(BulletinRow.state == BulletinState.APPROVED, SubmissionRow.decision == BulletinState.APPROVED)
        .order_by(SubmissionRow.id)
    )
    newest_submission = {
        schedule.id: (schedule, revision, submission) for schedule, revision, submission in session.execute(query)
    }
    for schedule, revision, submission in newest_submission.values():
        permitted = (
            select(SubmissionClipRow.commune, ClipRow.key, ClipRow.duration_ms)
            .join(ClipRow, ClipRow.key == SubmissionClipRow.clip)
            .where(SubmissionClipRow.submission == submission.id)
        )
        clips = {commune: (key, duration_ms or 0) for commune, key, duration_ms in session.execute(permitted)}
        yield Approved(schedule, revision, submission, clips)


def _wishes(item: Approved, commune: str, day: date) -> Iterator[Wish]:
    schedule, submission = item.schedule, item.submission
    places_in_day = [(slot, None) for slot in schedule.slots] + [(None, at) for at in schedule.times]
    for slot, at in places_in_day:
        yield Wish(
            schedule=schedule.id,
            local_date=day,
            duration=timedelta(milliseconds=item.clips[commune][1]),
            priority=item.revision.priority,
            order=schedule.order,
            age=(schedule.created_at, schedule.id),
            slot=slot,
            at=at,
            expires_at=item.revision.expires_at,
            valid_from=submission.valid_from,
            valid_until=submission.valid_until,
            is_rehearsal=schedule.is_rehearsal,
        )


def _values(airing: PlannedAiring, item: Approved, commune: str, mode: str) -> dict[str, Any]:
    return {
        "bulletin": item.revision.bulletin,
        "revision": item.revision.number,
        "submission": item.submission.id,
        "clip": item.clips[commune][0],
        "mode": mode,
        "due_at": airing.due_at,
        "ends_at": airing.ends_at,
        "blocked": airing.blocked,
    }


@dataclass(frozen=True, slots=True)
class _Differences:
    new: Sequence[dict[str, Any]]
    moved: Sequence[dict[str, Any]]
    barred: Sequence[dict[str, Any]]
    removed: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.new or self.moved or self.barred or self.removed)


_COMPARED = ("bulletin", "revision", "submission", "clip", "mode", "due_at", "ends_at", "blocked")


def _differences(
    session: Session, wanted: Mapping[AiringKey, tuple[PlannedAiring, dict[str, Any]]], now: datetime
) -> _Differences:
    """What separates the rows from the wanted airings. An airing that was begun or has ended is never touched."""
    oldest = datetime.combine(now.date() - timedelta(days=3), time(), UTC)
    table = AiringRow.__table__.c
    names = ("id", "schedule", "commune", "local_date", "place_in_day", "phase", *_COMPARED)
    query = select(*(table[name] for name in names)).where(AiringRow.local_date >= oldest.date())
    moved: list[dict[str, Any]] = []
    barred: list[dict[str, Any]] = []
    removed: list[str] = []
    known: set[AiringKey] = set()
    bars = _bars(session)
    for row in session.execute(query):
        key = AiringKey(row.schedule, row.commune, row.local_date, row.place_in_day)
        known.add(key)
        if row.phase is not Phase.PLANNED or row.due_at <= now:
            continue  # begun, ended, or about to be settled as it stands
        bar = bars.get(row.schedule)
        if key not in wanted and bar is None:
            removed.append(row.id)
        elif key not in wanted:
            # Kept, and ended with this reason when due: the log shows what residents were not told.
            barred += [{"id": row.id, "blocked": bar}] if row.blocked is not bar else []
        elif any(getattr(row, name) != wanted[key][1][name] for name in _COMPARED):
            moved.append({"id": row.id, **wanted[key][1]})
    new = [
        {"id": str(ULID()), "phase": Phase.PLANNED, **_key_values(key), **values}
        for key, (_, values) in wanted.items()
        if key not in known
    ]
    return _Differences(new, moved, barred, removed)


_BARS = {BulletinState.WITHDRAWN: Reason.WITHDRAWN, BulletinState.EXPIRED: Reason.EXPIRED}


def _bars(session: Session) -> dict[str, Reason]:
    """Why a schedule's bulletin may not air at all, for every schedule of which that is so."""
    states = select(ScheduleRow.id, BulletinRow.state).join(BulletinRow, BulletinRow.id == ScheduleRow.bulletin)
    return {
        schedule: _BARS.get(state, Reason.NOT_APPROVED)
        for schedule, state in session.execute(states.where(BulletinRow.state != BulletinState.APPROVED))
    }


def _key_values(key: AiringKey) -> dict[str, Any]:
    return {
        "schedule": key.schedule,
        "commune": key.commune,
        "local_date": key.local_date,
        "place_in_day": key.place_in_day,
    }


def _apply(session: Session, differences: _Differences) -> PlanChange:
    if differences.new:
        session.execute(insert(AiringRow), differences.new)
    for changes in (differences.moved, differences.barred):
        if changes:
            session.execute(update(AiringRow), changes)
    for start in range(0, len(differences.removed), 500):
        part = differences.removed[start : start + 500]
        session.execute(delete(AiringRow).where(AiringRow.id.in_(part), AiringRow.phase == Phase.PLANNED))
    return PlanChange(len(differences.new), len(differences.moved) + len(differences.barred), len(differences.removed))
