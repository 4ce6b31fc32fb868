"""What one can do with a bulletin: revise, submit, withdraw; and its expiry. Deciding on it lies in `approvals`."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session
from ulid import ULID

from broadcaster.config import Config
from broadcaster.domain.bulletin import (
    BulletinState,
    Placeholder,
    RevisionText,
    check_transition,
    placeholders,
    resolve,
)
from broadcaster.domain.place import Mode
from broadcaster.domain.roles import Actor, Role
from broadcaster.errors import InputError
from broadcaster.reading import Dictionary
from broadcaster.services import rendering
from broadcaster.services.dictionary import dictionaries
from broadcaster.services.permissions import WRITERS
from broadcaster.services.rendering import Studio
from broadcaster.services.storage import Storage
from broadcaster.store import communes as places
from broadcaster.store import journal, submissions
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.tables import (
    BulletinRow,
    ClipRow,
    CommuneRow,
    RevisionRow,
    SubmissionClipRow,
    SubmissionRow,
)

Progress = Callable[[int, int], None]

_SUBMITTERS = (Role.WRITER, Role.EDITOR, Role.ADMINISTRATOR)


def revise(session: Session, bulletin: str, text: RevisionText, author: str | None, actor: Actor, now: datetime) -> int:
    """Write a new revision, which starts over as a draft. Returns its number; an equal text changes nothing.

    Whoever writes for a source changes no other source's words, and does not take them over.
    """
    row = session.get(BulletinRow, bulletin, with_for_update=True)  # nobody may approve it meanwhile
    sources = {text.source}
    if row is None:
        row = BulletinRow(id=bulletin, state=BulletinState.DRAFT, revision=0, author=author, created_at=now)
        session.add(row)
        session.flush()
    else:
        before = session.get_one(RevisionRow, (bulletin, row.revision))
        if before.sha256 == text.sha256:
            return row.revision
        sources.add(before.source)
    actor.require_source(sources, *WRITERS)
    check_transition(bulletin, row.state, BulletinState.DRAFT)
    row.revision += 1
    row.state = BulletinState.DRAFT
    session.add(
        RevisionRow(
            bulletin=bulletin,
            number=row.revision,
            title=text.title,
            language=text.language,
            field=text.field,
            priority=text.priority,
            source=text.source,
            text=text.text,
            expires_at=text.expires_at,
            template=text.template,
            voice=text.voice,
            late=text.late,
            grace_s=text.grace_s,
            author=author,
            created_at=now,
            sha256=text.sha256,
        )
    )
    tell(session, Action.BULLETIN_REVISED, row, actor, now, sha256=text.sha256)
    return row.revision


@dataclass(frozen=True, slots=True)
class Permission:
    """Where and when a submitted bulletin may air; None means everywhere, and as long as the settings allow."""

    communes: Sequence[str] | None = None
    zones: Sequence[str] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """The way of a bulletin from draft to approved."""

    store: Store
    studio: Studio
    storage: Storage
    config: Config

    def submit(self, bulletin: str, actor: Actor, now: datetime, permission: Permission | None = None) -> str:
        """Put the newest revision before an approver: placeholders resolved, readings made, clips listed.

        Returns the submission's id; `render` makes its clips. Raises InputError where anything cannot be said.
        """
        permission = permission or Permission()
        self.storage.ensure_room()
        with self.store.writing() as session:
            row, revision = submissions.bulletin(session, bulletin)
            communes = [commune.code for commune in _communes(session, permission.communes)]
            actor.require_source([revision.source], *_SUBMITTERS)
            actor.require_in(communes, *_SUBMITTERS, source=revision.source)
            check_transition(bulletin, row.state, BulletinState.SUBMITTED)
            if revision.expires_at is not None and revision.expires_at <= now:
                raise InputError("Bulletin {bulletin} has expired. Give it a later expiry.", bulletin=bulletin)
            until = permission.valid_until or now + timedelta(days=self.config.bulletins.approval_days)
            submission = SubmissionRow(
                id=str(ULID()),
                bulletin=bulletin,
                revision=revision.number,
                template=revision.template or self.config.audio.templates[revision.priority],
                voices=list(self.studio.order(revision.language, revision.voice)),
                zones=sorted(permission.zones),
                valid_from=permission.valid_from or now,
                valid_until=min(until, revision.expires_at) if revision.expires_at else until,
                uses_sample_fact=False,
                submitted_by=actor.person,
                submitted_at=now,
            )
            if submission.valid_from >= submission.valid_until:
                raise InputError("The approval would end before it begins.")
            session.add(submission)
            session.flush()
            self._list_clips(session, submission, revision, permission.communes, now)
            row.state = BulletinState.SUBMITTED
            tell(session, Action.BULLETIN_SUBMITTED, row, actor, now, submission=submission.id)
            return submission.id

    def render(self, bulletin: str, actor: Actor, now: datetime, progress: Progress = lambda *_: None) -> int:
        """Render the clips of the newest submission that are not finished; returns how many were made.

        `progress` is told how many of how many are done.
        """
        with self.store.reading() as session:
            submitted = submissions.newest(session, bulletin)
            waiting = [clip.key for clip in submissions.clips(session, submitted.id) if clip.sha256 is None]
        progress(0, len(waiting))
        with ThreadPoolExecutor(self.studio.children.count) as threads:
            jobs = [threads.submit(rendering.render, self.store, self.studio, clip, actor, now) for clip in waiting]
            for done, job in enumerate(as_completed(jobs), start=1):
                job.result()
                progress(done, len(waiting))
        return len(waiting)

    def withdraw(self, bulletin: str, reason: str, actor: Actor, now: datetime) -> None:
        """Take a bulletin back; what is planned of it is cancelled when the plan is made next."""
        with self.store.writing() as session:
            row, revision = submissions.bulletin(session, bulletin)
            found = submissions.latest(session, bulletin)
            communes = submissions.communes_of(session, found.id) if found else ()
            roles = (Role.WRITER, Role.EDITOR, Role.APPROVER, Role.OPERATOR, Role.ADMINISTRATOR)
            actor.require_in(communes, *roles, source=revision.source)
            check_transition(bulletin, row.state, BulletinState.WITHDRAWN)
            row.state = BulletinState.WITHDRAWN
            tell(session, Action.BULLETIN_WITHDRAWN, row, actor, now, reason=reason)

    def _list_clips(
        self,
        session: Session,
        submission: SubmissionRow,
        revision: RevisionRow,
        wanted: Sequence[str] | None,
        now: datetime,
    ) -> None:
        used = placeholders(revision.text) | self.studio.filled(submission.template, revision.language)
        communes = _communes(session, wanted)
        values: dict[Placeholder, str] = {}
        if Placeholder.HOTLINE in used:
            values[Placeholder.HOTLINE], submission.uses_sample_fact = _hotline(session, communes)
        known = dictionaries(session, revision.source, [commune.code for commune in communes])
        made: dict[tuple[str, Dictionary], ClipRow] = {}
        for commune in communes:
            values[Placeholder.COMMUNE] = commune.name
            sound = commune.name if Placeholder.COMMUNE in used else "", known[commune.code]
            if sound not in made:
                text = resolve(revision.text, values)
                script = self.studio.script(
                    text, revision.language, submission.template, submission.voices, sound[1], values=values
                )
                made[sound] = rendering.put_on_list(session, script, now)
                made[sound].error = None  # a new submission is a new try
            session.add(SubmissionClipRow(submission=submission.id, commune=commune.code, clip=made[sound].key))


def expire(store: Store, actor: Actor, now: datetime) -> int:
    """Mark every bulletin whose newest revision has expired; returns how many."""
    open_states = (BulletinState.DRAFT, BulletinState.SUBMITTED, BulletinState.APPROVED)
    expired = (
        select(BulletinRow)
        .join(RevisionRow, (RevisionRow.bulletin == BulletinRow.id) & (RevisionRow.number == BulletinRow.revision))
        .where(RevisionRow.expires_at <= now, BulletinRow.state.in_(open_states))
    )
    with store.reading() as session:
        if session.scalars(expired).first() is None:
            return 0
    with store.writing() as session:
        rows = list(session.scalars(expired.with_for_update(of=BulletinRow)))
        for row in rows:
            row.state = BulletinState.EXPIRED
            tell(session, Action.BULLETIN_EXPIRED, row, actor, now)
        return len(rows)


def _communes(session: Session, wanted: Sequence[str] | None) -> list[CommuneRow]:
    rows = {row.code: row for row in session.scalars(select(CommuneRow).order_by(CommuneRow.code))}
    unknown = sorted(set(wanted or ()) - set(rows))
    if unknown:
        raise InputError("There is no commune {commune}. Known: {known}.", commune=unknown[0], known=", ".join(rows))
    if wanted is not None and not wanted:
        raise InputError("Name at least one commune.")
    if not rows:
        raise InputError("There is no commune yet. Import communes first: broadcaster import communes.yaml")
    return [row for row in rows.values() if wanted is None or row.code in wanted]


def _hotline(session: Session, communes: Sequence[CommuneRow]) -> tuple[str, bool]:
    """The number to speak, and whether it is a sample that no live station may speak."""
    fact = places.fact(session, Placeholder.HOTLINE)
    if fact is None:
        raise InputError(
            "{hotline} has no verified fact. Import one with verified_on and verified_by.", hotline="{hotline}"
        )
    if fact.sample:
        stations = places.stations(session, [commune.code for commune in communes])
        live = [s.code for found in stations.values() for s in found if s.mode is Mode.LIVE]
        if live:
            raise InputError(
                "The hotline {value} is a sample, which only stations in test mode may speak; live: {stations}. "
                "Verify the number and import it with verified_on.",
                value=fact.value,
                stations=", ".join(live[:10]),
            )
    return fact.value, fact.sample


def tell(session: Session, action: Action, row: BulletinRow, actor: Actor, now: datetime, **data: object) -> None:
    """Journal what happened to a bulletin."""
    journal.append(
        session,
        chain=journal.SYSTEM,
        action=action,
        now=now,
        actor=actor,
        subject=row.id,
        data={"revision": row.revision, "state": row.state, **data},
    )
