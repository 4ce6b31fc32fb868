"""How an airing ends: by the reports of its stations, by their silence, or by the death of the worker.

Every airing gets its outcome in one place, `Outcomes.end`, by a conditional UPDATE and with its journal entry in
the same transaction: exactly one outcome, whatever happens.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session

from broadcaster.domain.airing import (
    OPEN_STATION_STATES,
    STATION_TRANSITIONS,
    Phase,
    Reason,
    StationState,
    Verdict,
)
from broadcaster.domain.order import Report, ReportState
from broadcaster.domain.place import Station
from broadcaster.domain.roles import Actor
from broadcaster.errors import StoreError
from broadcaster.services import alert_watch, source_reports, verdicts
from broadcaster.services.stations import Stations
from broadcaster.store import airings, journal, plays
from broadcaster.store import communes as places
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.tables import AiringRow, DeliveryRow

log = logging.getLogger(__name__)

T = TypeVar("T")

OnEnd = Callable[[AiringRow], None]

_OF_REPORT = {
    ReportState.STARTED: StationState.STARTED,
    ReportState.FINISHED: StationState.FINISHED,
    ReportState.REFUSED: StationState.REFUSED,
    ReportState.STOPPED: StationState.STOPPED,
}
_TAKEN = (StationState.ACCEPTED, StationState.STARTED)
_HEARD_TO_AN_END = (StationState.FINISHED, StationState.STOPPED)
_BEGUN = (Phase.SENDING, Phase.HANDED_OVER, Phase.ON_AIR)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """`on_end` is told of every airing that got its outcome, after that is safely in the database."""

    store: Store
    stations: Stations
    actor: Actor
    confirm_within: timedelta
    on_end: OnEnd = lambda _: None
    _untaken: deque[Report] = field(default_factory=deque)

    def collect(self, now: datetime, lost: Reason | None = None) -> None:
        """Take in the reports of all stations; one that cannot be written now is kept for the next time."""
        self._untaken.extend(self.stations.reports())
        for_each(self._first_to_last(), lambda report: self._take(report, now, lost))

    def _first_to_last(self) -> Iterator[Report]:
        """A report is gone once it was acted on, well or badly; not where the database was away meanwhile."""
        while self._untaken:
            yield self._untaken[0]
            self._untaken.popleft()

    def sweep(self, now: datetime) -> None:
        """End what should have ended by now and of which nothing more is to be expected."""

        def end_if_over(found: tuple[str, Mapping[str, Station]]) -> None:
            airing, stations = found
            with self.store.writing() as session:
                row = session.get_one(AiringRow, airing)
                parts = airings.deliveries(session, airing)
                if all(self._is_over(row, part, stations.get(part.station), now) for part in parts):
                    self.conclude(session, row, now)

        for_each(self._under_way(now), end_if_over)

    def settle(self, now: datetime) -> None:
        """After a worker died or stopped: put right what it left half done, without airing anything twice."""

        def put_right(found: tuple[str, Mapping[str, Station]]) -> None:
            airing, stations = found
            with self.store.writing() as session:
                self._settle(session, session.get_one(AiringRow, airing), stations, now)

        for_each(self._under_way(None), put_right)

    def stop(self, now: datetime) -> None:
        """The worker stops: silence what sounds in this process and end it, give back what had not begun."""
        self.stations.silence()
        self.collect(now, lost=Reason.WORKER_STOPPED)
        self.settle(now)

    def conclude(self, session: Session, row: AiringRow, now: datetime, lost: Reason | None = None) -> None:
        """Give an airing the outcome that follows from how far its stations came."""
        parts = airings.deliveries(session, row.id)
        heard = [part for part in parts if part.state in _HEARD_TO_AN_END]
        finished_at = max((part.ended_at for part in heard if part.ended_at is not None), default=None)
        self.end(session, row, verdicts.found(session, row, self.stations, lost), now, finished_at)

    def end(
        self, session: Session, row: AiringRow, verdict: Verdict, now: datetime, finished_at: datetime | None = None
    ) -> None:
        """Give an airing its one outcome; one that has ended already keeps its own."""
        values = {
            "outcome": verdict.outcome,
            "reason": verdict.reason,
            "evidence": verdict.evidence,
            "finished_at": finished_at,
        }
        if not airings.move(session, row.id, (Phase.PLANNED, *_BEGUN), phase=Phase.ENDED, **values):
            return
        stations = {part.station: f"{part.state} {part.detail}".strip() for part in airings.deliveries(session, row.id)}
        heard = {
            f"{play.station}/{play.loudspeaker}": f"{play.state} {play.code}".strip()
            for play in plays.of_airing(session, row.id)
        }
        data: dict[str, object] = {name: value for name, value in values.items() if name != "finished_at"}
        data |= {"lateness_ms": row.lateness_ms, "stations": stations} | ({"loudspeakers": heard} if heard else {})
        tell(session, self.actor, Action.AIRING_ENDED, row, now, **data)
        alert_watch.airing_ended(session, row, verdict, now)
        source_reports.queue(session, self.stations, row, now)
        event.listen(session, "after_commit", lambda _: self.on_end(row), once=True)

    def _under_way(self, ended_by: datetime | None) -> list[tuple[str, Mapping[str, Station]]]:
        """The airings that were begun (and should have ended by then), each with the stations there are."""
        with self.store.reading() as session:
            begun = [row.id for row in airings.under_way(session) if ended_by is None or row.ends_at <= ended_by]
            if not begun:
                return []
            stations = {station.code: station for found in places.stations(session).values() for station in found}
            return [(airing, stations) for airing in begun]

    def _take(self, report: Report, now: datetime, lost: Reason | None) -> None:
        with self.store.writing() as session:
            row = session.get(AiringRow, report.airing)
            part = session.get(DeliveryRow, (report.airing, report.station))
            if row is None or part is None or row.phase is Phase.ENDED or not _is_possible(report, part):
                self._ignore(session, report, row, now)
                return
            state = _state_after(report, part)
            part.state, part.detail = state, report.code
            if state is StationState.STARTED:
                part.started_at = report.at
                self.started(session, row, report.station, report.at, now)
            else:
                part.ended_at, part.position_s = report.at, report.position_s
                if all(other.state not in OPEN_STATION_STATES for other in airings.deliveries(session, row.id)):
                    self.conclude(session, row, now, lost)

    def _ignore(self, session: Session, report: Report, row: AiringRow | None, now: datetime) -> None:
        """An illegal or impossible report changes nothing, but is not forgotten."""
        journal.append(
            session,
            chain=row.commune if row is not None else journal.SYSTEM,
            action=Action.REPORT_IGNORED,
            now=now,
            actor=self.actor,
            subject=report.airing,
            data={"station": report.station, "state": report.state, "at": report.at},
        )

    def started(self, session: Session, row: AiringRow, station: str, at: datetime, now: datetime) -> None:
        """The first station that starts gives the airing its start and its lateness."""
        lateness_ms = round((at - row.due_at) / timedelta(milliseconds=1))
        values: dict[str, object] = {"phase": Phase.ON_AIR, "started_at": at, "lateness_ms": lateness_ms}
        if row.handed_over_at is None:  # it started before its station's answer was noted, and had its order by then
            values["handed_over_at"] = min(at, now)
        if airings.move(session, row.id, (Phase.SENDING, Phase.HANDED_OVER), **values):
            tell(session, self.actor, Action.AIRING_STARTED, row, now, station=station, at=at)

    def _is_over(self, row: AiringRow, part: DeliveryRow, station: Station | None, now: datetime) -> bool:
        """Whether nothing more is to be expected of one station; one that cannot confirm is taken at its word."""
        if part.state not in OPEN_STATION_STATES:
            return True
        capabilities = self.stations.capabilities(station)
        length = row.ends_at - row.due_at
        if capabilities is not None and not capabilities.confirms_finish and part.state in _TAKEN:
            if part.started_at is not None and now < part.started_at + length:
                return False
            part.state = StationState.UNCONFIRMED
            return True
        start = row.started_at or row.latest_start_at or row.due_at
        return now >= start + length + self.confirm_within

    def _settle(self, session: Session, row: AiringRow, stations: Mapping[str, Station], now: datetime) -> None:
        parts = airings.deliveries(session, row.id)
        lost = [part for part in parts if self._is_lost(part, stations.get(part.station))]
        if not lost:
            return  # the stations hold the order themselves; their reports or the sweep will end it
        nothing_began = row.phase is not Phase.ON_AIR and all(part.started_at is None for part in parts)
        if nothing_began and row.due_at > now:
            airings.forget_deliveries(session, row.id)
            airings.move(session, row.id, (Phase.SENDING, Phase.HANDED_OVER), phase=Phase.PLANNED, handed_over_at=None)
            tell(session, self.actor, Action.AIRING_RETURNED, row, now)
            return
        over = [part for part in lost if not self._may_tell(part, stations.get(part.station))]
        if len(over) == sum(part.state in OPEN_STATION_STATES for part in parts):
            self.conclude(session, row, now, lost=Reason.WORKER_STOPPED)

    def _is_lost(self, part: DeliveryRow, station: Station | None) -> bool:
        """Whether the end of the worker was the end of this part: played by it, or not known to have been sent."""
        if part.state not in OPEN_STATION_STATES:
            return False
        capabilities = self.stations.capabilities(station)
        return part.state is StationState.SENDING or capabilities is None or capabilities.plays_here

    def _may_tell(self, part: DeliveryRow, station: Station | None) -> bool:
        """Whether a station may have got its order as the worker died, and would report what became of it."""
        capabilities = self.stations.capabilities(station)
        is_elsewhere = capabilities is not None and capabilities.confirms_finish and not capabilities.plays_here
        return is_elsewhere and part.state is StationState.SENDING


def for_each(found: Iterable[T], act: Callable[[T], object]) -> None:
    """Act on each: one that fails keeps no other from its turn, unless the database itself is away.

    Raises the first failure once all had their turn.
    """
    failures: list[Exception] = []
    for item in found:
        try:
            act(item)
        except StoreError:
            raise
        except Exception as error:
            log.exception("One airing failed; the others go on.", extra={"action": "airing_failed"})
            failures.append(error)
    if failures:
        raise failures[0]


def _is_possible(report: Report, part: DeliveryRow) -> bool:
    """Whether a station can be in the reported state after the one it is in, and not before it started."""
    is_after_start = part.started_at is None or report.at >= part.started_at
    state = _state_after(report, part)
    # It gave back an order that was handed over again since: that one is not stopped.
    is_of_earlier_order = state is StationState.RECALLED and report.at < part.sent_at
    return is_after_start and not is_of_earlier_order and state in STATION_TRANSITIONS[part.state]


def _state_after(report: Report, part: DeliveryRow) -> StationState:
    """A stop before anything sounded is no airing in part."""
    if report.state is ReportState.STOPPED and part.started_at is None and report.position_s <= 0:
        return StationState.RECALLED
    return _OF_REPORT[report.state]


def tell(session: Session, actor: Actor, action: Action, row: AiringRow, now: datetime, **data: object) -> None:
    """Journal what happened to an airing, in its commune's chain."""
    about = {"schedule": row.schedule, "bulletin": row.bulletin, "revision": row.revision, "due_at": row.due_at}
    journal.append(
        session, chain=row.commune, action=action, now=now, actor=actor, subject=row.id, data={**about, **data}
    )
