"""A test tone and the volume of one loudspeaker: an operator asks, the worker signs, the loudspeaker answers.

Only the worker may read the keys, so what is asked waits in the database until it has signed and sent it. What is not
sent within minutes is not wanted any more.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from ulid import ULID

from broadcaster.domain.roles import Actor
from broadcaster.errors import BroadcasterError, InputError, StoreError
from broadcaster.orders.device import PlayReport
from broadcaster.orders.payload import IMMEDIATE, Command
from broadcaster.orders.topics import Device
from broadcaster.services import attending, enrolment
from broadcaster.services.dispatching import Dispatch, Errand, Job
from broadcaster.services.permissions import KEEPERS
from broadcaster.services.sealing import Sealing
from broadcaster.store import communes as places
from broadcaster.store.device_tables import AdjustmentRow
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action

log = logging.getLogger(__name__)

_ACTIONS = {Command.TEST: Action.LOUDSPEAKER_TESTED, Command.VOLUME: Action.LOUDSPEAKER_VOLUME_SET}


def ask(
    session: Session, device: Device, command: Command, volume: int, now: datetime, *, actor: Actor
) -> AdjustmentRow:
    """Have a loudspeaker sound a test tone, or never be louder than `volume` percent from now on.

    Raises NotAllowedError, and InputError where there is no such loudspeaker, or it has not enrolled.
    """
    actor.require_in([device.commune], *KEEPERS)
    known = enrolment.known(session, device)
    if known is None or known.enrolled_at is None:
        raise InputError(
            "{id} in {commune} has not enrolled. See: broadcaster loudspeaker list",
            id=device.loudspeaker,
            commune=device.commune,
        )
    row = AdjustmentRow(
        id=str(ULID.from_datetime(now)), commune=device.commune, loudspeaker=device.loudspeaker, station=known.station,
        cmd=command, volume=volume, asked_at=now, sent_at=None, answer="",
    )  # fmt: skip
    session.add(row)
    attending.tell(session, _ACTIONS[command], device, actor, now, volume=volume)
    return row


def take(session: Session, report: PlayReport) -> bool:
    """Note what a loudspeaker answers; whether the report is about something that was asked."""
    row = session.get(AdjustmentRow, report.airing) if report.airing is not None else None
    if row is None or (row.commune, row.loudspeaker) != (report.device.commune, report.device.loudspeaker):
        return row is not None
    row.answer = f"{report.state}: {report.code}" if report.code else str(report.state)
    return True


def forget(session: Session, before: datetime) -> None:
    """Drop what was asked before a moment; the journal keeps it."""
    session.execute(delete(AdjustmentRow).where(AdjustmentRow.asked_at < before))


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
        station = next((one for one in places.stations(session).get(row.commune, []) if one.code == row.station), None)
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
