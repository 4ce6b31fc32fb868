"""Keeping loudspeakers that obey signed orders silent as long as a stop reaches them, and releasing them after it.

A stop is signed anew every few minutes while it is in force, because it is good for ten: a loudspeaker that comes back
meanwhile is told so by one that still holds. One that was away as its release was sent is released when it comes back.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.airing import Scope
from broadcaster.domain.place import Station
from broadcaster.errors import BroadcasterError, StoreError
from broadcaster.orders.payload import Command
from broadcaster.services import outbox, stops
from broadcaster.services.dispatching import Dispatch, Errand, Job
from broadcaster.services.sealing import Sealing
from broadcaster.store import communes as places
from broadcaster.store.device_tables import LoudspeakerRow
from broadcaster.store.engine import Store
from broadcaster.store.record_tables import StopRow

log = logging.getLogger(__name__)

_AGAIN = timedelta(minutes=5)
"""Half of the time for which a stop or release is good."""


@dataclass(frozen=True, slots=True)
class Latching:
    """`_complained` holds the stations of which it was said already that nothing can be signed for them."""

    store: Store
    sealing: Sealing
    dispatch: Dispatch
    _complained: set[str] = field(default_factory=set)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def run(self, now: datetime) -> None:
        """Stop what must be silent, release what need not be any more. Safe from any thread. Raises StoreError."""
        with self._turn:
            self._run(now)

    def _run(self, now: datetime) -> None:
        for done in self.dispatch.done(Errand.LATCH):
            if done.error is not None:  # it is kept: the loudspeaker gets it when it is there again
                extra = {"action": "latch_failed", "station": done.job.station, "error": str(done.error)}
                log.warning("A stop or release did not reach its station.", extra=extra)
        for station, envelope in self._due(now):
            self.dispatch.submit(Job(station.code, "", Errand.LATCH, partial(self.sealing.send, station, envelope)))

    def _due(self, now: datetime) -> list[tuple[Station, bytes]]:
        with self.store.reading() as session:
            wanted = list(self._wanted(session, now))
        if not wanted:
            return []
        found = []
        with self.store.writing() as session:
            for station, command in wanted:
                try:
                    found.append((station, self.sealing.signer.latch(session, station, command, now)))
                    self._complained.discard(station.code)
                except StoreError:
                    raise
                except (BroadcasterError, OSError) as error:
                    self._complain(station, error)
        return found

    def _wanted(self, session: Session, now: datetime) -> Iterator[tuple[Station, Command]]:
        """What stations have to be told now. As long as nothing was ever stopped, no station is looked at."""
        in_force, latches, latched = stops.in_force(session), outbox.latches(session), _latched(session)
        if not (in_force or latches or latched):
            return
        for station in (station for of in places.stations(session).values() for station in of):
            if not self.sealing.is_signed(station):
                continue
            last = latches.get(station.code)
            was_stopped = last is not None and last.cmd is Command.STOP
            is_due = last is None or last.kept_at <= now - _AGAIN
            if _is_stopped(station, in_force):
                if not was_stopped or is_due:
                    yield station, Command.STOP
            elif was_stopped or (station.code in latched and is_due):
                yield station, Command.RELEASE

    def _complain(self, station: Station, error: Exception) -> None:
        if station.code not in self._complained:
            self._complained.add(station.code)
            extra = {"action": "latch_not_signed", "station": station.code, "error": str(error)}
            log.error("A stop or release could not be signed.", extra=extra)


def _latched(session: Session) -> set[str]:
    """The stations of which a loudspeaker that is there says that a stop keeps it silent."""
    there = session.execute(
        select(LoudspeakerRow.station, LoudspeakerRow.health).where(LoudspeakerRow.is_online.is_(True))
    )
    return {station for station, health in there if health and health.get("is_stopped")}


def _is_stopped(station: Station, in_force: Sequence[StopRow]) -> bool:
    """Whether one of these stops reaches all that a station could play."""
    wide = {(Scope.COMMUNE, station.commune), (Scope.EVERYTHING, "")}
    return any((row.scope, row.target) in wide for row in in_force) or not stops.unstopped(in_force, [station])
