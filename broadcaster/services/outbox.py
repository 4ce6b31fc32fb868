"""Signed orders, kept from before they are sent until nobody may obey them: a loudspeaker asks for what it missed.

An order is numbered by `next_number` in the transaction in which it is kept, so that a number stands for one order.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from broadcaster.domain.place import Station
from broadcaster.orders.payload import Command, Payload, next_seq
from broadcaster.orders.topics import Device
from broadcaster.store.device_tables import LoudspeakerRow, OrderNumberRow, OutboxRow
from broadcaster.store.engine import changed_rows

_LASTING = (Command.PLAY, Command.CANCEL, Command.STOP, Command.RELEASE, Command.VOLUME)
"""What a loudspeaker that was away still has to learn; a test tone was for those who stood by it."""


def next_number(session: Session, commune: str, now: datetime) -> int:
    """The number of a commune's next order: unix milliseconds, and always more than the last one.

    So a server whose backup was restored does not fall behind its loudspeakers. Each call gives another number, also to
    several processes at once; one that is not used is no harm.
    """
    first = next_seq(0, now)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    after = OrderNumberRow.last + 1
    statement = dialect.insert(OrderNumberRow).values(commune=commune, last=first).on_conflict_do_update(
        index_elements=[OrderNumberRow.commune], set_={"last": case((after > first, after), else_=first)}
    )  # fmt: skip
    found: int = session.execute(statement.returning(OrderNumberRow.last)).scalar_one()
    return found


def keep(session: Session, envelope: bytes, payload: Payload, station: Station, now: datetime) -> OutboxRow:
    """Keep a signed order before it is sent. What it takes back, replaces or releases is sent to nobody any more."""
    row = OutboxRow(
        commune=station.commune,
        station=station.code,
        seq=payload.seq,
        cmd=payload.cmd,
        airing=payload.airing,
        envelope=envelope,
        clip_sha256=None if payload.audio is None else payload.audio.sha256,
        valid_until=payload.exp,
        kept_at=now,
        withdrawn_at=None,
    )
    session.add(row)
    session.flush()
    _withdraw_before(session, row, now)
    return row


def valid_for(
    session: Session, whom: Device | str, now: datetime, *, kept_since: datetime | None = None
) -> list[bytes]:
    """The orders that a loudspeaker, or a station of this code, should know now, by number; all, or those since then.

    Plays that were neither taken back nor replaced, cancels, stops that were not released, releases, and the volume,
    each as long as it is good: a stop or release is for 10 minutes, and who wants it known later signs it anew.
    """
    station = whom if isinstance(whom, str) else _station(session, whom)
    if station is None:
        return []
    query = select(OutboxRow.envelope).where(OutboxRow.station == station, OutboxRow.cmd.in_(_LASTING), *_is_good(now))
    if kept_since is not None:
        query = query.where(OutboxRow.kept_at >= kept_since)
    return list(session.scalars(query.order_by(OutboxRow.seq)))


def ordered_until(session: Session, station: str, airing: str) -> datetime | None:
    """How long the orders are good that a station may have for an airing; None where none was signed."""
    plays = (OutboxRow.station == station, OutboxRow.airing == airing, OutboxRow.cmd == Command.PLAY)
    return session.scalar(select(func.max(OutboxRow.valid_until)).where(*plays))


def play_of(session: Session, station: str, airing: str, now: datetime) -> OutboxRow | None:
    """The order to play an airing that a station may have, and that was neither taken back nor replaced."""
    plays = (OutboxRow.station == station, OutboxRow.airing == airing, OutboxRow.cmd == Command.PLAY)
    return session.scalars(select(OutboxRow).where(*plays, *_is_good(now)).order_by(OutboxRow.seq.desc())).first()


def plays_at(session: Session, station: str, now: datetime) -> dict[str, datetime]:
    """The airings that a station may have been ordered to play, and until when each order is good."""
    plays = (OutboxRow.station == station, OutboxRow.cmd == Command.PLAY, OutboxRow.airing.is_not(None))
    found = select(OutboxRow.airing, OutboxRow.valid_until).where(*plays, *_is_good(now))
    return {str(airing): until for airing, until in session.execute(found)}


def latches(session: Session) -> dict[str, OutboxRow]:
    """The last stop or release of everything, by station, for stations that had one."""
    ours = OutboxRow.cmd.in_((Command.STOP, Command.RELEASE)) & OutboxRow.airing.is_(None)
    newest = select(func.max(OutboxRow.id)).where(ours).group_by(OutboxRow.station)
    return {row.station: row for row in session.scalars(select(OutboxRow).where(OutboxRow.id.in_(newest)))}


def is_ordered(session: Session, device: Device, clip_sha256: str, now: datetime) -> bool:
    """Whether a loudspeaker may fetch a clip: an order for its station that is still good names it."""
    station = _station(session, device)
    if station is None:
        return False
    query = select(OutboxRow.id).where(
        OutboxRow.station == station, OutboxRow.clip_sha256 == clip_sha256, *_is_good(now)
    )
    return session.scalars(query.limit(1)).first() is not None


def forget(session: Session, before: datetime) -> None:
    """Drop what was good until before a moment; a station's last stop or release stays. The numbers go on."""
    kept = [row.id for row in latches(session).values()]
    session.execute(delete(OutboxRow).where(OutboxRow.valid_until < before, OutboxRow.id.not_in(kept)))


def _withdraw_before(session: Session, row: OutboxRow, now: datetime) -> None:
    """What an order makes void among those before it for the same station, as loudspeakers read it.

    A play replaces an earlier one of its airing, and a cancel, stop or release those that it undoes: what a stop has
    silenced stays silent after its release, also at a loudspeaker that never heard of the stop.
    """
    undone = {
        Command.PLAY: (Command.PLAY,),
        Command.CANCEL: (Command.PLAY, Command.CANCEL),
        Command.STOP: (Command.PLAY, Command.STOP, Command.RELEASE),
        Command.RELEASE: (Command.STOP, Command.RELEASE),
        Command.VOLUME: (Command.VOLUME,),
    }.get(row.cmd)
    if undone is None:
        return
    before = [
        OutboxRow.commune == row.commune, OutboxRow.station == row.station, OutboxRow.seq < row.seq,
        OutboxRow.withdrawn_at.is_(None), OutboxRow.cmd.in_(undone),
    ]  # fmt: skip
    if row.airing is not None and row.cmd is not Command.VOLUME:
        before.append(OutboxRow.airing == row.airing)
    changed_rows(session, update(OutboxRow).where(*before).values(withdrawn_at=now))


def _is_good(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (OutboxRow.withdrawn_at.is_(None), OutboxRow.valid_until >= now)


def _station(session: Session, device: Device) -> str | None:
    query = select(LoudspeakerRow.station).where(
        LoudspeakerRow.commune == device.commune, LoudspeakerRow.id == device.loudspeaker
    )
    return session.scalar(query)
