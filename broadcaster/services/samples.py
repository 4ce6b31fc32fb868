"""The sample communes, people, facts and bulletins: loaded once, two bulletins taken through to approval."""

from collections.abc import Callable
from datetime import datetime
from importlib import resources
from pathlib import Path

from sqlalchemy import select

from broadcaster import strict_yaml
from broadcaster.domain.bulletin import BulletinState
from broadcaster.domain.roles import EVERYWHERE, Actor, Grant, Role
from broadcaster.orders.topics import Device
from broadcaster.services import approvals, enrolment, keyring
from broadcaster.services.bulletins import Desk
from broadcaster.services.exchange import Exchange
from broadcaster.services.importing import import_all
from broadcaster.store import communes as places
from broadcaster.store import submissions
from broadcaster.store.engine import Store
from broadcaster.store.tables import BulletinRow, CommuneRow, ScheduleRow, StationRow

FIRST = "ma-qr-gia"
"""The bulletin that is aired first: it names no commune, so all communes share one clip, and it is short."""
APPROVED = (FIRST, "gia-mao-nhan-vien-dien-luc")
WRITER, APPROVER = "writer", "approver"


def files() -> list[Path]:
    """The sample files that come with the program, in the one schema."""
    return sorted(Path(str(resources.files("broadcaster"))).joinpath("samples").glob("*.yaml"))


def load(
    store: Store,
    desk: Desk,
    os_user: str,
    now: datetime,
    progress: Callable[[str], None] = lambda _: None,
    *,
    keys: Path | None = None,
) -> bool:
    """Fill an empty database with the samples, or finish a filling that was broken off.

    With a folder for `keys`, the stations have loudspeakers that obey signed orders (`codes`); else they sound, in
    test mode, in the worker itself. Returns whether the samples are there and none of them has been aired or put on a
    timetable by a rehearsal yet. A database with communes of its own stays as it is, and so does a sample bulletin
    that someone has revised.
    """
    with store.reading() as session:
        is_empty = session.scalars(select(CommuneRow.code).limit(1)).first() is None
        is_ours = session.get(BulletinRow, FIRST) is not None
        has_begun = session.scalars(select(ScheduleRow.id).where(ScheduleRow.is_rehearsal).limit(1)).first() is not None
    if has_begun or not (is_empty or is_ours):
        return False
    if is_empty:
        documents = [strict_yaml.load(path).validate(Exchange) for path in files()]
        if keys is not None:
            documents = [_with_loudspeakers(document) for document in documents]
        import_all(store, documents, WRITER, os_user, now)
    if keys is not None:
        _make_keys(store, keys, os_user, now)
    for bulletin in APPROVED:
        progress(bulletin)
        _take_through(store, desk, bulletin, os_user, now)
    return True


def codes(store: Store, os_user: str, now: datetime, is_ready: Callable[[Device], bool]) -> dict[Device, str]:
    """One-time codes for the loudspeakers of the sample stations, one each, as far as they are not `is_ready`."""
    found = {}
    with store.writing() as session:
        for station in session.scalars(select(StationRow).where(StationRow.connector == "mqtt")):
            device = Device(station.commune, f"{station.commune}-01")
            known, program = enrolment.known(session, device), _program(os_user)
            if station.code != f"{station.commune}-loa" or is_ready(device):
                continue
            if known is None:
                code = enrolment.add(session, device.commune, station.code, device.loudspeaker, now, actor=program)
            else:
                code = enrolment.new_code(session, device.commune, device.loudspeaker, now, actor=program)
            found[device] = code
    return found


def _with_loudspeakers(document: Exchange) -> Exchange:
    stations = [station.model_copy(update={"connector": "mqtt", "config": {}}) for station in document.stations]
    return document.model_copy(update={"stations": stations})


def _make_keys(store: Store, keys: Path, os_user: str, now: datetime) -> None:
    with store.reading() as session:
        communes = list(session.scalars(select(CommuneRow.code)))
    for commune in communes:
        keyring.make(store, keys, commune, _program(os_user), now)


def _program(os_user: str) -> Actor:
    """The program itself, in a database that it has made."""
    return Actor(None, os_user, (Grant(Role.ADMINISTRATOR, EVERYWHERE),))


def _take_through(store: Store, desk: Desk, bulletin: str, os_user: str, now: datetime) -> None:
    """Submit, render and approve one sample bulletin, from wherever it stands."""
    with store.reading() as session:
        writer = places.actor(session, WRITER, os_user)
        approver = places.actor(session, APPROVER, os_user)
        row, _ = submissions.bulletin(session, bulletin)
        if row.revision > 1:
            return  # no longer the sample, but somebody's own text
    if row.state is BulletinState.DRAFT:
        desk.submit(bulletin, writer, now)
    if row.state in {BulletinState.DRAFT, BulletinState.SUBMITTED}:
        desk.render(bulletin, writer, now)
        approvals.approve(store, bulletin, approver, now)
