"""Handing airings over in time: the last look at everything that was approved and planned, then the stations.

"Sending" is committed before the first station hears of an airing, so that a worker that dies in between is
noticed by the next one; that only one worker sends is decided by a conditional UPDATE.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from broadcaster import files
from broadcaster.config import Config
from broadcaster.domain.airing import (
    OPEN_STATION_STATES,
    Evidence,
    Outcome,
    Phase,
    Reason,
    StationState,
    Verdict,
)
from broadcaster.domain.bulletin import BulletinState
from broadcaster.domain.order import Order
from broadcaster.domain.place import Mode, Station
from broadcaster.domain.timetable import CommuneTimetable
from broadcaster.errors import BroadcasterError
from broadcaster.services import lateness, stops
from broadcaster.services.outcomes import Outcomes, for_each, tell
from broadcaster.services.rendering import Studio
from broadcaster.store import airings
from broadcaster.store import communes as places
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.record_tables import StopRow
from broadcaster.store.tables import (
    AiringRow,
    BulletinRow,
    ClipRow,
    CommuneRow,
    DeliveryRow,
    RevisionRow,
    ScheduleRow,
    SubmissionRow,
)

log = logging.getLogger(__name__)

_BLOCKED_OUTCOMES = {Reason.EXPIRED: Outcome.EXPIRED, Reason.WITHDRAWN: Outcome.CANCELLED}


@dataclass(frozen=True, slots=True)
class HandOver:
    """Hands over what is due, and ends what may not air."""

    store: Store
    studio: Studio
    config: Config
    outcomes: Outcomes

    def run(self, now: datetime) -> int:
        """Hand over every airing whose lead time has come, and end those that may not air; returns how many."""
        with self.store.reading() as session:
            stations = places.stations(session)
            leads = {commune: self.outcomes.stations.lead(found) for commune, found in stations.items()}
            waiting = airings.due(session, now + max(leads.values(), default=timedelta()) + timedelta(seconds=1))
        nothing = timedelta()
        ready = [row for row in waiting if row.due_at <= now + leads.get(row.commune, nothing)]

        def hand_over(row: AiringRow) -> None:
            targets = [station for station in stations.get(row.commune, []) if station.mode is row.mode]
            with self.store.reading() as session:
                clip_fault = self._clip_fault(session.get_one(ClipRow, row.clip))
            self._hand_over(row.id, targets, clip_fault, now)

        for_each(ready, hand_over)
        return len(ready)

    def recall(self, now: datetime) -> None:
        """Take back what was handed over and is not approved any more; cut short what was stopped or must give way."""
        with self.store.reading() as session:
            begun = airings.under_way(session)
            stopped, urgent = stops.in_force(session), airings.emergencies_due(session, now)
            refused: dict[AiringRow, Verdict] = {}
            for row in (*begun, *airings.given_back(session)):
                refusal = _cut(row, stopped, urgent) or (
                    self._refusal(session, row) if row.phase is not Phase.ON_AIR else None
                )
                if refusal is not None:
                    refused[row] = refusal
            stations = places.stations(session, {row.commune for row in refused})
        for row, refusal in refused.items():
            with self.store.writing() as session:
                for part in airings.deliveries(session, row.id):
                    if part.started_at is not None:  # as far as is known; the station's own word comes too late
                        part.position_s = max(0.0, (now - part.started_at).total_seconds())
                self.outcomes.end(session, session.get_one(AiringRow, row.id), refusal, now)
            for station in stations.get(row.commune, []):  # one that knows nothing of it stays as it is
                self._silence(station, row.id)

    def _silence(self, station: Station, airing: str) -> None:
        try:
            self.outcomes.stations.connector(station).stop(airing)
        except BroadcasterError as error:
            ids = {"airing": airing, "station": station.code}
            log.error("An order was not taken back.", extra={"action": "recall_failed", **ids, "error": str(error)})

    def _hand_over(self, airing: str, targets: Sequence[Station], clip_fault: Verdict | None, now: datetime) -> None:
        with self.store.writing() as session:
            row = session.get_one(AiringRow, airing)
            latest = self._latest_start(session, row)
            start = lateness.start(session, row, now)
            fault = self._fault(session, row, targets, (start, latest)) or clip_fault
            if fault is not None:
                if fault.outcome is Outcome.MISSED and self._postponed(session, row, now):
                    return
                if row.due_at <= now:  # until then it can still be mended
                    self.outcomes.end(session, row, fault, now)
                return
            if not airings.move(
                session, airing, [Phase.PLANNED], phase=Phase.SENDING, starts_at=start, latest_start_at=latest
            ):
                return
            session.refresh(row)
            codes = [station.code for station in targets]
            tell(session, self.outcomes.actor, Action.AIRING_SENDING, row, now, stations=codes)
            for code in codes:
                session.add(
                    DeliveryRow(airing=airing, station=code, state=StationState.SENDING, sent_at=now, detail="")
                )
            orders = self._orders(session, row, targets, latest)
        failures = {station.code: self._deliver(station, orders[station.code]) for station in targets}
        with self.store.writing() as session:
            self._handed_over(session, session.get_one(AiringRow, airing), failures, now)

    def _fault(
        self, session: Session, row: AiringRow, targets: Sequence[Station], when: tuple[datetime, datetime]
    ) -> Verdict | None:
        """Why an airing may not air, by what is true now rather than when it was planned; None if it may.

        `when` is the moment at which it would start now, and the last one at which it may.
        """
        start, latest = when
        if row.blocked is not None:
            return Verdict(_BLOCKED_OUTCOMES.get(row.blocked, Outcome.SKIPPED), row.blocked, Evidence.NONE)
        if start > latest:
            return Verdict(Outcome.MISSED, Reason.SERVER_DOWN, Evidence.NONE)
        refusal = _cut(row, stops.in_force(session), ()) or self._refusal(session, row)
        if refusal is not None:
            return refusal
        if not targets:
            return Verdict(Outcome.FAILED, Reason.NO_STATION, Evidence.NONE)
        uses_sample = session.get_one(SubmissionRow, row.submission).uses_sample_fact
        if uses_sample and any(station.mode is Mode.LIVE for station in targets):
            return Verdict(Outcome.FAILED, Reason.SAMPLE_FACT, Evidence.NONE)
        if self._is_quiet(session, row, targets, start):
            return Verdict(Outcome.SKIPPED, Reason.QUIET_HOURS, Evidence.NONE)
        return None

    def _refusal(self, session: Session, row: AiringRow) -> Verdict | None:
        """Whether what was planned is still what is approved."""
        bulletin = session.get_one(BulletinRow, row.bulletin)
        submission = session.get_one(SubmissionRow, row.submission)
        if bulletin.state is BulletinState.WITHDRAWN:
            return Verdict(Outcome.CANCELLED, Reason.WITHDRAWN, Evidence.NONE)
        if bulletin.state is BulletinState.EXPIRED:
            return Verdict(Outcome.EXPIRED, Reason.EXPIRED, Evidence.NONE)
        is_current = bulletin.state is BulletinState.APPROVED and bulletin.revision == row.revision
        if not is_current or submission.decision is not BulletinState.APPROVED:
            return Verdict(Outcome.SKIPPED, Reason.NOT_APPROVED, Evidence.NONE)
        if not submission.valid_from <= row.due_at < submission.valid_until:
            return Verdict(Outcome.SKIPPED, Reason.OUTSIDE_APPROVAL, Evidence.NONE)
        return None

    def _is_quiet(self, session: Session, row: AiringRow, targets: Sequence[Station], start: datetime) -> bool:
        """The guard of the quiet hours; only a rehearsal on stations that are all in test mode is let through."""
        if session.get_one(ScheduleRow, row.schedule).is_rehearsal and all(s.mode is Mode.TEST for s in targets):
            return False
        if row.overrides_quiet:
            return False
        commune = self._timetable(session, row)
        return commune.is_quiet((start, start + (row.ends_at - row.due_at)))

    def _timetable(self, session: Session, row: AiringRow) -> CommuneTimetable:
        return places.timetable(session.get_one(CommuneRow, row.commune), self.config.timetable.quiet_hours)

    def _postponed(self, session: Session, row: AiringRow, now: datetime) -> bool:
        """Whether a missed airing waits for the next slot, as its bulletin may say."""
        commune = self._timetable(session, row)
        if not lateness.postpone(session, row, commune, now):
            return False
        session.refresh(row)
        tell(session, self.outcomes.actor, Action.AIRING_POSTPONED, row, now, was_due_at=row.postponed_from)
        return True

    def _latest_start(self, session: Session, row: AiringRow) -> datetime:
        revision = session.get_one(RevisionRow, (row.bulletin, row.revision))
        grace = lateness.grace(revision, timedelta(seconds=self.config.timetable.grace_s))
        if row.overrides_quiet or session.get_one(ScheduleRow, row.schedule).is_rehearsal:
            return row.due_at + grace
        commune = self._timetable(session, row)
        return commune.latest_start(row.due_at, row.ends_at - row.due_at, grace)

    def _clip_fault(self, clip: ClipRow) -> Verdict | None:
        """What is wrong with the clip on the disk, measured against what was approved."""
        try:
            if files.sha256(self.studio.path(clip.key)) == clip.sha256:
                return None
        except FileNotFoundError:
            return Verdict(Outcome.FAILED, Reason.CLIP_MISSING, Evidence.NONE)
        except OSError:
            log.exception("A clip cannot be read.", extra={"action": "clip_unreadable", "clip": clip.key})
        return Verdict(Outcome.FAILED, Reason.CLIP_DAMAGED, Evidence.NONE)

    def _orders(
        self, session: Session, row: AiringRow, targets: Sequence[Station], latest: datetime
    ) -> dict[str, Order]:
        revision = session.get_one(RevisionRow, (row.bulletin, row.revision))
        clip = session.get_one(ClipRow, row.clip)
        return {
            station.code: Order(
                airing=row.id,
                commune=row.commune,
                station=station.code,
                mode=row.mode,
                title=revision.title,
                start=row.starts_at or row.due_at,
                expires=latest,
                duration_ms=clip.duration_ms or 0,
                clip=self.studio.path(clip.key),
                clip_sha256=str(clip.sha256),
                repeats=row.repeats,
                gap_s=row.gap_s,
            )
            for station in targets
        }

    def _deliver(self, station: Station, order: Order) -> str:
        """Hand an order to a station; what went wrong, or an empty text."""
        extra = {"action": "delivery_failed", "airing": order.airing, "station": station.code}
        try:
            self.outcomes.stations.connector(station).deliver(order)
        except BroadcasterError as error:
            log.warning("An order was not handed over.", extra={**extra, "error": str(error)})
            return str(error)
        except Exception as error:  # whatever is wrong with one station, the others must air
            log.exception("An order was not handed over.", extra=extra)
            return repr(error)
        return ""

    def _handed_over(self, session: Session, row: AiringRow, failures: Mapping[str, str], now: datetime) -> None:
        parts = airings.deliveries(session, row.id)
        for part in parts:
            if part.state is StationState.SENDING:  # else a report has overtaken this note
                part.detail = failures.get(part.station, "")
                part.state = StationState.FAILED if part.detail else StationState.ACCEPTED
        if airings.move(session, row.id, [Phase.SENDING], phase=Phase.HANDED_OVER, handed_over_at=now):
            failed_at = {station: error for station, error in failures.items() if error}
            tell(session, self.outcomes.actor, Action.AIRING_HANDED_OVER, row, now, failed=failed_at)
        if all(part.state not in OPEN_STATION_STATES for part in parts):
            self.outcomes.conclude(session, row, now)


def _cut(row: AiringRow, stopped: list[StopRow], urgent: Sequence[AiringRow]) -> Verdict | None:
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
