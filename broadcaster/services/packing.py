"""A pack for a station without a network: all that is planned in the days ahead, signed, for somebody to carry there.

What is signed here is what the worker would sign at its time, after the same last look; it is kept in the outbox first.
When that time comes the worker hands over the same order again, so that its number is the one the loudspeakers know.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session
from ulid import ULID

from broadcaster.connectors.base import Carried
from broadcaster.connectors.folder_plan import ORDER_SUFFIX, Line, line
from broadcaster.domain.airing import Outcome, Phase, Verdict
from broadcaster.domain.order import Order
from broadcaster.domain.place import Station
from broadcaster.domain.roles import Actor
from broadcaster.errors import BroadcasterError, InputError, StoreError
from broadcaster.orders import keyfolder, payload
from broadcaster.orders.device import MAX_ACKNOWLEDGED
from broadcaster.orders.keyfolder import KeyFolderError
from broadcaster.orders.payload import PACK, Command
from broadcaster.orders.topics import Device
from broadcaster.services import enrolment, inbox, outbox, pack_files
from broadcaster.services.airing import HandOver
from broadcaster.services.pack_files import Pack
from broadcaster.services.permissions import KEEPERS
from broadcaster.store import airings, journal
from broadcaster.store import communes as places
from broadcaster.store.journal import Action
from broadcaster.store.tables import AiringRow, CommuneRow, StationRow

log = logging.getLogger(__name__)

MAX_DAYS = 7
"""An order on a stick is good for 8 days: the last one has a day for the way."""
_ACKNOWLEDGED = 10 * MAX_ACKNOWLEDGED
"""So many of the newest messages of a loudspeaker are acknowledged with each pack: a week of 15 airings has 420."""
_KEY_VERSIONS = 64


@dataclass(frozen=True, slots=True)
class Packed:
    """What came of it: the folder that was written, how much is in it, and what could not be signed, by airing."""

    folder: Path
    airings: int
    cancels: int
    unsigned: Mapping[str, str]


@dataclass(slots=True)
class _Round:
    """One pack in the making. `before`: the airings that were ordered already, and until when each order is good."""

    session: Session
    station: Station
    connector: Carried
    before: Mapping[str, datetime]
    now: datetime
    lines: dict[str, Line] = field(default_factory=dict)
    clips: dict[str, tuple[Path, str]] = field(default_factory=dict)
    """File name -> the clip, and its SHA-256."""
    unsigned: dict[str, str] = field(default_factory=dict)
    cancels: int = 0


@dataclass(frozen=True, slots=True)
class Packing:
    """`keys` is the folder of the communes' keys."""

    hand_over: HandOver
    keys: Path

    def pack(self, code: str, folder: Path, days: int, actor: Actor, now: datetime) -> Packed:
        """Sign what is planned for a station in so many days, and write it to a folder: a stick that is mounted there.

        Raises InputError, NotAllowedError, PackError where it cannot be written: then the stick is as it was.
        """
        store = self.hand_over.store
        with store.writing() as session:
            station = self._station(session, code, days, actor)
            airings.hold_plans(session)
            until = now + timedelta(days=days)
            found = self._found(session, station, until, now)
            made = self._made(found, until)
            pack_files.require_room(made, folder)
            data = {"days": days, "airings": len(found.lines), "cancels": found.cancels, "unsigned": found.unsigned}
            _tell(session, Action.PACK_SIGNED, station, actor, now, **data)
        written = pack_files.write(made, folder)
        with store.writing() as session:
            _tell(session, Action.PACK_WRITTEN, station, actor, now, pack=written.name)
        return Packed(written, len(found.lines), found.cancels, found.unsigned)

    def _station(self, session: Session, code: str, days: int, actor: Actor) -> Station:
        row = session.get(StationRow, code)
        if row is None:
            known = ", ".join(session.scalars(select(StationRow.code).order_by(StationRow.code).limit(20)))
            raise InputError("There is no station {station}. Known: {known}.", station=code, known=known or "none")
        actor.require_in([row.commune], *KEEPERS)
        if not 1 <= days <= MAX_DAYS:
            raise InputError("A pack is for 1 to {days} days.", days=MAX_DAYS)
        here = places.stations(session, {row.commune}).get(row.commune, [])
        station = next(each for each in here if each.code == code)
        self._connector(station)
        return station

    def _connector(self, station: Station) -> Carried:
        found = self.hand_over.outcomes.stations.connector(station)
        if not isinstance(found, Carried):
            raise InputError(
                "Nothing is carried to {station}: a pack is for a station of the connector folder with signed: true.",
                station=station.code,
            )
        return found

    def _found(self, session: Session, station: Station, until: datetime, now: datetime) -> _Round:
        """Sign what is wanted, and take back what is not any more."""
        before = outbox.plays_at(session, station.code, now)
        found = _Round(session, station, self._connector(station), before, now)
        stations = places.stations(session, {station.commune}).get(station.commune, [])
        for row in airings.ahead(session, station.commune, until, before):
            is_in_reach = now < row.due_at <= now + timedelta(days=MAX_DAYS)  # it may have been moved far away since
            if is_in_reach and not (row.is_outdated and row.phase is Phase.PLANNED):
                orders = self.hand_over.ahead(session, row, stations)
                if not isinstance(orders, Verdict) and station.code in orders:
                    self._take(found, row, orders[station.code])
        for airing, good_until in before.items():
            if airing not in found.lines and not _is_past(session, airing, now):
                self.hand_over.signer.cancel(session, station, airing, good_until, now, held=PACK)
                found.cancels += 1
        return found

    def _take(self, found: _Round, row: AiringRow, order: Order) -> None:
        name = found.connector.clip_name(order)
        if row.phase is Phase.PLANNED:
            try:
                self.hand_over.signer.play(found.session, row, found.station, order, found.now, clip_name=name)
            except StoreError:
                raise
            except (BroadcasterError, OSError) as error:
                found.unsigned[row.id] = str(error)
                extra = {"action": "not_signed", "airing": row.id, "station": order.station, "error": str(error)}
                log.error("An order could not be signed.", extra=extra)
                return
        elif row.id not in found.before:
            return  # it was given back, or its part in it has ended
        found.lines[row.id] = line(order, name)
        found.clips[name] = order.clip, order.clip_sha256

    def _made(self, found: _Round, until: datetime) -> Pack:
        session, station, now = found.session, found.station, found.now
        orders = [(envelope, payload.unverified(envelope)) for envelope in outbox.valid_for(session, station.code, now)]
        signed = {
            f"{order.seq:016d}{ORDER_SUFFIX}": envelope
            for envelope, order in orders
            if order.cmd in {Command.PLAY, Command.CANCEL}  # what is good for ten minutes would be over
        }
        return Pack(
            id=str(ULID.from_datetime(now)),
            station=station.code,
            commune=station.commune,
            timezone=session.get_one(CommuneRow, station.commune).timezone,
            made_at=now,
            until=until,
            lines=tuple(found.lines.values()),
            clips=found.clips,
            envelopes=signed | dict(self._acknowledgements(session, station, now)) | dict(self._keys(station.commune)),
        )

    def _acknowledgements(self, session: Session, station: Station, now: datetime) -> Iterator[tuple[str, bytes]]:
        """What lets loudspeakers forget what has arrived here: they hear of it by this stick alone."""
        for row in enrolment.of_station(session, station.code):
            if row.public_key is None:
                continue
            device = Device(row.commune, row.id)
            seqs = inbox.newest(session, device, row.public_key, _ACKNOWLEDGED)
            for number, envelope in enumerate(self.hand_over.signer.acknowledge(session, device, seqs, now)):
                yield f"{row.id}.{number}{pack_files.ACK_SUFFIX}", envelope

    def _keys(self, commune: str) -> Iterator[tuple[str, bytes]]:
        """The newest keys, and those before, which a loudspeaker that was off for long follows one after the other."""
        newest = keyfolder.newest_version(self.keys, commune)
        yield pack_files.KEYS_NAME, keyfolder.document(self.keys, commune)
        for version in range(max(1, newest - _KEY_VERSIONS), newest + 1):
            try:
                yield f"keys-{version}.json", keyfolder.document(self.keys, commune, version)
            except KeyFolderError:
                continue  # it is gone, as after a move to another computer


def _is_past(session: Session, airing: str, now: datetime) -> bool:
    """Whether the time of an airing has come: nothing that is carried would be there before it sounds."""
    row = session.get(AiringRow, airing)
    return row is not None and row.due_at <= now and row.outcome in {None, Outcome.AIRED, Outcome.PARTIAL}


def _tell(session: Session, action: Action, station: Station, actor: Actor, now: datetime, **data: object) -> None:
    journal.append(session, chain=station.commune, action=action, now=now, actor=actor, subject=station.code, data=data)
