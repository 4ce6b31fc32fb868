"""The queue of airings that source systems are told of: once for each airing and cluster, however long they are away.

It is filled in the transaction in which an airing ends. Before a report leaves, it is written that it is being sent and
when it is tried next; what was under way as the program died is sent again, because the other choice is to lose it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from broadcaster.connectors.base import UPSTREAM, Upstream
from broadcaster.domain.airing import StationState
from broadcaster.domain.roles import Actor
from broadcaster.domain.source import ClusterAiring
from broadcaster.errors import BroadcasterError, DeliveryError
from broadcaster.services.alert_queue import BACK_OFF_S, back_off
from broadcaster.services.alerts import written
from broadcaster.services.source_inbox import ALARM_AFTER, tell_link
from broadcaster.services.stations import Stations
from broadcaster.store import airings, journal, plays
from broadcaster.store import communes as places
from broadcaster.store.engine import Store, is_added
from broadcaster.store.journal import Action
from broadcaster.store.source_tables import ReceivedRow, SourceReportRow
from broadcaster.store.tables import AiringRow, ClipRow, RevisionRow

GIVEN_UP_AFTER = timedelta(days=14)
_IN_ONE_STEP = 200
_SOUNDED = (StationState.FINISHED, StationState.STOPPED, StationState.UNCONFIRMED)

Span = tuple[datetime, datetime | None]


def queue(session: Session, stations: Stations, row: AiringRow, now: datetime) -> None:
    """Have the commune's source systems told of each cluster that played an airing, unless they are already.

    One that is live is told of live airings, one in test mode of rehearsals: nothing is reported that nobody heard.
    """
    for station in places.stations(session, [row.commune]).get(row.commune, ()):
        if station.connector not in UPSTREAM or station.mode is not row.mode:
            continue
        upstream = stations.upstream(station)
        if upstream is None or not upstream.reports_airings:
            continue
        for cluster, (started_at, ended_at) in _played(session, upstream, row):
            values = {
                "station": station.code, "commune": row.commune, "airing": row.id, "cluster": cluster[:200],
                "started_at": started_at, "ended_at": ended_at, "queued_at": now, "due_at": now,
            }  # fmt: skip
            is_added(session, SourceReportRow, values)


def _played(session: Session, upstream: Upstream, row: AiringRow) -> Iterator[tuple[str, Span]]:
    """Each cluster that was heard, as far as is known, and from when to when."""
    of_loudspeakers = plays.of_airing(session, row.id)
    for play in of_loudspeakers:
        if play.state in _SOUNDED and play.started_at is not None:
            yield upstream.cluster_of(play.station, play.loudspeaker), (play.started_at, play.ended_at)
    with_loudspeakers = {play.station for play in of_loudspeakers}
    for part in airings.deliveries(session, row.id):
        if part.station in with_loudspeakers or part.state not in _SOUNDED:
            continue
        span = part.started_at or row.starts_at or row.due_at, part.ended_at
        own = upstream.clusters_of(part.station)
        for cluster in [upstream.cluster_of(part.station, "")] if own is None else own:
            yield cluster, span


@dataclass(frozen=True, slots=True)
class Reporting:
    """Sends what is due, in the caller's thread, the oldest first."""

    store: Store
    stations: Stations
    actor: Actor
    random: Random = field(default_factory=Random)

    def send(self, now: datetime, *, is_over: Callable[[], bool] = lambda: False) -> int:
        """Send what is due; how many reports arrived. A source system that is away is left until it is asked next."""
        with self.store.reading() as session:
            due = select(SourceReportRow.station).where(SourceReportRow.due_at <= now).distinct()
            codes = sorted(session.scalars(due))
        sent = 0
        for code in codes:
            for _ in range(_IN_ONE_STEP):
                claimed = None if is_over() else self._claim(code, now)
                if claimed is None:
                    break
                error = self._tell(*claimed, now)
                sent += error is None
                if error is not None and not error.is_permanent:
                    break
        return sent

    def _claim(self, code: str, now: datetime) -> tuple[SourceReportRow, ClusterAiring] | None:
        """The next report to a source system, noted as being sent."""
        with self.store.writing() as session:
            mine = (SourceReportRow.station == code, SourceReportRow.due_at <= now)
            query = select(SourceReportRow).where(*mine).order_by(SourceReportRow.id).limit(1)
            row = session.scalars(query.with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            row.tries += 1
            row.sending_at, row.due_at = now, now + back_off(row.tries, self.random)
            return row, _airing(session, row)

    def _tell(self, row: SourceReportRow, airing: ClusterAiring, now: datetime) -> DeliveryError | None:
        """None once it arrived, else what kept it."""
        error: DeliveryError | None = None
        try:
            self._upstream(row.station).report(airing)
        except DeliveryError as found:
            error = found
        with self.store.writing() as session:
            kept = session.get_one(SourceReportRow, row.id)
            if error is None:
                kept.sent_at, kept.due_at, kept.error = now, None, None
                tell_link(session, row.commune, row.station, "reported", now, tries=0, error=None)
                return None
            kept.error = written(error)
            if error.is_permanent or row.queued_at <= now - GIVEN_UP_AFTER:
                self._give_up(session, kept, error, now)
            else:
                self._put_off(session, kept, error, now)
        return error

    def _upstream(self, code: str) -> Upstream:
        """Raises DeliveryError, which is permanent where nobody is there to be told any more."""
        with self.store.reading() as session:
            found = [one for group in places.stations(session).values() for one in group if one.code == code]
        if not found:
            raise DeliveryError("The station {station} is there no more.", is_permanent=True, station=code)
        upstream = self.stations.upstream(found[0])
        if upstream is None:
            raise DeliveryError("Station {station} cannot be used as configured.", is_permanent=False, station=code)
        if not upstream.reports_airings:
            raise DeliveryError("Station {station} takes no reports of airings.", is_permanent=True, station=code)
        return upstream

    def _give_up(self, session: Session, row: SourceReportRow, error: BroadcasterError, now: datetime) -> None:
        row.due_at, row.given_up_at = None, now
        data = {"station": row.station, "cluster": row.cluster, "tries": row.tries, "error": str(error)}
        journal.append(
            session, chain=row.commune, action=Action.SOURCE_REPORT_GIVEN_UP, now=now, actor=self.actor,
            subject=row.airing, data=data,
        )  # fmt: skip
        tell_link(session, row.commune, row.station, "reported", now, tries=ALARM_AFTER, error=error)

    def _put_off(self, session: Session, row: SourceReportRow, error: BroadcasterError, now: datetime) -> None:
        """Nothing else is sent there before this one is tried again."""
        wait_s = getattr(error.__cause__, "retry_after_s", None) or 0.0
        again_at = max(row.due_at or now, now + timedelta(seconds=min(wait_s, BACK_OFF_S[-1])))
        waiting = update(SourceReportRow).where(
            SourceReportRow.station == row.station, SourceReportRow.due_at < again_at
        )
        session.execute(waiting.values(due_at=again_at))
        row.due_at = again_at
        tell_link(session, row.commune, row.station, "reported", now, tries=row.tries, error=error)


def newest(session: Session, commune: str | None = None, limit: int = 50) -> list[SourceReportRow]:
    """What was queued last, the newest first; of one commune or all."""
    query = select(SourceReportRow).order_by(SourceReportRow.id.desc()).limit(limit)
    return list(session.scalars(query if commune is None else query.where(SourceReportRow.commune == commune)))


def forget(session: Session, before: datetime) -> None:
    """Drop what waits no more and was queued before a moment; the airings stand in the log."""
    gone = SourceReportRow.due_at.is_(None) & (SourceReportRow.queued_at < before)
    session.execute(delete(SourceReportRow).where(gone))


def _airing(session: Session, row: SourceReportRow) -> ClusterAiring:
    """What is told of an airing: as it was aired, with its outcome and evidence."""
    airing = session.get_one(AiringRow, row.airing)
    revision = session.get_one(RevisionRow, (airing.bulletin, airing.revision))
    received = select(ReceivedRow.source_key).filter_by(station=row.station, bulletin=airing.bulletin)
    return ClusterAiring(
        airing=airing.id,
        source_key=session.scalar(received) or "",
        title=revision.title,
        priority=revision.priority,
        field=revision.field,
        duration_ms=session.get_one(ClipRow, airing.clip).duration_ms or 0,
        source=revision.source,
        cluster=row.cluster,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=airing.outcome,
        evidence=airing.evidence,
    )
