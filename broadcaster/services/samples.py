"""The sample communes, people, facts and bulletins: loaded once, two bulletins taken through to approval."""

from collections.abc import Callable
from datetime import datetime
from importlib import resources
from pathlib import Path

from sqlalchemy import select

from broadcaster import strict_yaml
from broadcaster.domain.bulletin import BulletinState
from broadcaster.services import approvals
from broadcaster.services.bulletins import Desk
from broadcaster.services.exchange import Exchange
from broadcaster.services.importing import import_all
from broadcaster.store import communes as places
from broadcaster.store import submissions
from broadcaster.store.engine import Store
from broadcaster.store.tables import BulletinRow, CommuneRow, ScheduleRow

FIRST = "ma-qr-gia"
"""The bulletin that is aired first: it names no commune, so all communes share one clip, and it is short."""
APPROVED = (FIRST, "gia-mao-nhan-vien-dien-luc")
WRITER, APPROVER = "writer", "approver"


def files() -> list[Path]:
    """The sample files that come with the program, in the one schema."""
    return sorted(Path(str(resources.files("broadcaster"))).joinpath("samples").glob("*.yaml"))


def load(
    store: Store, desk: Desk, os_user: str, now: datetime, progress: Callable[[str], None] = lambda _: None
) -> bool:
    """Fill an empty database with the samples, or finish a filling that was broken off.

    Returns whether the samples are there and none of them has been aired or put on a timetable by a rehearsal yet.
    A database with communes of its own stays as it is, and so does a sample bulletin that someone has revised.
    """
    with store.reading() as session:
        is_empty = session.scalars(select(CommuneRow.code).limit(1)).first() is None
        is_ours = session.get(BulletinRow, FIRST) is not None
        has_begun = session.scalars(select(ScheduleRow.id).where(ScheduleRow.is_rehearsal).limit(1)).first() is not None
    if has_begun or not (is_empty or is_ours):
        return False
    if is_empty:
        documents = [strict_yaml.load(path).validate(Exchange) for path in files()]
        import_all(store, documents, WRITER, os_user, now)
    for bulletin in APPROVED:
        progress(bulletin)
        _take_through(store, desk, bulletin, os_user, now)
    return True


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
