"""The communes' keys: made, rotated, listed and watched. Only administrators change them; the journal names them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.roles import Actor, Role
from broadcaster.errors import BroadcasterError, InputError
from broadcaster.orders import keyfolder
from broadcaster.orders.keydocument import KeyDocument
from broadcaster.orders.keyfolder import KeyRing
from broadcaster.orders.keys import Alarm, PublicKey, alarms
from broadcaster.store import journal
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.tables import CommuneRow

URGENT_DAYS = 7


class KeyState(StrEnum):
    """What a key is for now: it signs, it waits to, it is still trusted for what it has signed, or it has ended."""

    SIGNING = "signing"
    NEXT = "next"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One key of a commune, for the list."""

    commune: str
    version: int
    key: PublicKey
    state: KeyState
    days_left: int


def wanted(session: Session, named: Sequence[str], *, everywhere: bool, actor: Actor | None = None) -> list[str]:
    """The communes that are meant: all, or those named. Raises InputError for an unknown one, and for none or both.

    With an actor, it raises NotAllowedError unless that is an administrator in all of them.
    """
    if everywhere == bool(named):
        raise InputError("Name communes, or say --all.")
    known = list(session.scalars(select(CommuneRow.code).order_by(CommuneRow.code)))
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise InputError("There is no commune {commune}.", commune=unknown[0])
    found = known if everywhere else list(dict.fromkeys(named))
    if actor is not None:
        actor.require_in(found, Role.ADMINISTRATOR)
    return found


def due(folder: Path, communes: Sequence[str], now: datetime) -> list[str]:
    """Those of the communes that have keys, but not the next ones yet."""
    having = set(keyfolder.communes(folder))
    return [
        commune
        for commune in communes
        if commune in having and keyfolder.load(folder, commune).next_begins(now) is None
    ]


def make(store: Store, folder: Path, commune: str, actor: Actor, now: datetime) -> KeyRing | None:
    """A commune's first keys; None where it has some already."""
    actor.require_in([commune], Role.ADMINISTRATOR)
    with store.writing() as session:
        ring = keyfolder.make(folder, commune, now)
        if ring is not None:
            _tell(session, Action.KEYS_MADE, ring.document, actor, now)
    return ring


def rotate(store: Store, folder: Path, commune: str, actor: Actor, now: datetime, *, at_once: bool = False) -> KeyRing:
    """The next keys of a commune. Raises InputError where they wait already; see `keyfolder.rotate`."""
    actor.require_in([commune], Role.ADMINISTRATOR)
    with store.writing() as session:
        ring = keyfolder.rotate(folder, commune, now, at_once=at_once)
        _tell(session, Action.KEYS_ROTATED, ring.document, actor, now, at_once=at_once)
    return ring


def lines(folder: Path, communes: Sequence[str], now: datetime) -> list[KeyLine]:
    """The keys of these communes that have any, each with its state and the whole days until it ends."""
    having = set(keyfolder.communes(folder))
    return [
        _line(ring, key, now)
        for commune in communes
        if commune in having
        for ring in [keyfolder.load(folder, commune)]
        for key in ring.document.keys
    ]


def watch(folder: Path, commune: str, now: datetime) -> Alarm | None:
    """The most urgent alarm about a commune's keys. Raises KeyFolderError where they cannot be used at all."""
    ring = keyfolder.load(folder, commune)
    return next(iter(alarms(ring.document.keys, now)), None)


def warning(commune: str, alarm: Alarm) -> BroadcasterError:
    """An alarm in words."""
    if alarm.threshold_days == 0:
        return BroadcasterError(
            "The {purpose} keys of {commune} have ended; loudspeakers obey nothing new. Run: broadcaster keys rotate "
            "{commune}",
            purpose=alarm.key.purpose,
            commune=commune,
        )
    return BroadcasterError(
        "The {purpose} keys of {commune} end in {days} days. Run: broadcaster keys rotate {commune}",
        purpose=alarm.key.purpose,
        commune=commune,
        days=alarm.days_left,
    )


def _line(ring: KeyRing, key: PublicKey, now: datetime) -> KeyLine:
    signing = ring.signer(key.purpose, now)
    state = KeyState.NEXT if key.is_valid(now) else KeyState.ENDED
    if signing is not None and signing.public == key:
        state = KeyState.SIGNING
    return KeyLine(ring.commune, ring.document.version, key, state, max(0, (key.not_after - now).days))


def _tell(session: Session, action: Action, document: KeyDocument, actor: Actor, now: datetime, **more: object) -> None:
    keys = [{"id": key.id, "purpose": key.purpose, "until": key.not_after.isoformat()} for key in document.keys]
    journal.append(
        session,
        chain=document.commune,
        action=action,
        now=now,
        actor=actor,
        subject=document.commune,
        data={"version": document.version, "keys": keys} | more,
    )
