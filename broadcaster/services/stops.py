"""Stopping: one airing, one commune or everything. A stop holds until somebody releases it, and says who ordered it."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from ulid import ULID

from broadcaster.domain.airing import Phase, Scope
from broadcaster.domain.roles import EVERYWHERE, Actor, Role
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.store import journal
from broadcaster.store.engine import Store, changed_rows
from broadcaster.store.journal import Action
from broadcaster.store.record_tables import StopRow
from broadcaster.store.tables import AiringRow, CommuneRow

_STOPPERS = (Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR)


def stop(store: Store, scope: Scope, target: str, reason: str, actor: Actor, now: datetime) -> str:
    """Order silence, which the worker obeys with its next tick; returns the stop's id.

    Raises InputError for an airing that has ended or a commune that does not exist.
    """
    with store.writing() as session:
        commune = _commune(session, scope, target)
        _require(actor, commune)
        row = StopRow(
            id=str(ULID()), scope=scope, target=target, reason=reason, ordered_by=actor.person, ordered_at=now
        )
        session.add(row)
        _tell(session, Action.STOP_ORDERED, row, commune, actor, now)
        return row.id


def release(store: Store, key: str, actor: Actor, now: datetime) -> None:
    """Let sound again what a stop held back; what was silenced meanwhile stays as it ended."""
    with store.writing() as session:
        row = session.get(StopRow, key)
        if row is None:
            raise InputError("There is no stop {stop}. See: broadcaster stop list", stop=key)
        commune = _commune(session, row.scope, row.target)
        _require(actor, commune)
        released = update(StopRow).where(StopRow.id == key, StopRow.released_at.is_(None))
        if changed_rows(session, released.values(released_by=actor.person, released_at=now)) != 1:
            raise InputError("The stop {stop} was released already, by {person}.", stop=key, person=row.released_by)
        _tell(session, Action.STOP_RELEASED, row, commune, actor, now)


def in_force(session: Session) -> list[StopRow]:
    """The stops that nobody has released, oldest first."""
    return list(session.scalars(select(StopRow).where(StopRow.released_at.is_(None)).order_by(StopRow.id)))


def silences(stops: list[StopRow], airing: AiringRow) -> bool:
    """Whether one of these stops reaches an airing."""
    targets = {(Scope.AIRING, airing.id), (Scope.COMMUNE, airing.commune), (Scope.EVERYTHING, "")}
    return any((row.scope, row.target) in targets for row in stops)


def _commune(session: Session, scope: Scope, target: str) -> str | None:
    """The commune that a stop concerns; None for all."""
    if scope is Scope.EVERYTHING:
        return None
    if scope is Scope.COMMUNE:
        if session.get(CommuneRow, target) is None:
            raise InputError("There is no commune {commune}.", commune=target)
        return target
    airing = session.get(AiringRow, target)
    if airing is None:
        raise InputError("There is no airing {airing}. See: broadcaster log list", airing=target)
    if airing.phase is Phase.ENDED:
        raise InputError("The airing {airing} has ended already.", airing=target)
    return airing.commune


def _require(actor: Actor, commune: str | None) -> None:
    actor.require(*_STOPPERS)
    if actor.communes(*_STOPPERS).isdisjoint({EVERYWHERE, commune}):
        raise NotAllowedError(
            "{person} may not stop or release {scope}.", person=actor.person, scope=commune or "everything"
        )


def _tell(session: Session, action: Action, row: StopRow, commune: str | None, actor: Actor, now: datetime) -> None:
    journal.append(
        session,
        chain=commune or journal.SYSTEM,
        action=action,
        now=now,
        actor=actor,
        subject=row.id,
        data={"scope": row.scope, "target": row.target, "reason": row.reason},
    )
