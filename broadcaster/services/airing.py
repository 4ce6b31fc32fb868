"""Handing airings over in time: the last look at everything that was approved and planned, then the stations.

"Sending" is committed before the first station hears of an airing, so that a worker that dies in between is
noticed by the next one; that only one worker sends is decided by a conditional UPDATE.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from broadcaster import files
from broadcaster.config import Config
from broadcaster.domain.airing import (
    Evidence,
    Outcome,
    Phase,
    Reason,
    StationState,
    Verdict,
)
from broadcaster.domain.order import Order
from broadcaster.domain.place import Mode, Station
from broadcaster.domain.plan import NEAR
from broadcaster.domain.timetable import CommuneTimetable
from broadcaster.services import lateness, stops
from broadcaster.services.adjusting import Adjusting
from broadcaster.services.barring import cut, refusal, targets
from broadcaster.services.delivering import Delivering
from broadcaster.services.dispatching import Dispatch, Inline
from broadcaster.services.latching import Latching
from broadcaster.services.ordering import Signer
from broadcaster.services.outcomes import Outcomes, for_each, tell
from broadcaster.services.recalling import Recall
from broadcaster.services.receipts import Receipts
from broadcaster.services.rendering import Studio
from broadcaster.services.sealing import Sealing
from broadcaster.services.silencing import Silencer
from broadcaster.store import airings
from broadcaster.store import communes as places
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.tables import (
    AiringRow,
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
    signer: Signer
    dispatch: Dispatch = field(default_factory=Inline)
    sealing: Sealing = field(init=False)
    delivering: Delivering = field(init=False)
    silencer: Silencer = field(init=False)
    latching: Latching = field(init=False)
    receipts: Receipts = field(init=False)
    adjusting: Adjusting = field(init=False)

    def __post_init__(self) -> None:
        # Frozen: these live as long as this does.
        object.__setattr__(self, "sealing", Sealing(self.outcomes.stations, self.signer))
        object.__setattr__(self, "delivering", Delivering(self.store, self.outcomes, self.dispatch))
        object.__setattr__(self, "silencer", Silencer(self.store, self.sealing, self.dispatch))
        object.__setattr__(self, "latching", Latching(self.store, self.sealing, self.dispatch))
        object.__setattr__(self, "receipts", Receipts(self.store, self.outcomes.stations, self.dispatch))
        object.__setattr__(self, "adjusting", Adjusting(self.store, self.sealing, self.dispatch))

    def run(self, now: datetime) -> int:
        """Hand over every airing whose lead time has come, and end those that may not air; returns how many."""
        self.delivering.go_on(now)
        with self.store.reading() as session:
            stations = places.stations(session)
            leads = {commune: self.outcomes.stations.lead(found) for commune, found in stations.items()}
            waiting = airings.due(session, now + max(leads.values(), default=timedelta()) + timedelta(seconds=1))
            urgent = {row.id for row in airings.emergencies_due(session, now)}
        nothing = timedelta()
        ready = [row for row in waiting if row.due_at <= now + leads.get(row.commune, nothing)]
        ready.sort(key=lambda row: row.id not in urgent)  # what is late already must not get in before them

        def hand_over(row: AiringRow) -> None:
            with self.store.reading() as session:
                clip_fault = self._clip_fault(session.get_one(ClipRow, row.clip))
            self._hand_over(row, stations.get(row.commune, []), clip_fault, now)

        try:
            for_each(ready, hand_over)
        finally:
            self.delivering.go_on(now)
        return len(ready)

    def ahead(self, session: Session, row: AiringRow, stations: Sequence[Station]) -> dict[str, Order] | Verdict:
        """What each station would be ordered if a planned airing were handed over at its time, or why it may not air.

        By what is true now; changes nothing.
        """
        stopped = stops.in_force(session)
        found, missing = targets(session, row, stations, stopped)
        latest = self._latest_start(session, row)
        fault = self._fault(session, row, found, (row.due_at, latest), cut(row, stopped, ())) or missing
        fault = fault or self._clip_fault(session.get_one(ClipRow, row.clip))
        if fault is not None:
            return fault
        orders = self._orders(session, row, found, latest)
        return {code: replace(order, start=row.due_at) for code, order in orders.items()}

    def recall(self, now: datetime) -> None:
        """Take back or cut short what may not air so any more, and plan anew what was taken back.

        Stops go first: they silence a loudspeaker whatever else it is told.
        """
        self.latching.run(now)
        self.adjusting.run(now)
        Recall(self.store, self.config, self.outcomes, self.silencer).run(now)

    def _hand_over(
        self, seen: AiringRow, stations: Sequence[Station], clip_fault: Verdict | None, now: datetime
    ) -> None:
        with self.store.writing() as session:
            row = session.get(AiringRow, seen.id, with_for_update=True)
            if row is None or (row.phase, row.due_at, row.clip) != (seen.phase, seen.due_at, seen.clip):
                return  # planned otherwise meanwhile; the next tick sees it as it is now
            orders = self._begin(session, row, stations, clip_fault, now)
            if orders is None:  # what was done for it so far must not stay
                session.rollback()
                return
        for station in stations:
            if station.code in orders:
                self.delivering.begin(station, orders[station.code])

    def _begin(
        self, session: Session, row: AiringRow, stations: Sequence[Station], clip_fault: Verdict | None, now: datetime
    ) -> dict[str, Order] | None:
        """Write down that an airing is being sent; its orders by station, none where it may not air, or not yet.

        None where its orders cannot be signed, and there is still time to mend that.
        """
        stopped = stops.in_force(session)
        found, missing = targets(session, row, stations, stopped)
        latest, start = self._latest_start(session, row), lateness.start(session, row, now)
        fault = self._fault(session, row, found, (start, latest), cut(row, stopped, ())) or missing or clip_fault
        if fault is not None:
            if fault.outcome is Outcome.MISSED and self._postponed(session, row, now):
                return {}
            if row.due_at <= now:  # until then it can still be mended
                self.outcomes.end(session, row, fault, now)
            return {}
        is_left_as_it_is = row.latest_start_at is not None and row.due_at <= now + NEAR
        if row.is_outdated and row.postponed_from is None and not is_left_as_it_is:
            return {}  # it has to be taken back, or planned anew, first
        values = {"phase": Phase.SENDING, "starts_at": start, "latest_start_at": latest}
        if not airings.move(session, row.id, [Phase.PLANNED], **values):
            return {}
        session.refresh(row)
        orders, unsigned = self.sealing.seal(session, row, found, self._orders(session, row, found, latest), now)
        if unsigned and row.due_at > now:
            return None
        codes = [station.code for station in found]
        tell(session, self.outcomes.actor, Action.AIRING_SENDING, row, now, stations=codes)
        for code in codes:
            state = StationState.UNSIGNED if code in unsigned else StationState.SENDING
            detail = unsigned.get(code, "")
            session.add(DeliveryRow(airing=row.id, station=code, state=state, sent_at=now, detail=detail))
        if not orders:
            session.flush()
            self.outcomes.conclude(session, row, now)
        return orders

    def _fault(
        self,
        session: Session,
        row: AiringRow,
        found: Sequence[Station],
        when: tuple[datetime, datetime],
        silenced: Verdict | None,
    ) -> Verdict | None:
        """Why an airing may not air, by what is true now rather than when it was planned; None if it may.

        `when` is the moment at which it would start now, and the last one at which it may.
        """
        start, latest = when
        if row.blocked is not None:
            return Verdict(_BLOCKED_OUTCOMES.get(row.blocked, Outcome.SKIPPED), row.blocked, Evidence.NONE)
        if start > latest:
            return Verdict(Outcome.MISSED, Reason.SERVER_DOWN, Evidence.NONE)
        refused = silenced or refusal(session, row)
        if refused is not None or not found:
            return refused
        uses_sample = session.get_one(SubmissionRow, row.submission).uses_sample_fact
        if uses_sample and any(station.mode is Mode.LIVE for station in found):
            return Verdict(Outcome.FAILED, Reason.SAMPLE_FACT, Evidence.NONE)
        if self._is_quiet(session, row, found, start):
            return Verdict(Outcome.SKIPPED, Reason.QUIET_HOURS, Evidence.NONE)
        return None

    def _is_quiet(self, session: Session, row: AiringRow, stations: Sequence[Station], start: datetime) -> bool:
        """The guard of the quiet hours; only a rehearsal on stations that are all in test mode is let through."""
        if session.get_one(ScheduleRow, row.schedule).is_rehearsal and all(s.mode is Mode.TEST for s in stations):
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
        self, session: Session, row: AiringRow, stations: Sequence[Station], latest: datetime
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
                priority=revision.priority,
                start=row.starts_at or row.due_at,
                expires=latest,
                duration_ms=clip.duration_ms or 0,
                clip=self.studio.path(clip.key),
                clip_sha256=str(clip.sha256),
                repeats=row.repeats,
                gap_s=row.gap_s,
            )
            for station in stations
        }
