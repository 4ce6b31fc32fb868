"""The outbox: every signed order, numbered and kept before it is sent, for those that come back and ask."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from broadcaster.orders.payload import Command, Payload, next_seq
from broadcaster.store.device_tables import LoudspeakerRow, OrderNumberRow, OutboxRow

MOST_AT_ONCE = 256
"""Orders that a loudspeaker is given when it comes back."""

_LATCHES = (Command.STOP, Command.RELEASE)


@dataclass(frozen=True, slots=True)
class Latch:
    """The last stop or release that was signed for a station."""

    command: Command
    at: datetime


def next_number(session: Session, commune: str, now: datetime) -> int:
    """The number of a commune's next order, taken: whoever else asks waits for this transaction to end."""
    row = session.get(OrderNumberRow, commune, with_for_update=True)
    if row is None:
        # Two first orders of a commune at once: one of them fails by the primary key, and is signed with the next tick.
        row = OrderNumberRow(commune=commune, last=next_seq(0, now))
        session.add(row)
    else:
        row.last = next_seq(row.last, now)
    session.flush()
    return row.last


def keep(session: Session, envelope: bytes, order: Payload, station: str, commune: str, now: datetime) -> None:
    """Keep what was signed for a station, as long as it is good."""
    session.add(
        OutboxRow(
            commune=commune,
            station=station,
            number=order.seq,
            cmd=order.cmd,
            airing=order.airing,
            clip_sha256=order.audio.sha256 if order.audio is not None else None,
            envelope=envelope,
            kept_at=now,
            valid_until=order.exp,
        )
    )
    session.flush()


def withdraw(session: Session, station: str, airing: str, now: datetime) -> None:
    """Give out no more what was ordered of an airing: it was taken back, or another order takes its place."""
    session.execute(
        update(OutboxRow)
        .where(OutboxRow.station == station, OutboxRow.airing == airing, OutboxRow.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
    )


def ordered_until(session: Session, station: str, airing: str) -> datetime | None:
    """How long the orders are good that a station may have for an airing; None where none was signed."""
    return session.scalar(
        select(func.max(OutboxRow.valid_until)).where(
            OutboxRow.station == station, OutboxRow.airing == airing, OutboxRow.cmd == Command.PLAY
        )
    )


def valid_for(session: Session, station: str, now: datetime) -> list[bytes]:
    """What a loudspeaker of this station may have missed, by number. A cancel has taken its order's place."""
    query = (
        select(OutboxRow.envelope)
        .where(
            OutboxRow.station == station, OutboxRow.valid_until >= now, OutboxRow.withdrawn_at.is_(None),
        )
        .order_by(OutboxRow.number.desc())
        .limit(MOST_AT_ONCE)
    )  # fmt: skip
    return list(reversed(session.scalars(query).all()))


def latches(session: Session) -> dict[str, Latch]:
    """The last stop or release of each station that had one."""
    newest = (
        select(func.max(OutboxRow.id)).where(OutboxRow.cmd.in_(_LATCHES), OutboxRow.airing.is_(None))
        .group_by(OutboxRow.station)
    )  # fmt: skip
    rows = session.scalars(select(OutboxRow).where(OutboxRow.id.in_(newest)))
    return {row.station: Latch(row.cmd, row.kept_at) for row in rows}


def is_ordered(session: Session, commune: str, loudspeaker: str, clip_sha256: str, now: datetime) -> bool:
    """Whether a loudspeaker may fetch a clip: some order that is still good tells it to play it."""
    found = session.scalar(
        select(OutboxRow.id)
        .join(LoudspeakerRow, LoudspeakerRow.station == OutboxRow.station)
        .where(
            LoudspeakerRow.commune == commune, LoudspeakerRow.id == loudspeaker, OutboxRow.clip_sha256 == clip_sha256,
            OutboxRow.valid_until >= now, OutboxRow.withdrawn_at.is_(None),
        )
        .limit(1)
    )  # fmt: skip
    return found is not None


def forget(session: Session, before: datetime) -> int:
    """Drop what has not been good since then, except the last stop or release of each station; returns how many."""
    kept = select(func.max(OutboxRow.id)).where(OutboxRow.cmd.in_(_LATCHES)).group_by(OutboxRow.station)
    dropped = session.execute(
        delete(OutboxRow)
        .where(OutboxRow.valid_until < before, or_(OutboxRow.cmd.not_in(_LATCHES), OutboxRow.id.not_in(kept)))
        .returning(OutboxRow.id)
    )
    return len(dropped.all())
