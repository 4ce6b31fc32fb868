"""Stopping: one airing, one zone, one commune or everything.

A stop holds until somebody releases it, and says who ordered it.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from ulid import ULID

from broadcaster.domain.airing import Phase, Scope
from broadcaster.domain.place import Station
from broadcaster.domain.roles import EVERYWHERE, Actor, Role
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.store import airings, journal
from broadcaster.store.engine import Store, changed_rows
from broadcaster.store.journal import Action
from broadcaster.store.record_tables import StopRow
from broadcaster.store.tables import AiringRow, CommuneRow

_STOPPERS = (Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR)


def stop(
    store: Store, scope: Scope, target: str, reason: str, actor: Actor, now: datetime, *, zone: str | None = None
) -> str:
    """Order silence, which the worker obeys with its next tick; returns the stop's id.

    `target` is an airing's id or a commune's code, empty for everything; `zone` names one of that commune.
    Raises InputError for an airing that has ended, and for a commune or zone that does not exist.
    """
    with store.writing() as session:
        commune = _commune(session, scope, target)
        _require(actor, commune)
        if scope is Scope.AIRING and session.get_one(AiringRow, target).phase is Phase.ENDED:
            raise InputError("The airing {airing} has ended already.", airing=target)
        if scope is Scope.ZONE:
            _check_zone(session, target, zone)
        row = StopRow(
            id=str(ULID()), scope=scope, target=target, zone=zone, reason=reason, ordered_by=actor.person,
            ordered_at=now,
        )  # fmt: skip
        session.add(row)
        _tell(session, Action.STOP_ORDERED, row, commune, actor, now)
        return row.id


def release(store: Store, key: str, actor: Actor, now: datetime) -> None:
    """Let sound again what a stop held back; what was silenced meanwhile stays as it ended."""
    with store.writing() as session:
        row = session.get(StopRow, key)
        if row is None:
            raise InputError("There is no stop {stop}. See: broadcaster stops", stop=key)
        commune = _commune(session, row.scope, row.target)
        _require(actor, commune)
        released = update(StopRow).where(StopRow.id == key, StopRow.released_at.is_(None))
        if changed_rows(session, released.values(released_by=actor.person, released_at=now)) != 1:
            raise InputError("The stop {stop} was released already, by {person}.", stop=key, person=row.released_by)
        if row.scope is Scope.ZONE:
            airings.forget_plan(session, row.target)  # what was handed over meanwhile lacks the stations of the zone
        _tell(session, Action.STOP_RELEASED, row, commune, actor, now)


def in_force(session: Session) -> list[StopRow]:
    """The stops that nobody has released, oldest first."""
    return list(session.scalars(select(StopRow).where(StopRow.released_at.is_(None)).order_by(StopRow.id)))


def silences(stops: Iterable[StopRow], airing: AiringRow) -> bool:
    """Whether one of these stops reaches all of an airing."""
    targets = {(Scope.AIRING, airing.id), (Scope.COMMUNE, airing.commune), (Scope.EVERYTHING, "")}
    return any((row.scope, row.target) in targets for row in stops)


def unstopped(stops: Iterable[StopRow], stations: Iterable[Station]) -> list[Station]:
    """The stations that are heard in no zone which one of these stops keeps silent."""
    zones = [(row.target, str(row.zone)) for row in stops if row.scope is Scope.ZONE]
    return [
        station for station in stations
        if not any(commune == station.commune and station.serves(zone) for commune, zone in zones)
    ]  # fmt: skip


def _commune(session: Session, scope: Scope, target: str) -> str | None:
    """The commune that a stop concerns; None for all."""
    if scope is Scope.EVERYTHING:
        return None
    if scope in {Scope.COMMUNE, Scope.ZONE}:
        if session.get(CommuneRow, target) is None:
            raise InputError("There is no commune {commune}.", commune=target)
        return target
    airing = session.get(AiringRow, target)
    if airing is None:
        raise InputError("There is no airing {airing}. See: broadcaster log list", airing=target)
    return airing.commune


def _check_zone(session: Session, commune: str, zone: str | None) -> None:
    known = session.get_one(CommuneRow, commune).zones
    if zone not in known:
        raise InputError(
            "Commune {commune} has no zone {zone}. It has: {zones}.",
            commune=commune, zone=zone or "-", zones=", ".join(known) or "none",
        )  # fmt: skip


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
        data={"scope": row.scope, "target": row.target, "zone": row.zone, "reason": row.reason},
    )
