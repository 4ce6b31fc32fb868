"""How far a campaign came: in each commune what of each bulletin aired and will air, and whether the target is met.

An airing counts towards the target if it aired as a whole, where residents hear it, and was due before the date of the
target was over in the commune's own time. Where a commune has stations in test mode only, its test airings count
instead: a trial of a campaign can reach its target, and a live commune cannot reach it by rehearsing.

A handful of grouped queries, however many communes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from broadcaster.domain.airing import Outcome, Phase
from broadcaster.domain.campaign import Answer, communes_needed
from broadcaster.domain.place import Mode
from broadcaster.domain.timetable import instant
from broadcaster.store import campaigns
from broadcaster.store.record_tables import CampaignAnswerRow, CampaignRow
from broadcaster.store.tables import AiringRow, CommuneRow, ScheduleRow, StationRow

_BEFORE = timedelta(days=2)  # an airing's local date may lie before the moment of the sending, by the zone


@dataclass(slots=True)
class Aired:
    """How the airings of a bulletin in a commune stand. `counted` are those that the target counts.

    `planned` are ahead or under way; `blocked` are ahead too, and something stands in their way. `aired` were heard by
    residents, `tested` by nobody but stations in test mode; `missed` ended in any other way than aired or in part.
    """

    planned: int = 0
    blocked: int = 0
    aired: int = 0
    tested: int = 0
    partial: int = 0
    missed: int = 0
    counted: int = 0
    last_aired: datetime | None = None
    next_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One bulletin in one commune."""

    bulletin: str
    answer: Answer
    reason: str
    answered_by: str | None
    schedule: str | None
    airings: Aired


@dataclass(frozen=True, slots=True)
class CommuneCoverage:
    """One commune: it has reached the target once every bulletin aired as often as that says."""

    commune: str
    name: str
    is_reached: bool
    is_live: bool
    bulletins: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Coverage:
    """A whole campaign. `needed` and `remaining` count the communes that the target asks for, and that still lack."""

    campaign: str
    title: str
    source: str
    target_percent: int
    target_airings: int
    target_date: date | None
    ended_at: datetime | None
    communes: Sequence[CommuneCoverage]
    answers: Mapping[Answer, int]
    reached: int
    needed: int
    remaining: int
    percent: float
    is_met: bool
    is_over: bool


def coverage(session: Session, campaign: str, now: datetime) -> Coverage:
    """How far a campaign came. Raises InputError for an unknown one."""
    row = campaigns.campaign(session, campaign)
    communes = _communes(session, campaign)
    live = set(session.scalars(select(StationRow.commune).where(StationRow.mode == Mode.LIVE).distinct()))
    deadlines = _deadlines(row, {zone for _, zone in communes.values()})
    airings = _airings(session, row, deadlines, live)
    cells: dict[str, list[Cell]] = defaultdict(list)
    answers = sorted(
        campaigns.answers(session, campaign), key=lambda answer: (answer.commune, row.bulletins.index(answer.bulletin))
    )
    for answer in answers:
        cells[answer.commune].append(_cell(answer, airings[answer.commune, answer.bulletin]))
    found = [
        CommuneCoverage(
            commune=code,
            name=communes[code][0],
            is_reached=all(cell.airings.counted >= row.target_airings for cell in of_commune),
            is_live=code in live,
            bulletins=of_commune,
        )
        for code, of_commune in cells.items()
    ]
    reached = sum(commune.is_reached for commune in found)
    needed = communes_needed(row.target_percent, len(found))
    return Coverage(
        campaign=row.id,
        title=row.title,
        source=row.source,
        target_percent=row.target_percent,
        target_airings=row.target_airings,
        target_date=row.target_date,
        ended_at=row.ended_at,
        communes=found,
        answers=dict(Counter(answer.answer for answer in answers)),
        reached=reached,
        needed=needed,
        remaining=max(0, needed - reached),
        percent=round(100 * reached / len(found), 1) if found else 0.0,
        is_met=bool(found) and reached >= needed,
        is_over=bool(deadlines) and now >= max(deadlines.values()),
    )


def _communes(session: Session, campaign: str) -> dict[str, tuple[str, str]]:
    """Each commune of a campaign with its name and its time zone."""
    asked = select(CampaignAnswerRow.commune).where(CampaignAnswerRow.campaign == campaign)
    query = select(CommuneRow.code, CommuneRow.name, CommuneRow.timezone).where(CommuneRow.code.in_(asked))
    return {code: (name, zone) for code, name, zone in session.execute(query)}


def _deadlines(row: CampaignRow, zones: set[str]) -> dict[str, datetime]:
    """By time zone when the target's date is over; empty without such a date."""
    if row.target_date is None:
        return {}
    return {zone: instant(row.target_date + timedelta(days=1), time(), ZoneInfo(zone)) for zone in zones}


def _airings(
    session: Session, row: CampaignRow, deadlines: Mapping[str, datetime], live: set[str]
) -> dict[tuple[str, str], Aired]:
    """By commune and bulletin. Airings are looked for by commune and date, as their index has them."""
    made = set(session.scalars(select(ScheduleRow.id).where(ScheduleRow.campaign == row.id)))
    asked = select(CampaignAnswerRow.commune).where(CampaignAnswerRow.campaign == row.id)
    in_time = [and_(CommuneRow.timezone == zone, AiringRow.due_at < end) for zone, end in deadlines.items()]
    query = (
        select(AiringRow.schedule, AiringRow.commune, AiringRow.bulletin, AiringRow.mode, *_columns(in_time))
        .join(CommuneRow, CommuneRow.code == AiringRow.commune)
        .where(
            AiringRow.commune.in_(asked),
            AiringRow.local_date >= min(row.dtstart, (row.sent_at - _BEFORE).date()),
            AiringRow.bulletin.in_(row.bulletins),
        )
        .group_by(AiringRow.schedule, AiringRow.commune, AiringRow.bulletin, AiringRow.mode)
    )
    found: dict[tuple[str, str], Aired] = defaultdict(Aired)
    for schedule, commune, bulletin, mode, *group in session.execute(query):
        if schedule in made:  # a commune may air the same bulletin by itself; that is no answer to the campaign
            is_live = mode is Mode.LIVE
            _add(found[commune, bulletin], group, is_live=is_live, counts=is_live or commune not in live)
    return found


def _columns(in_time: Sequence[ColumnElement[bool]]) -> Iterator[ColumnElement[Any]]:
    """What is counted of each group, in the order in which `_add` takes it."""
    ahead = AiringRow.phase != Phase.ENDED
    aired = AiringRow.outcome == Outcome.AIRED
    conditions = (
        and_(ahead, AiringRow.blocked.is_(None)),
        and_(ahead, AiringRow.blocked.is_not(None)),
        aired,
        AiringRow.outcome == Outcome.PARTIAL,
        AiringRow.outcome.not_in([Outcome.AIRED, Outcome.PARTIAL]),
        and_(aired, or_(*in_time) if in_time else true()),
    )
    for condition in conditions:
        yield func.count().filter(condition)
    yield func.max(func.coalesce(AiringRow.started_at, AiringRow.due_at)).filter(aired)
    yield func.min(AiringRow.due_at).filter(conditions[0])


def _add(total: Aired, group: Sequence[Any], *, is_live: bool, counts: bool) -> None:
    """Add one group of `_columns`."""
    planned, blocked, aired, partial, missed, in_time, last_aired, next_due = group
    total.planned += planned
    total.blocked += blocked
    total.partial += partial
    total.missed += missed
    total.counted += in_time if counts else 0
    if is_live:
        total.aired += aired
    else:
        total.tested += aired
    total.last_aired = max(filter(None, (total.last_aired, last_aired)), default=None)
    total.next_due = min(filter(None, (total.next_due, next_due)), default=None)


def _cell(answer: CampaignAnswerRow, airings: Aired) -> Cell:
    return Cell(
        bulletin=answer.bulletin,
        answer=answer.answer,
        reason=answer.reason,
        answered_by=answer.answered_by,
        schedule=answer.schedule,
        airings=airings,
    )
