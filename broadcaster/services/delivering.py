"""Handing orders to stations, and again where one does not answer, until it is too late to start."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random

from sqlalchemy.orm import Session

from broadcaster.domain.airing import OPEN_STATION_STATES, Phase, StationState
from broadcaster.domain.order import Order
from broadcaster.domain.place import Station
from broadcaster.errors import BroadcasterError, DeliveryError
from broadcaster.services.dispatching import Dispatch, Errand, Job
from broadcaster.services.outcomes import Outcomes, for_each, tell
from broadcaster.store import airings
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.tables import AiringRow, DeliveryRow

log = logging.getLogger(__name__)

BACK_OFF_S = (2.0, 4.0, 8.0, 16.0, 30.0)
"""Between two tries, each taken between half and one and a half times, so that stations do not come back in step."""


@dataclass(slots=True)
class _Try:
    """An order on its way to a station; `again_at` is None while it is being handed over."""

    station: Station
    order: Order
    job: Job
    failures: int = 0
    error: str = ""
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivering:
    """What was not answered when a worker died is put right by the next one (`Outcomes.settle`)."""

    store: Store
    outcomes: Outcomes
    dispatch: Dispatch
    random: Random = field(default_factory=Random)
    _tries: dict[tuple[str, str], _Try] = field(default_factory=dict)

    def begin(self, station: Station, order: Order) -> None:
        """Hand an order over; `go_on` notes what came of it."""
        deliver = partial(self._deliver, station, order)
        job = Job(station.code, order.airing, Errand.DELIVER, deliver)
        self._tries[order.airing, station.code] = _Try(station, order, job)
        self.dispatch.submit(job)

    def go_on(self, now: datetime) -> None:
        """Note what stations have answered, and ask again those that did not."""
        answers: dict[str, dict[str, Exception | None]] = {}
        for done in self.dispatch.done(Errand.DELIVER):
            known = self._tries.get((done.job.airing, done.job.station))
            if known is not None and known.job is done.job:
                answers.setdefault(done.job.airing, {})[done.job.station] = done.error
        for_each(answers.items(), lambda found: self._answered(*found, now))
        waiting = [found for found in self._tries.values() if found.again_at is not None and found.again_at <= now]
        for_each(waiting, lambda found: self._again(found, now))

    def _deliver(self, station: Station, order: Order) -> None:
        self.outcomes.stations.connector(station).deliver(order)

    def _answered(self, airing: str, answers: Mapping[str, Exception | None], now: datetime) -> None:
        with self.store.writing() as session:
            row = session.get(AiringRow, airing)
            parts = airings.deliveries(session, airing)
            for part in parts:
                if part.station in answers:
                    self._note(part, answers[part.station], now)
            if row is not None and row.phase is not Phase.ENDED:
                self._handed_over(session, row, parts, now)
        for station in answers:  # those that are not tried again
            found = self._tries.get((airing, station))
            if found is not None and found.again_at is None:
                del self._tries[airing, station]

    def _note(self, part: DeliveryRow, error: Exception | None, now: datetime) -> None:
        if part.state is not StationState.SENDING:
            return  # a report has overtaken this note
        found = self._tries[part.airing, part.station]
        part.detail = "" if error is None else _told(error)
        if error is None:
            part.state = StationState.ACCEPTED
            return
        found.failures, found.error = found.failures + 1, part.detail
        _complain(found, error)
        is_passing = isinstance(error, DeliveryError) and not error.is_permanent
        again_at = now + self._back_off(found.failures)
        if is_passing and again_at <= found.order.expires:
            found.again_at = again_at
        else:
            part.state = StationState.FAILED

    def _handed_over(self, session: Session, row: AiringRow, parts: list[DeliveryRow], now: datetime) -> None:
        """The airing is with its stations once one has taken it, or each has answered."""
        unanswered = [
            part for part in parts
            if part.state is StationState.SENDING and self._tries[row.id, part.station].failures == 0
        ]  # fmt: skip
        if unanswered and all(part.state in {StationState.SENDING, StationState.FAILED} for part in parts):
            return
        if row.phase is Phase.SENDING and airings.move(
            session, row.id, [Phase.SENDING], phase=Phase.HANDED_OVER, handed_over_at=now
        ):
            failed = {part.station: part.detail for part in parts if part.detail}
            tell(session, self.outcomes.actor, Action.AIRING_HANDED_OVER, row, now, failed=failed)
        if all(part.state not in OPEN_STATION_STATES for part in parts):
            self.outcomes.conclude(session, row, now)

    def _again(self, found: _Try, now: datetime) -> None:
        """Another try, unless the airing does not wait for this station any more, or it would come too late."""
        about = (found.order.airing, found.station.code)
        with self.store.writing() as session:
            row, part = session.get(AiringRow, about[0]), session.get(DeliveryRow, about)
            if row is None or row.phase is Phase.ENDED or part is None or part.state is not StationState.SENDING:
                del self._tries[about]
                return
            if now > found.order.expires:
                part.state = StationState.FAILED
                del self._tries[about]
                self._handed_over(session, row, airings.deliveries(session, row.id), now)
                return
        found.again_at = None
        self.dispatch.submit(found.job)

    def _back_off(self, failures: int) -> timedelta:
        return timedelta(seconds=BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1] * self.random.uniform(0.5, 1.5))


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, BroadcasterError) else repr(error)


def _complain(found: _Try, error: Exception) -> None:
    extra = {"action": "delivery_failed", "airing": found.order.airing, "station": found.station.code}
    if isinstance(error, BroadcasterError):
        log.warning("An order was not handed over.", extra={**extra, "error": str(error), "failures": found.failures})
    else:  # whatever is wrong with one station, the others must air
        log.error("An order was not handed over.", exc_info=error, extra=extra)
