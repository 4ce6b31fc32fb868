"""Who may put an emergency on air, and what: two people, one of whom is of the communes; words that were approved."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.bulletin import BulletinState
from broadcaster.domain.roles import Actor, Role
from broadcaster.errors import InputError
from broadcaster.store import communes as places
from broadcaster.store import submissions
from broadcaster.store.record_tables import EmergencyRow
from broadcaster.store.tables import CommuneRow, RevisionRow, SubmissionRow

ASKERS = (Role.WRITER, Role.EDITOR, Role.APPROVER, Role.OPERATOR, Role.ADMINISTRATOR)
CONFIRMERS = (Role.APPROVER, Role.OPERATOR, Role.ADMINISTRATOR)


def check_confirmer(session: Session, found: EmergencyRow, submission: SubmissionRow, actor: Actor) -> None:
    """Raise NotAllowedError where nobody of the communes would be among the two.

    The other may be an approver of the source that wrote it. What a campaign asks for, the source has asked for: then
    the second person is of the communes, whoever the first was.
    """
    if found.campaign is None and actor.is_of(source(session, submission), Role.APPROVER):
        asker = places.actor(session, found.asked_by, actor.os_user)
        if asker.is_in(found.communes, *ASKERS):
            return
    actor.require_in(found.communes, *CONFIRMERS)


def source(session: Session, submission: SubmissionRow) -> str:
    """Who wrote what was submitted."""
    return session.get_one(RevisionRow, (submission.bulletin, submission.revision)).source


def check(session: Session, submission: SubmissionRow, communes: Sequence[str], now: datetime) -> None:
    """Raise InputError unless exactly this was approved for these communes and is good now."""
    row, revision = submissions.bulletin(session, submission.bulletin)
    is_approved = row.state is BulletinState.APPROVED and submission.decision is BulletinState.APPROVED
    if not is_approved or submission.revision != revision.number:
        raise InputError("{bulletin} is not approved. Approve it first.", bulletin=row.id)
    if not submission.valid_from <= now < submission.valid_until:
        raise InputError("The approval of {bulletin} does not hold now.", bulletin=row.id)
    outside = sorted(set(communes) - set(submissions.communes_of(session, submission.id)))
    if not communes or outside:
        raise InputError(
            "{bulletin} was not approved for: {communes}.", bulletin=row.id, communes=", ".join(outside) or "-"
        )


def check_names(session: Session, communes: Sequence[str], names: Sequence[str]) -> None:
    """Typing the names is what makes a person look at where it will be heard."""
    known = {row.name for row in session.scalars(select(CommuneRow).where(CommuneRow.code.in_(communes)))}
    if {" ".join(name.split()).casefold() for name in names} != {name.casefold() for name in known}:
        raise InputError("To confirm where it will be heard, type the names: {names}.", names=", ".join(sorted(known)))
