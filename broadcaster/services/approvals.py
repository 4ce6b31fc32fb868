"""Deciding on a bulletin: by another person than its author, on exactly the clips that will air."""

from datetime import datetime

from sqlalchemy.orm import Session

from broadcaster.domain.bulletin import Approvable, BulletinState, check_transition
from broadcaster.domain.roles import Actor, Role
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services.bulletins import tell
from broadcaster.store import submissions
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.tables import RevisionRow, SubmissionRow


def to_approve(store: Store, bulletin: str) -> str | None:
    """The hash of what an approver would approve now; None unless the bulletin is submitted and all is rendered."""
    with store.reading() as session:
        row, revision = submissions.bulletin(session, bulletin)
        submission = submissions.latest(session, bulletin)
        if submission is None or row.state is not BulletinState.SUBMITTED:
            return None
        if any(clip.sha256 is None for clip in submissions.clips(session, submission.id)):
            return None
        return approvable_of(session, submission, revision).sha256


def approve(store: Store, bulletin: str, actor: Actor, now: datetime, seen: str | None = None) -> str:
    """Approve exactly what was submitted, by another person than its author. Returns the approved hash.

    `seen` is the hash of what the approver looked at and heard (`to_approve`): if something else has been submitted
    since, nothing is approved.
    """
    with store.writing() as session:
        row, revision = submissions.bulletin(session, bulletin)
        submission = submissions.newest(session, bulletin)
        _check_approver(session, actor, revision, submission)
        check_transition(bulletin, row.state, BulletinState.APPROVED)
        approvable = approvable_of(session, submission, revision)
        if seen is not None and seen != approvable.sha256:
            raise InputError(
                "{bulletin} was submitted anew since you looked at it. Look at it and listen again.", bulletin=bulletin
            )
        row.state = BulletinState.APPROVED
        _decide(submission, BulletinState.APPROVED, actor, now)
        submission.approved_sha256 = approvable.sha256
        tell(session, Action.BULLETIN_APPROVED, row, actor, now, submission=submission.id, approved=approvable.sha256)
        return approvable.sha256


def reject(store: Store, bulletin: str, reason: str, actor: Actor, now: datetime) -> None:
    """Send a submitted bulletin back to its writer with a reason."""
    with store.writing() as session:
        row, revision = submissions.bulletin(session, bulletin)
        submission = submissions.newest(session, bulletin)
        _check_approver(session, actor, revision, submission)
        check_transition(bulletin, row.state, BulletinState.REJECTED)
        row.state = BulletinState.REJECTED
        _decide(submission, BulletinState.REJECTED, actor, now)
        submission.decision_reason = reason
        tell(session, Action.BULLETIN_REJECTED, row, actor, now, submission=submission.id, reason=reason)


def approvable_of(session: Session, submission: SubmissionRow, revision: RevisionRow) -> Approvable:
    """Exactly what is put before the approver. Raises InputError while a clip of it is not finished."""
    clips = submissions.clips(session, submission.id)
    waiting = [clip for clip in clips if clip.sha256 is None]
    if waiting:
        failed = next((clip.error for clip in waiting if clip.error), None)
        if failed:
            raise InputError(
                "A clip of {bulletin} could not be made: {error}", bulletin=submission.bulletin, error=failed
            )
        raise InputError(
            "{count} clips of {bulletin} are not rendered yet. Wait a moment, then approve it again.",
            count=len(waiting),
            bulletin=submission.bulletin,
        )
    return Approvable(
        bulletin=submission.bulletin,
        revision=submission.revision,
        revision_sha256=revision.sha256,
        readings={clip.key: "\n".join((clip.opening, clip.spoken, clip.closing)) for clip in clips},
        clips={clip.key: str(clip.sha256) for clip in clips},
        voices={clip.key: str(clip.voice) for clip in clips},
        template=submission.template,
        template_sha256=clips[0].template_sha256,
        communes=submissions.communes_of(session, submission.id),
        zones=tuple(submission.zones),
        valid_from=submission.valid_from,
        valid_until=submission.valid_until,
    )


def _check_approver(session: Session, actor: Actor, revision: RevisionRow, submission: SubmissionRow) -> None:
    actor.require(Role.APPROVER)
    if actor.person in {revision.author, submission.submitted_by}:
        raise NotAllowedError(
            "{person} wrote or submitted this bulletin; another person has to decide on it.", person=actor.person
        )
    communes = set(submissions.communes_of(session, submission.id))
    # A source vouches for its own words; what airs of them is still each commune's decision.
    if not actor.is_in(communes, Role.APPROVER) and not actor.is_of(revision.source, Role.APPROVER):
        outside = sorted(communes - actor.communes(Role.APPROVER))
        raise NotAllowedError(
            "{person} is not an approver of: {communes}.", person=actor.person, communes=", ".join(outside[:10])
        )


def _decide(submission: SubmissionRow, decision: BulletinState, actor: Actor, now: datetime) -> None:
    submission.decision = decision
    submission.decided_by = actor.person
    submission.decided_at = now
