"""Who the loudspeakers are: added by an administrator, enrolled by themselves with a code, known by key, password."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from broadcaster.domain.place import Mode
from broadcaster.domain.roles import Actor, Role
from broadcaster.errors import InputError
from broadcaster.orders.device import public_key
from broadcaster.orders.payload import MAX_TARGETS
from broadcaster.orders.strict_json import ID
from broadcaster.orders.topics import Device, device
from broadcaster.services import passwords
from broadcaster.store import journal
from broadcaster.store.device_tables import LoudspeakerRow
from broadcaster.store.engine import changed_rows
from broadcaster.store.journal import Action
from broadcaster.store.tables import StationRow

CODE_HOLDS = timedelta(hours=24)

_CODE_BYTES = 16
_KIND = "mqtt"


class CodeError(InputError):
    """No loudspeaker can be enrolled with this code, now."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a loudspeaker is told of itself as it enrols; the password is told this once."""

    device: Device
    station: str
    mode: Mode
    password: str


def add(session: Session, station: str, loudspeaker: str, actor: Actor, now: datetime) -> str:
    """A new loudspeaker of a station; returns the code that enrols it. Raises InputError, NotAllowedError."""
    row = _station(session, station)
    actor.require_in([row.commune], Role.ADMINISTRATOR)
    if not ID.fullmatch(loudspeaker):
        raise InputError("{loudspeaker} is no id: use 2 to 64 letters, figures and -.", loudspeaker=loudspeaker)
    if loudspeaker == station:
        raise InputError("{loudspeaker} is the id of its station; choose another.", loudspeaker=loudspeaker)
    if session.get(LoudspeakerRow, (row.commune, loudspeaker)) is not None:
        raise InputError(
            "{commune} has a loudspeaker {loudspeaker} already. A new code for it: broadcaster loudspeaker code",
            commune=row.commune,
            loudspeaker=loudspeaker,
        )
    named = [*row.config.get("loudspeakers", [])]
    if len(named) >= MAX_TARGETS:
        raise InputError(
            "{station} has {count} loudspeakers, and no order can name more. Make a second station.",
            station=station,
            count=len(named),
        )
    session.add(LoudspeakerRow(commune=row.commune, id=loudspeaker, station=station, added_at=now))
    session.flush()
    if loudspeaker not in named:
        row.config = {**row.config, "loudspeakers": [*named, loudspeaker]}
    code = _new_code(session, Device(row.commune, loudspeaker), now)
    _tell(session, Action.LOUDSPEAKER_ADDED, Device(row.commune, loudspeaker), actor, now, station=station)
    return code


def new_code(session: Session, found: Device, actor: Actor, now: datetime) -> str:
    """Another code for a loudspeaker: the first was lost, or its box was replaced. Raises InputError."""
    actor.require_in([found.commune], Role.ADMINISTRATOR)
    _loudspeaker(session, found)
    code = _new_code(session, found, now)
    _tell(session, Action.LOUDSPEAKER_CODE, found, actor, now)
    return code


def remove(session: Session, found: Device, actor: Actor, now: datetime) -> None:
    """A loudspeaker is gone: nothing of it is believed any more, and nothing is expected of it. Raises InputError."""
    actor.require_in([found.commune], Role.ADMINISTRATOR)
    row = _loudspeaker(session, found)
    station = session.get_one(StationRow, row.station)
    left = [name for name in station.config.get("loudspeakers", []) if name != found.loudspeaker]
    if not left and station.connector == _KIND:
        raise InputError(
            "{loudspeaker} is the last loudspeaker of {station}. Remove the station instead.",
            loudspeaker=found.loudspeaker,
            station=station.code,
        )
    station.config = {**station.config, "loudspeakers": left}
    session.delete(row)
    _tell(session, Action.LOUDSPEAKER_REMOVED, found, actor, now, station=station.code)


def enroll(session: Session, code: str, public: str, now: datetime) -> Enrolled:
    """Enrol the loudspeaker that has this code with the key that it made; whoever comes second with it is refused.

    Raises CodeError, MalformedError for a key that is none.
    """
    public_key(public)
    password = passwords.new_password()
    unused = update(LoudspeakerRow).where(
        LoudspeakerRow.code_sha256 == _fingerprint(code), LoudspeakerRow.code_until >= now
    )
    row = session.scalar(select(LoudspeakerRow).where(LoudspeakerRow.code_sha256 == _fingerprint(code)))
    values = {
        "code_sha256": None,
        "code_until": None,
        "public_key": public,
        "password_hash": passwords.hashed(password),
        "enrolled_at": now,
    }
    if row is None or changed_rows(session, unused.values(**values)) != 1:
        raise CodeError("This code is unknown, used or older than 24 hours. Ask for a new one.")
    found = Device(row.commune, row.id)
    station = session.get_one(StationRow, row.station)
    _tell(session, Action.LOUDSPEAKER_ENROLLED, found, Actor(None, found.user), now, public_key=public)
    return Enrolled(found, station.code, station.mode, password)


def authenticated(session: Session, user: str, password: str) -> Device | None:
    """The loudspeaker that has this name and password; it takes as long where there is none."""
    found = device(user)
    row = session.get(LoudspeakerRow, (found.commune, found.loudspeaker)) if found is not None else None
    kept = row.password_hash if row is not None else None
    return found if passwords.fits(password, kept or passwords.NOBODY) and kept is not None else None


def credentials(session: Session) -> dict[str, str]:
    """The hash of each enrolled loudspeaker's password, by user, as a broker's password file wants it."""
    rows = session.scalars(select(LoudspeakerRow).where(LoudspeakerRow.password_hash.is_not(None)))
    return {Device(row.commune, row.id).user: str(row.password_hash) for row in rows}


def known(session: Session, communes: Sequence[str] | None = None) -> list[LoudspeakerRow]:
    """The loudspeakers of these communes, or of all."""
    query = select(LoudspeakerRow).order_by(LoudspeakerRow.commune, LoudspeakerRow.station, LoudspeakerRow.id)
    return list(session.scalars(query if communes is None else query.where(LoudspeakerRow.commune.in_(communes))))


def count(session: Session, station: str) -> int:
    """How many loudspeakers a station has."""
    return session.scalar(select(func.count()).where(LoudspeakerRow.station == station)) or 0


def _station(session: Session, code: str) -> StationRow:
    row = session.get(StationRow, code)
    if row is None:
        raise InputError("There is no station {station}.", station=code)
    return row


def _loudspeaker(session: Session, found: Device) -> LoudspeakerRow:
    row = session.get(LoudspeakerRow, (found.commune, found.loudspeaker))
    if row is None:
        raise InputError(
            "{commune} has no loudspeaker {loudspeaker}. See: broadcaster loudspeaker list",
            commune=found.commune,
            loudspeaker=found.loudspeaker,
        )
    return row


def _new_code(session: Session, found: Device, now: datetime) -> str:
    """128 random bits; only their hash is kept."""
    code = secrets.token_urlsafe(_CODE_BYTES)
    row = _loudspeaker(session, found)
    row.code_sha256, row.code_until = _fingerprint(code), now + CODE_HOLDS
    session.flush()
    return code


def _fingerprint(code: str) -> str:
    return hashlib.sha256(code.strip().encode()).hexdigest()


def _tell(session: Session, action: Action, found: Device, actor: Actor, now: datetime, **more: object) -> None:
    journal.append(
        session, chain=found.commune, action=action, now=now, actor=actor, subject=found.user, data=more
    )  # fmt: skip
