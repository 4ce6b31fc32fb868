"""A test tone and the volume of one loudspeaker, as an operator asks for them and a loudspeaker answers."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session
from ulid import ULID

from broadcaster.domain.roles import Actor
from broadcaster.errors import InputError
from broadcaster.orders.device import PlayReport
from broadcaster.orders.payload import Command
from broadcaster.orders.topics import Device
from broadcaster.services import attending, enrolment
from broadcaster.services.permissions import KEEPERS
from broadcaster.store.device_tables import AdjustmentRow
from broadcaster.store.journal import Action

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
