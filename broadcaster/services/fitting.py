"""What of some schedules will not air in the days ahead, and why, as it is planned now."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcaster.domain.airing import Phase, Reason
from broadcaster.store.bulk import in_parts
from broadcaster.store.tables import AiringRow, CommuneRow


@dataclass(frozen=True, slots=True)
class BlockedAhead:
    """How many airings of one schedule are blocked for one reason, among how many in all that have not ended.

    `first` is the earliest of the blocked ones, in the local time of its commune.
    """

    schedule: str
    reason: Reason
    count: int
    of: int
    first: datetime
    commune: str


def blocked_ahead(session: Session, schedules: Collection[str], now: datetime, days: int) -> list[BlockedAhead]:
    """What is blocked of these schedules from now on for so many days; by schedule, the earliest reason first."""
    groups: dict[str, dict[Reason | None, list[tuple[datetime, str, str, int]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for part in in_parts(sorted(schedules)):
        query = _query(part, now, now + timedelta(days=days))
        for schedule, reason, commune, zone, count, first in session.execute(query):
            groups[schedule][reason].append((first, commune, zone, count))
    found = [
        _blocked(schedule, reason, of_reason, sum(part[3] for parts in reasons.values() for part in parts))
        for schedule, reasons in groups.items()
        for reason, of_reason in reasons.items()
        if reason is not None
    ]
    return sorted(found, key=lambda item: (item.schedule, item.first, item.reason))


def _blocked(schedule: str, reason: Reason, parts: list[tuple[datetime, str, str, int]], of: int) -> BlockedAhead:
    first, commune, zone, _ = min(parts)
    return BlockedAhead(schedule, reason, sum(part[3] for part in parts), of, first.astimezone(ZoneInfo(zone)), commune)


def _query(schedules: Collection[str], since: datetime, until: datetime) -> Any:
    """Schedule, reason, commune, its zone, how many, the first due time."""
    group = (AiringRow.schedule, AiringRow.blocked, AiringRow.commune, CommuneRow.timezone)
    return (
        select(*group, func.count(), func.min(AiringRow.due_at))
        .join(CommuneRow, CommuneRow.code == AiringRow.commune)
        .where(
            AiringRow.schedule.in_(schedules),
            AiringRow.phase != Phase.ENDED,
            AiringRow.due_at >= since,
            AiringRow.due_at < until,
        )
        .group_by(*group)
    )
