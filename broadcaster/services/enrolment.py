"""Loudspeakers of a station: added by a person, enrolled by a one-time code, known by their password and key.

The code has 128 bits, holds 24 h and is kept as a hash. Whoever shows it brings a key and gets a password: there is no
default one. A new enrolment takes the place of the one before.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from broadcaster.broker import passwords
from broadcaster.domain.loudspeaker import MAX_PER_STATION
from broadcaster.domain.roles import Actor
from broadcaster.errors import InputError
from broadcaster.orders import device as devices
from broadcaster.orders import topics
from broadcaster.orders.keys import SPKI_PREFIX
from broadcaster.orders.payload import HELD, PACK
from broadcaster.orders.strict_json import ID
from broadcaster.orders.topics import Device
from broadcaster.services import attending, communes
from broadcaster.services.attending import PROGRAM
from broadcaster.services.permissions import KEEPERS
from broadcaster.store.device_tables import LoudspeakerRow
from broadcaster.store.engine import changed_rows, is_added
from broadcaster.store.journal import Action
from broadcaster.store.tables import StationRow

CODE_HOLDS = timedelta(hours=24)
_CODE_BYTES = 16
_GROUP = 5  # letters of a code that are read out at a time
_CODE = re.compile(r"[A-Z2-7]{26}")
_LONGEST_CODE = 64


class EnrolmentError(InputError):
    """A one-time code that opens nothing."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a loudspeaker is and how it logs in from now on; the password is kept nowhere else."""

    device: Device
    station: str
    password: str


def add(session: Session, commune: str, station: str, loudspeaker: str, now: datetime, *, actor: Actor) -> str:
    """A new loudspeaker of a station; returns its one-time code. Raises InputError, NotAllowedError.

    A station of such loudspeakers names them in its configuration: this one too from now on.
    """
    actor.require_in([commune], *KEEPERS)
    if not ID.fullmatch(loudspeaker):
        raise InputError(
            "{id} cannot name a loudspeaker: write 2 to 64 letters a-z, digits and hyphens.", id=loudspeaker
        )
    kept = _station(session, commune, station)
    twin = session.get(StationRow, loudspeaker)
    if twin is not None and twin.commune == commune:
        raise InputError(
            "A station is called {id}: an order for it would reach the loudspeaker too. Take another name.",
            id=loudspeaker,
        )
    in_it = select(func.count()).where(LoudspeakerRow.station == station)
    if (session.scalar(in_it) or 0) >= MAX_PER_STATION:
        raise InputError("Station {station} has {count} loudspeakers; more are too many.", station=station,
                         count=MAX_PER_STATION)  # fmt: skip
    code, values = _new_code(now)
    values |= {"commune": commune, "id": loudspeaker, "station": station, "added_at": now}
    if not is_added(session, LoudspeakerRow, values):
        raise InputError(
            "There is a loudspeaker {id} in {commune} already. Run for another code: "
            "broadcaster loudspeaker code {commune} {id}",
            id=loudspeaker,
            commune=commune,
        )
    _name_in_station(session, kept, loudspeaker)
    attending.tell(session, Action.LOUDSPEAKER_ADDED, Device(commune, loudspeaker), actor, now, station=station)
    return code


def new_code(session: Session, commune: str, loudspeaker: str, now: datetime, *, actor: Actor) -> str:
    """Another one-time code in place of the one before; what has enrolled goes on until this one is used."""
    actor.require_in([commune], *KEEPERS)
    row = _required(session, commune, loudspeaker)
    code, values = _new_code(now)
    for name, value in values.items():
        setattr(row, name, value)
    attending.tell(session, Action.LOUDSPEAKER_CODE_MADE, Device(commune, loudspeaker), actor, now)
    return code


def remove(session: Session, commune: str, loudspeaker: str, now: datetime, *, actor: Actor) -> None:
    """It can log in no more, and nothing that it says is believed. What it said stays."""
    actor.require_in([commune], *KEEPERS)
    row = _required(session, commune, loudspeaker)
    device = Device(commune, loudspeaker)
    station = _station(session, commune, row.station)
    named = station.config.get("loudspeakers", [])
    if loudspeaker in named:
        station.config = {**station.config, "loudspeakers": [name for name in named if name != loudspeaker]}
    attending.clear_all(session, device, now, actor=actor)
    session.delete(row)
    session.flush()
    attending.tell(session, Action.LOUDSPEAKER_REMOVED, device, actor, now, station=station.code)


def known(session: Session, device: Device) -> LoudspeakerRow | None:
    """What is known of a loudspeaker; None where there is no such one."""
    return session.get(LoudspeakerRow, (device.commune, device.loudspeaker))


def of_station(session: Session, station: str) -> list[LoudspeakerRow]:
    """The loudspeakers of a station, by id."""
    query = select(LoudspeakerRow).where(LoudspeakerRow.station == station)
    return list(session.scalars(query.order_by(LoudspeakerRow.id)))


def takes_loudspeakers(station: StationRow) -> bool:
    """Whether a station is one of loudspeakers that obey signed orders, by its configuration."""
    return station.connector == "mqtt" or _is_carried(station)


def held(station: StationRow) -> timedelta:
    """How long an order for the loudspeakers of a station may be good: on a stick it is 8 days on its way."""
    return PACK if _is_carried(station) else HELD


def only_station(session: Session, commune: str) -> str:
    """The one station of a commune whose loudspeakers obey signed orders. Raises InputError for none or several."""
    here = select(StationRow).where(StationRow.commune == commune).order_by(StationRow.code)
    codes = [row.code for row in session.scalars(here) if takes_loudspeakers(row)]
    if not codes:
        communes.named(session, [commune])
        raise InputError(
            "{commune} has no station of loudspeakers that obey signed orders. Name one with --station.",
            commune=commune,
        )  # fmt: skip
    if len(codes) > 1:
        raise InputError(
            "Name the station with --station; {commune} has several of loudspeakers that obey signed orders: {known}.",
            commune=commune, known=", ".join(codes),
        )  # fmt: skip
    return codes[0]


def credentials(session: Session) -> dict[str, str]:
    """User name -> hash of all that have enrolled, as a password file of Mosquitto takes them."""
    enrolled = select(LoudspeakerRow).where(LoudspeakerRow.password_hash.is_not(None))
    rows = session.scalars(enrolled.order_by(LoudspeakerRow.commune, LoudspeakerRow.id))
    return {Device(row.commune, row.id).user: str(row.password_hash) for row in rows}


def password_hash(session: Session, user: str) -> str | None:
    """The hash of the password of the loudspeaker that logs in under this name; None where there is none."""
    device = topics.device(user)
    row = None if device is None else known(session, device)
    return None if row is None else row.password_hash


def authenticated(session: Session, user: str, password: str) -> Device | None:
    """Which loudspeaker logs in with this name and password; None for none, after the same time."""
    device = topics.device(user)
    kept = password_hash(session, user)
    is_right = passwords.is_right(password, kept or passwords.NOBODY)
    return device if is_right and kept is not None else None


def enroll(session: Session, code: str, public: str, now: datetime, *, actor: Actor = PROGRAM) -> Enrolled:
    """Use up a one-time code: from now on the loudspeaker has this key and a new password.

    `public` is the SubjectPublicKeyInfo of an Ed25519 key in base64. Raises EnrolmentError, and MalformedError for a
    key that is none; the code can still be used then.
    """
    raw = devices.public_key(public)
    row = _of_code(session, code, now)
    password = passwords.new_password()
    key = base64.b64encode(SPKI_PREFIX + raw).decode()
    its_own = (LoudspeakerRow.commune == row.commune, LoudspeakerRow.id == row.id)
    is_unused = (LoudspeakerRow.enrol_code_sha256 == _hash(code), LoudspeakerRow.enrol_until >= now)
    used = update(LoudspeakerRow).where(*its_own, *is_unused).values(
        enrol_code_sha256=None, enrol_until=None, enrolled_at=now, public_key=key,
        password_hash=passwords.hashed(password), is_online=None, presence_at=None, seen_at=None, health=None,
    )  # fmt: skip
    if changed_rows(session, used) != 1:
        raise _unknown_code()
    device = Device(row.commune, row.id)
    attending.clear_all(session, device, now, actor=actor)
    attending.tell(session, Action.LOUDSPEAKER_ENROLLED, device, actor, now, station=row.station, key=key)
    return Enrolled(device, row.station, password)


def require_kept(session: Session, station: StationRow) -> None:
    """Raise InputError where a station, as it would be kept, lacks a loudspeaker that it has, or takes one's name."""
    rows = of_station(session, station.code)
    moved = next((row for row in rows if row.commune != station.commune), None)
    if moved is not None:
        raise InputError(
            "Station {station} has loudspeakers of {commune}, such as {id}, and cannot move to {other}. Remove them "
            "first: broadcaster loudspeaker remove {commune} {id}",
            station=station.code, commune=moved.commune, id=moved.id, other=station.commune,
        )  # fmt: skip
    before = session.get(StationRow, station.code)
    was_named = before.config.get("loudspeakers", []) if before is not None else []
    named = station.config.get("loudspeakers", [])
    lost = next((row for row in rows if row.id in was_named and row.id not in named), None)
    if lost is not None:
        raise InputError(
            "Station {station} would lose the loudspeaker {id}. Remove it first: broadcaster loudspeaker remove "
            "{commune} {id}",
            station=station.code, commune=lost.commune, id=lost.id,
        )  # fmt: skip
    if known(session, Device(station.commune, station.code)) is not None:
        raise InputError(
            "A loudspeaker is called {id}: it would obey the orders of a station of that name. Take another one.",
            id=station.code,
        )


def _station(session: Session, commune: str, code: str) -> StationRow:
    """A station of a commune, which others cannot change meanwhile."""
    row = session.get(StationRow, code, with_for_update=True)
    if row is None or row.commune != commune:
        here = session.scalars(select(StationRow.code).where(StationRow.commune == commune).order_by(StationRow.code))
        raise InputError(
            "There is no station {station} in {commune}. Known: {known}.",
            station=code, commune=commune, known=", ".join(here) or "none",
        )  # fmt: skip
    return row


def _name_in_station(session: Session, station: StationRow, loudspeaker: str) -> None:
    named = list(station.config.get("loudspeakers", []))
    if not takes_loudspeakers(station) or loudspeaker in named:
        return
    if len(named) >= MAX_PER_STATION:
        raise InputError("Station {station} has {count} loudspeakers; more are too many.", station=station.code,
                         count=len(named))  # fmt: skip
    station.config = {**station.config, "loudspeakers": [*named, loudspeaker]}
    session.flush()


def _is_carried(station: StationRow) -> bool:
    return station.connector == "folder" and station.config.get("signed") is True


def _required(session: Session, commune: str, loudspeaker: str) -> LoudspeakerRow:
    row = session.get(LoudspeakerRow, (commune, loudspeaker), with_for_update=True)
    if row is None:
        here = select(LoudspeakerRow.id).where(LoudspeakerRow.commune == commune).order_by(LoudspeakerRow.id)
        raise InputError(
            "There is no loudspeaker {id} in {commune}. Known: {known}.",
            id=loudspeaker, commune=commune, known=", ".join(session.scalars(here.limit(20))) or "none",
        )  # fmt: skip
    return row


def _new_code(now: datetime) -> tuple[str, dict[str, object]]:
    """A code as people pass it on, and what is kept of it."""
    plain = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().rstrip("=")
    code = "-".join(plain[start : start + _GROUP] for start in range(0, len(plain), _GROUP))
    return code, {"enrol_code_sha256": _hash(code), "enrol_until": now + CODE_HOLDS}


def _hash(code: str) -> str | None:
    """Small letters, dashes and spaces do not matter. None where it cannot be a code at all."""
    plain = re.sub(r"[\s-]", "", code[:_LONGEST_CODE]).upper()
    return hashlib.sha256(plain.encode()).hexdigest() if _CODE.fullmatch(plain) else None


def _of_code(session: Session, code: str, now: datetime) -> LoudspeakerRow:
    wanted = _hash(code)
    query = select(LoudspeakerRow).where(LoudspeakerRow.enrol_code_sha256 == wanted)
    row = None if wanted is None else session.scalars(query).one_or_none()
    if row is None:
        raise _unknown_code()
    if row.enrol_until is None or row.enrol_until < now:
        raise EnrolmentError(
            "This code is over: it was good for 24 hours. Make another one: "
            "broadcaster loudspeaker code {commune} {id}",
            commune=row.commune,
            id=row.id,
        )
    return row


def _unknown_code() -> EnrolmentError:
    return EnrolmentError("This code is unknown or was used already. A code enrols one loudspeaker, once.")
