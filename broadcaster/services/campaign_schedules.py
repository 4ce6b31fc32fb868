"""The schedules that a campaign has in its communes: which bulletins are fit for it, in which slots, on which dates."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from broadcaster.domain.bulletin import BulletinState, Priority
from broadcaster.domain.campaign import schedule_id
from broadcaster.domain.roles import Actor
from broadcaster.domain.timetable import local_dates, local_time
from broadcaster.errors import InputError
from broadcaster.services.schedules import keep_schedule, remove_schedule
from broadcaster.services.scheduling import written
from broadcaster.store import campaigns, submissions
from broadcaster.store.record_tables import CampaignRow
from broadcaster.store.tables import CommuneRow, RevisionRow, ScheduleRow, SubmissionRow


@dataclass(frozen=True, slots=True)
class Wished:
    """When a bulletin of a campaign shall air in a commune; what is left out is as the source wished.

    Without slots and times it airs in the first slots of the day.
    """

    dtstart: date | None = None
    rrule: str | None = None
    slots: Sequence[str] = ()
    times: Sequence[str] = ()


def hold(session: Session, campaign: str, bulletins: Collection[str]) -> None:
    """Lock a campaign, then its bulletins in one order, before anything else: so no two ever wait for each other."""
    campaigns.campaign(session, campaign)
    for key in sorted(bulletins):
        submissions.bulletin(session, key)


def fit(session: Session, bulletin: str, communes: Collection[str], now: datetime) -> tuple[RevisionRow, SubmissionRow]:
    """A bulletin's newest revision and its approval. Raises InputError unless it may air in all these communes."""
    row, revision = submissions.bulletin(session, bulletin)
    if revision.expires_at is not None and revision.expires_at <= now:
        raise InputError("Bulletin {bulletin} has expired. Give it a later expiry.", bulletin=bulletin)
    submission = submissions.latest(session, bulletin)
    if row.state is not BulletinState.APPROVED or submission is None:
        raise InputError("{bulletin} is not approved. Approve it first.", bulletin=bulletin)
    if submission.valid_until <= now:
        raise InputError("The approval of {bulletin} does not hold now.", bulletin=bulletin)
    outside = sorted(set(communes) - set(submissions.communes_of(session, submission.id))) if communes else []
    if outside:
        raise InputError(
            "{bulletin} was not approved for: {communes}.", bulletin=bulletin, communes=", ".join(outside[:10])
        )
    return revision, submission


def first_slots(commune: CommuneRow, count: int) -> list[str]:
    """The names of the first slots of a commune's day, in the order in which they start."""
    slots = sorted(commune.timetable.get("slots", []), key=lambda slot: local_time(slot["start"]))
    return [slot["name"] for slot in slots[:count]]


def airs_from(campaign: CampaignRow, wished: Wished, commune: CommuneRow, now: datetime) -> bool:
    """Whether any of the wished dates is still ahead."""
    today = now.astimezone(ZoneInfo(commune.timezone)).date()
    dtstart = wished.dtstart or campaign.dtstart
    ahead = local_dates(wished.rrule or campaign.rrule, dtstart, max(dtstart, today), date.max)
    return next(ahead, None) is not None


def keep(
    session: Session,
    campaign: CampaignRow,
    commune: CommuneRow,
    bulletin: str,
    wished: Wished,
    *,
    actor: Actor,
    now: datetime,
) -> str:
    """Put a bulletin into the timetable of a commune; returns the schedule's id.

    Raises InputError where the commune has no such slot, or none at all and no times are wished for.
    """
    slots = wished.slots or ([] if wished.times else first_slots(commune, campaign.times_a_day))
    if not slots and not wished.times:
        raise InputError("{commune} has no slots. Say at which times: broadcaster campaign move", commune=commune.name)
    key = schedule_id(campaign.id, bulletin, commune.code)
    kept = session.get(ScheduleRow, key)
    entry = written(
        {
            "id": key,
            "bulletin": bulletin,
            "communes": [commune.code],
            "slots": list(slots),
            "times": list(wished.times),
            "dtstart": wished.dtstart or campaign.dtstart,
            "rrule": wished.rrule or campaign.rrule,
            "order": kept.order if kept is not None else 0,
        }
    )
    keep_schedule(session, entry, actor, now, campaign.id)
    return key


def remove(session: Session, schedule: str | None, actor: Actor, now: datetime) -> bool:
    """Take a campaign's schedule out of the timetable; whether it was still there."""
    row = session.get(ScheduleRow, schedule) if schedule is not None else None
    if row is None or row.removed_at is not None or row.is_emergency:
        return False
    remove_schedule(session, row.id, actor, now)
    return True


def is_priority(revision: RevisionRow) -> bool:
    """Whether the law lets it land by itself."""
    return revision.priority is Priority.PRIORITY
