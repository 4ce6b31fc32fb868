"""Adding and enrolling virtual loudspeakers in a data folder at once, without codes, doors and people."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcaster import application
from broadcaster.application import Application
from broadcaster.domain.bulletin import canonical
from broadcaster.domain.loudspeaker import MAX_PER_STATION
from broadcaster.domain.roles import EVERYWHERE, Actor, Grant, Role
from broadcaster.orders.device import DeviceKey
from broadcaster.orders.topics import Device
from broadcaster.player import identity as identities
from broadcaster.player.names import IDENTITY
from broadcaster.services import enrolment, keyring, visiting
from broadcaster.store.device_tables import LoudspeakerRow
from broadcaster.store.tables import StationRow

FOLDER = "fleet"
_NAME = "ao-{number:04d}"  # "loa ảo", a virtual loudspeaker


class NoRoomError(Exception):
    """The stations of the data folder have no room for so many."""


def enrolled(built: Application, count: int, now: datetime, home: Path | None = None) -> list[Path]:
    """The folders of so many virtual loudspeakers, in `home`; those that are missing are added and enrolled.

    They are spread over the stations of the connector `mqtt`. Raises NoRoomError, BroadcasterError.
    """
    home = home or built.config.data_folder / FOLDER
    found = _known(built, home)[:count]
    actor = Actor(None, application.os_user(), (Grant(Role.ADMINISTRATOR, EVERYWHERE),))
    with built.store.reading() as session:
        wanted = list(_places(session, count - len(found)))
    for commune in sorted({station.commune for station, _ in wanted}):
        keyring.make(built.store, built.keys_folder, commune, actor, now)
    with built.store.writing() as session:
        for station, name in wanted:
            device = Device(station.commune, name)
            secret = DeviceKey(Ed25519PrivateKey.generate())
            code = enrolment.add(session, device.commune, station.code, name, now, actor=actor)
            answer = visiting.enrol(session, built.keys_folder, built.config, code, secret.text, now)
            folder = home / device.user
            identities.save(folder, *identities.answered(canonical(answer), built.config.door.url, secret))
            found.append(folder)
    return found


def _known(built: Application, home: Path) -> list[Path]:
    """Those that were enrolled by an earlier run, and still are."""
    with built.store.reading() as session:
        here = select(LoudspeakerRow).where(LoudspeakerRow.enrolled_at.is_not(None))
        names = [Device(row.commune, row.id).user for row in session.scalars(here)]
    return sorted(home / name for name in names if (home / name / IDENTITY).exists())


def _places(session: Session, count: int) -> Iterator[tuple[StationRow, str]]:
    """So many free places at stations, one at each in turn, and a name that is free there."""
    stations = list(session.scalars(select(StationRow).where(StationRow.connector == "mqtt").order_by(StationRow.code)))
    if not stations:
        raise NoRoomError("No station has the connector mqtt. Import some first, see docs/schema.md.")
    of_each = select(LoudspeakerRow.station, func.count()).group_by(LoudspeakerRow.station)
    taken = Counter({str(station): int(number) for station, number in session.execute(of_each)})
    named = {(row.commune, row.id) for row in session.scalars(select(LoudspeakerRow))}
    room = sum(MAX_PER_STATION - taken[station.code] for station in stations)
    if room < count:
        raise NoRoomError(f"The stations have room for {room} loudspeakers, not for {count}.")
    number = 0
    while count:
        station = stations[number % len(stations)]
        number += 1
        name = _NAME.format(number=number)
        if taken[station.code] < MAX_PER_STATION and (station.commune, name) not in named:
            taken[station.code] += 1
            count -= 1
            yield station, name
