"""Queries about bulletins, what was submitted of them, and the clips of a submission."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.errors import InputError
from broadcaster.store.engine import is_writing
from broadcaster.store.tables import BulletinRow, ClipRow, RevisionRow, SubmissionClipRow, SubmissionRow


def bulletin(session: Session, key: str) -> tuple[BulletinRow, RevisionRow]:
    """A bulletin and its newest revision; a writer keeps every other from deciding on it. InputError: an unknown id."""
    row = session.get(BulletinRow, key, with_for_update=is_writing(session))
    if row is None:
        raise InputError("There is no bulletin {bulletin}. See: broadcaster bulletin list", bulletin=key)
    return row, session.get_one(RevisionRow, (key, row.revision))


def newest(session: Session, key: str) -> SubmissionRow:
    """The newest submission of a bulletin's newest revision. Raises InputError where there is none."""
    found = latest(session, key)
    if found is None:
        state = bulletin(session, key)[0].state
        raise InputError("Bulletin {bulletin} is {state}; it has to be submitted first.", bulletin=key, state=state)
    return found


def latest(session: Session, key: str) -> SubmissionRow | None:
    """As `newest`, or None."""
    _, revision = bulletin(session, key)
    query = select(SubmissionRow).where(SubmissionRow.bulletin == key, SubmissionRow.revision == revision.number)
    return session.scalars(query.order_by(SubmissionRow.id.desc())).first()


def clips(session: Session, submission: str) -> list[ClipRow]:
    """The distinct clips of a submission, by key."""
    wanted = select(SubmissionClipRow.clip).where(SubmissionClipRow.submission == submission)
    return list(session.scalars(select(ClipRow).where(ClipRow.key.in_(wanted)).order_by(ClipRow.key)))


def communes_of(session: Session, submission: str) -> dict[str, str]:
    """Each permitted commune with the key of its clip."""
    query = select(SubmissionClipRow.commune, SubmissionClipRow.clip).where(SubmissionClipRow.submission == submission)
    return dict(session.execute(query.order_by(SubmissionClipRow.commune)).all())
