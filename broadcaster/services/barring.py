"""What may keep an airing from its stations, by what is true now rather than when it was planned."""

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from broadcaster.domain.airing import Evidence, Outcome, Phase, Reason, Verdict
from broadcaster.domain.bulletin import BulletinState
from broadcaster.domain.place import Station, heard_within, zones_to_air_in
from broadcaster.services import stops
from broadcaster.store.record_tables import StopRow
from broadcaster.store.tables import AiringRow, BulletinRow, CommuneRow, ScheduleRow, SubmissionRow

NO_STATION = Verdict(Outcome.FAILED, Reason.NO_STATION, Evidence.NONE)
STOPPED = Verdict(Outcome.CANCELLED, Reason.STOPPED, Evidence.NONE)


def cut(row: AiringRow, stopped: Sequence[StopRow], urgent: Sequence[AiringRow]) -> Verdict | None:
    """Why an airing must be silent now: somebody stopped it, or an emergency needs the loudspeakers."""
    evidence = Evidence.STARTED if row.phase is Phase.ON_AIR else Evidence.NONE
    if stops.silences(stopped, row):
        outcome = Outcome.PARTIAL if row.phase is Phase.ON_AIR else Outcome.CANCELLED
        return Verdict(outcome, Reason.STOPPED, evidence)
    gives_way = any(
        not stops.silences(stopped, other)
        and other.id != row.id
        and other.commune == row.commune
        and other.mode is row.mode
        and row.due_at < other.ends_at
        for other in urgent
    )
    return Verdict(Outcome.PREEMPTED, Reason.PREEMPTED, evidence) if gives_way else None


def refusal(session: Session, row: AiringRow) -> Verdict | None:
    """Whether what was planned is still what is approved."""
    bulletin = session.get_one(BulletinRow, row.bulletin)
    submission = session.get_one(SubmissionRow, row.submission)
    if bulletin.state is BulletinState.WITHDRAWN:
        return Verdict(Outcome.CANCELLED, Reason.WITHDRAWN, Evidence.NONE)
    if bulletin.state is BulletinState.EXPIRED:
        return Verdict(Outcome.EXPIRED, Reason.EXPIRED, Evidence.NONE)
    is_current = bulletin.state is BulletinState.APPROVED and bulletin.revision == row.revision
    is_allowed = is_current and submission.decision is BulletinState.APPROVED
    if not is_allowed or (submission.zones and _zones(session, row) is None):
        return Verdict(Outcome.SKIPPED, Reason.NOT_APPROVED, Evidence.NONE)
    if not submission.valid_from <= row.due_at < submission.valid_until:
        return Verdict(Outcome.SKIPPED, Reason.OUTSIDE_APPROVAL, Evidence.NONE)
    return None


def is_superseded(session: Session, row: AiringRow) -> bool:
    """Whether a newer revision or submission of its bulletin is approved, to which a plan can bring the airing."""
    bulletin = session.get_one(BulletinRow, row.bulletin)
    is_newest = bulletin.revision == row.revision
    decision = session.get_one(SubmissionRow, row.submission).decision
    return bulletin.state is BulletinState.APPROVED and not (is_newest and decision is BulletinState.APPROVED)


def targets(
    session: Session, row: AiringRow, stations: Sequence[Station], stopped: Sequence[StopRow]
) -> tuple[list[Station], Verdict | None]:
    """The stations of its commune to which an airing may go, or why there are none."""
    zones = _zones(session, row) or ()
    of_commune = session.get_one(CommuneRow, row.commune).zones if zones else ()
    reached = heard_within([station for station in stations if station.mode is row.mode], zones, of_commune)
    found = stops.unstopped(stopped, reached)
    if found:
        return found, None
    return [], STOPPED if reached else NO_STATION


def _zones(session: Session, row: AiringRow) -> Collection[str] | None:
    """The zones in which an airing may be heard (none named: all); None where its schedule asks for more."""
    permitted = session.get_one(SubmissionRow, row.submission).zones
    return zones_to_air_in(session.get_one(ScheduleRow, row.schedule).zones, permitted)
