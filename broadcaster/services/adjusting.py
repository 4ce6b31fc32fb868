"""Signing and sending the test tones and volumes that operators ask for.

Only the worker may read the keys, so what is asked waits in the database until it has signed and sent it. What is not
sent within minutes is not wanted any more.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.errors import BroadcasterError, StoreError
from broadcaster.orders.payload import IMMEDIATE
from broadcaster.services.dispatching import Dispatch, Errand, Job
from broadcaster.services.sealing import Sealing
from broadcaster.store import communes as places
from broadcaster.store.device_tables import AdjustmentRow
from broadcaster.store.engine import Store


@dataclass(frozen=True, slots=True)
class Adjusting:
    store: Store
    sealing: Sealing
    dispatch: Dispatch

    def run(self, now: datetime) -> None:
        """Sign and send what was asked for. Raises StoreError."""
        for done in self.dispatch.done(Errand.ADJUST):
            if done.error is not None:
                self._answer(done.job.airing, str(done.error))
        wanted = select(AdjustmentRow).where(AdjustmentRow.sent_at.is_(None), AdjustmentRow.asked_at > now - IMMEDIATE)
        with self.store.reading() as session:
            if session.scalars(wanted.limit(1)).first() is None:
                return
        with self.store.writing() as session:
            jobs = [self._signed(session, row, now) for row in session.scalars(wanted.with_for_update())]
        for job in jobs:
            if job is not None:
                self.dispatch.submit(job)

    def _signed(self, session: Session, row: AdjustmentRow, now: datetime) -> Job | None:
        row.sent_at = now
        here = places.stations(session, {row.commune}).get(row.commune, [])
        station = next((one for one in here if one.code == row.station), None)
        if station is None:
            row.answer = "no_station"
            return None
        try:
            envelope = self.sealing.signer.adjust(session, station, row, now)
        except StoreError:
            raise
        except (BroadcasterError, OSError) as error:
            row.answer = str(error)
            return None
        send = partial(self.sealing.send, station, envelope, only=row.loudspeaker)
        return Job(station.code, row.id, Errand.ADJUST, send)

    def _answer(self, key: str, answer: str) -> None:
        with self.store.writing() as session:
            row = session.get(AdjustmentRow, key)
            if row is not None:
                row.answer = answer
