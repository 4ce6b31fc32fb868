"""What came from source systems, kept before anything is done with it: once by its id there, anew when it changed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.alert import AlertKind
from broadcaster.domain.place import Station
from broadcaster.domain.roles import Actor
from broadcaster.domain.source import Incoming, ReceivedState
from broadcaster.errors import BroadcasterError
from broadcaster.services.alerts import clear_alert, raise_alert, written
from broadcaster.store import journal
from broadcaster.store.bulk import in_parts
from broadcaster.store.engine import is_added
from broadcaster.store.journal import Action
from broadcaster.store.source_tables import ReceivedRow, SourceLinkRow
from broadcaster.store.tables import StationRow

AT_ONCE = 100
"""As many bulletins of one source system are kept, taken or offered in one step; the others follow in the next."""
ALARM_AFTER = 3
"""So many failures in a row are told."""


def keep(session: Session, station: Station, entries: Sequence[Incoming], actor: Actor, now: datetime) -> bool:
    """Keep what is new or was changed; whether that was all of it."""
    ours = select(ReceivedRow).where(ReceivedRow.station == station.code)
    parts = in_parts([entry.key for entry in entries])
    found = (session.scalars(ours.where(ReceivedRow.source_key.in_(part)).with_for_update()) for part in parts)
    known = {row.source_key: row for rows in found for row in rows}
    news = [entry for entry in entries if entry.key not in known or known[entry.key].sha256 != entry.sha256]
    for entry in news[:AT_ONCE]:
        row = known.get(entry.key) or _new(session, station, entry, now)
        if row is not None:
            _fill(row, entry, now)
            _tell(session, row, actor, now, Action.SOURCE_RECEIVED)
            if entry.refusal is not None:
                refuse(session, row, entry.refusal, actor, now)
    return len(news) <= AT_ONCE


def refuse(session: Session, row: ReceivedRow, error: BroadcasterError, actor: Actor, now: datetime) -> None:
    """It will not be aired; the message stays, with the reason, and somebody is told."""
    found = session.get_one(ReceivedRow, row.id)
    if found.version != row.version:
        return  # it was changed meanwhile
    found.state, found.due_at, found.error = ReceivedState.REFUSED, None, written(error)
    _tell(session, found, actor, now, Action.SOURCE_REFUSED, reason=str(error))
    subject = f"{found.station} {found.id} {found.version}"
    raise_alert(
        session, AlertKind.SOURCE_REFUSED, found.commune, subject, now, title=found.title or found.source_key,
        fault=error,
    )  # fmt: skip


def note_link(
    session: Session, station: Station, due_at: datetime, now: datetime, *, tries: int,
    error: BroadcasterError | None = None,
) -> None:  # fmt: skip
    """When a source system is asked next; that it failed several times in a row is told, once."""
    is_added(session, SourceLinkRow, {"station": station.code, "due_at": due_at})
    row = session.get_one(SourceLinkRow, station.code)
    row.due_at, row.tries, row.error = due_at, tries, None if error is None else written(error)
    if error is None:
        row.answered_at = now
    tell_link(session, station.commune, station.code, "received", now, tries=tries, error=error)


def tell_link(
    session: Session,
    commune: str,
    station: str,
    what: str,
    now: datetime,
    *,
    tries: int,
    error: BroadcasterError | None,
) -> None:
    """Raise or clear the alert about one side of the talk with a source system."""
    subject = f"{station} {what}"
    if error is None:
        clear_alert(session, AlertKind.SOURCE_SYSTEM, commune, subject, now)
    elif tries >= ALARM_AFTER:
        raise_alert(session, AlertKind.SOURCE_SYSTEM, commune, subject, now, station=station, fault=error)


def newest(session: Session, commune: str | None = None, limit: int = 50) -> list[ReceivedRow]:
    """What came last, the newest first; of one commune or all."""
    query = select(ReceivedRow).order_by(ReceivedRow.received_at.desc(), ReceivedRow.id.desc()).limit(limit)
    return list(session.scalars(query if commune is None else query.where(ReceivedRow.commune == commune)))


def links(session: Session) -> list[SourceLinkRow]:
    """When each source system was asked that is still there, by station."""
    there = select(StationRow.code)
    query = select(SourceLinkRow).where(SourceLinkRow.station.in_(there)).order_by(SourceLinkRow.station)
    return list(session.scalars(query))


def _new(session: Session, station: Station, entry: Incoming, now: datetime) -> ReceivedRow | None:
    """A row for it, unless another worker has just made one."""
    values = {
        "station": station.code, "commune": station.commune, "source_key": entry.key, "version": 0, "sha256": "",
        "message": {}, "title": "", "state": ReceivedState.WAITING, "received_at": now,
    }  # fmt: skip
    if not is_added(session, ReceivedRow, values):
        return None
    query = select(ReceivedRow).filter_by(station=station.code, source_key=entry.key)
    return session.scalars(query).one()


def _fill(row: ReceivedRow, entry: Incoming, now: datetime) -> None:
    bulletin = entry.bulletin
    row.version += 1
    row.sha256, row.message, row.received_at = entry.sha256, dict(entry.message), now
    row.title = "" if bulletin is None else bulletin.title
    row.priority = None if bulletin is None else bulletin.priority
    row.state, row.due_at, row.tries, row.error = ReceivedState.WAITING, now, 0, None


def _tell(session: Session, row: ReceivedRow, actor: Actor, now: datetime, action: Action, **more: object) -> None:
    """In the chain of the commune; the subject is the station, for the id is another's text."""
    data = {"source_key": row.source_key, "version": row.version, "sha256": row.sha256, "title": row.title, **more}
    journal.append(session, chain=row.commune, action=action, now=now, actor=actor, subject=row.station, data=data)
