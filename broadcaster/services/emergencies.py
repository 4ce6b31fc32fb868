"""Emergencies: one person asks, another confirms within ten minutes, and what was approved airs at once.

A drill goes the same way and reaches stations in test mode only, whatever else a commune has.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from ulid import ULID

from broadcaster.domain.airing import Phase
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.campaign import Answer
from broadcaster.domain.place import Mode, airing_mode
from broadcaster.domain.roles import Actor
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services.emergency_rules import ASKERS, CONFIRMERS, check, check_confirmer, check_names, source
from broadcaster.store import campaigns, journal, submissions
from broadcaster.store import communes as places
from broadcaster.store.engine import Store, changed_rows
from broadcaster.store.journal import Action
from broadcaster.store.record_tables import EmergencyRow
from broadcaster.store.tables import (
    AiringRow,
    ClipRow,
    CommuneRow,
    ScheduleCommuneRow,
    ScheduleRow,
    SubmissionRow,
)

CONFIRM_WITHIN = timedelta(minutes=10)
_SCHEDULE = "khan-cap-"
_WAITING = EmergencyRow.confirmed_at.is_(None) & EmergencyRow.withdrawn_at.is_(None)


def ask(
    store: Store,
    bulletin: str,
    communes: Sequence[str],
    names: Sequence[str],
    actor: Actor,
    now: datetime,
    *,
    overrides_quiet: bool = False,
    is_drill: bool = False,
) -> str:
    """Ask for an approved emergency bulletin to air at once; returns the id to confirm.

    `names` are the communes' names as the person typed them. Raises InputError where anything keeps it from airing.
    """
    with store.writing() as session:
        row, revision = submissions.bulletin(session, bulletin)
        submission = submissions.newest(session, bulletin)
        actor.require_in(communes, *ASKERS, source=revision.source)
        check_names(session, communes, names)
        check(session, submission, communes, now)
        if revision.priority is not Priority.EMERGENCY and not is_drill:
            raise InputError("{bulletin} is no emergency bulletin; put it into the timetable.", bulletin=row.id)
        return keep_asked(
            session, submission.id, communes, actor, now, overrides_quiet=overrides_quiet, is_drill=is_drill
        )


def keep_asked(
    session: Session,
    submission: str,
    communes: Sequence[str],
    actor: Actor,
    now: datetime,
    *,
    overrides_quiet: bool,
    is_drill: bool = False,
    campaign: str | None = None,
) -> str:
    """Write down what was asked for, once all of it was checked; returns the id to confirm."""
    found = EmergencyRow(
        id=str(ULID()),
        submission=submission,
        communes=sorted(set(communes)),
        overrides_quiet=overrides_quiet,
        is_drill=is_drill,
        asked_by=actor.person,
        asked_at=now,
        campaign=campaign,
    )
    session.add(found)
    session.flush()
    _tell(session, Action.EMERGENCY_ASKED, found, actor, now)
    return found.id


def confirm(
    store: Store, key: str, names: Sequence[str], actor: Actor, now: datetime, *, overrides_quiet: bool = False
) -> list[str]:
    """Put on air what another person asked for; returns the airings, which are due now.

    Raises InputError where it is too late, anything has changed since, or the two did not see the same override.
    """
    with store.writing() as session:
        found = _found(session, key)
        submission = session.get_one(SubmissionRow, found.submission)
        check_confirmer(session, found, submission, actor)
        if actor.person is None or actor.person == found.asked_by:
            raise NotAllowedError("{person} asked for this; another person has to confirm it.", person=actor.person)
        if found.withdrawn_at is not None:
            raise InputError(
                "The emergency {emergency} was withdrawn by {person}.", emergency=key, person=found.withdrawn_by
            )
        if now - found.asked_at > CONFIRM_WITHIN:
            raise InputError(
                "The emergency {emergency} was asked for more than ten minutes ago. Ask again.", emergency=key
            )
        if overrides_quiet != found.overrides_quiet:
            raise InputError(
                "The two of you must say the same about the quiet hours; asked was: {asked}.",
                asked="override" if found.overrides_quiet else "no override",
            )
        check_names(session, found.communes, names)
        check(session, submission, found.communes, now)
        unconfirmed = update(EmergencyRow).where(EmergencyRow.id == key, _WAITING)
        if changed_rows(session, unconfirmed.values(confirmed_by=actor.person, confirmed_at=now)) != 1:
            raise InputError("The emergency {emergency} was confirmed already.", emergency=key)
        session.refresh(found)
        airings = _put_on_air(session, found, submission, now)
        _tell(session, Action.EMERGENCY_CONFIRMED, found, actor, now)
        for row in campaigns.answers(session, found.campaign, found.communes) if found.campaign is not None else ():
            if row.bulletin == submission.bulletin:
                campaigns.give(session, row, Answer.ADOPTED, actor, now, schedule=_schedule(found))
        return airings


def correct(store: Store, key: str, bulletin: str, names: Sequence[str], actor: Actor, now: datetime) -> list[str]:
    """Silence a confirmed emergency and air a correction in its place, in one step; returns the airings.

    The correction was prepared: whoever approved it is the second of the two people, so it must be somebody else.
    """
    with store.writing() as session:
        found = session.get(EmergencyRow, key)
        if found is None or found.confirmed_at is None:
            raise InputError(
                "There is no confirmed emergency {emergency}. See: broadcaster emergency list", emergency=key
            )
        actor.require_in(found.communes, *CONFIRMERS)
        check_names(session, found.communes, names)
        submission = submissions.newest(session, bulletin)
        check(session, submission, found.communes, now)
        if actor.person is None or actor.person == submission.decided_by:
            raise NotAllowedError(
                "{person} approved the correction; another person has to air it.", person=actor.person
            )
        correction = EmergencyRow(
            id=str(ULID()),
            submission=submission.id,
            communes=found.communes,
            overrides_quiet=found.overrides_quiet,
            is_drill=found.is_drill,
            asked_by=actor.person,
            asked_at=now,
            confirmed_by=submission.decided_by,
            confirmed_at=now,
        )
        session.add(correction)
        session.flush()
        _tell(session, Action.EMERGENCY_CORRECTED, correction, actor, now, corrects=key)
        return _put_on_air(session, correction, submission, now)


def withdraw(store: Store, key: str, actor: Actor, now: datetime) -> None:
    """Take back what was asked for and not confirmed yet."""
    with store.writing() as session:
        found = _found(session, key)
        submission = session.get_one(SubmissionRow, found.submission)
        actor.require_in(found.communes, *ASKERS, source=source(session, submission))
        if not take_back(session, found, actor, now):
            raise InputError("The emergency {emergency} is not waiting any more. Stop it instead.", emergency=key)


def take_back(session: Session, found: EmergencyRow, actor: Actor, now: datetime) -> bool:
    """Withdraw what still waits for its second person; whether it still waited."""
    taken_back = update(EmergencyRow).where(EmergencyRow.id == found.id, _WAITING)
    if changed_rows(session, taken_back.values(withdrawn_by=actor.person, withdrawn_at=now)) != 1:
        return False
    _tell(session, Action.EMERGENCY_WITHDRAWN, found, actor, now)
    return True


def waiting(session: Session, campaign: str, now: datetime) -> dict[tuple[str, str], EmergencyRow]:
    """What a campaign asked for and can still be confirmed, by commune and bulletin."""
    asked = (
        select(EmergencyRow, SubmissionRow.bulletin)
        .join(SubmissionRow, SubmissionRow.id == EmergencyRow.submission)
        .where(EmergencyRow.campaign == campaign, _WAITING, EmergencyRow.asked_at >= now - CONFIRM_WITHIN)
    )
    return {(code, bulletin): row for row, bulletin in session.execute(asked) for code in row.communes}


def _found(session: Session, key: str) -> EmergencyRow:
    found = session.get(EmergencyRow, key)
    if found is None:
        raise InputError("There is no emergency {emergency}. See: broadcaster emergency list", emergency=key)
    return found


def newest(session: Session, limit: int = 50) -> list[EmergencyRow]:
    """What was asked for last, the newest first."""
    return list(session.scalars(select(EmergencyRow).order_by(EmergencyRow.id.desc()).limit(limit)))


def _put_on_air(session: Session, found: EmergencyRow, submission: SubmissionRow, now: datetime) -> list[str]:
    """One airing in each commune, due now, outside every plan."""
    schedule = ScheduleRow(
        id=_schedule(found),
        bulletin=submission.bulletin,
        version=1,
        slots=[],
        times=[],
        dtstart=now.date(),
        rrule="FREQ=DAILY;COUNT=1",
        exdates=[],
        moved=[],
        order=0,
        is_rehearsal=found.is_drill,
        is_emergency=True,
        campaign=found.campaign,
        created_at=now,
    )
    session.add(schedule)
    session.flush()
    clips = submissions.communes_of(session, submission.id)
    stations = places.stations(session, found.communes)
    made = []
    for code in found.communes:
        commune = session.get_one(CommuneRow, code)
        local = now.astimezone(ZoneInfo(commune.timezone))
        clip = session.get_one(ClipRow, clips[code])
        mode = Mode.TEST if found.is_drill else airing_mode(stations.get(code, []), is_rehearsal=False)
        airing = AiringRow(
            id=str(ULID()), schedule=schedule.id, commune=code, local_date=local.date(),
            place_in_day=f"{local:%H:%M:%S}", bulletin=submission.bulletin, revision=submission.revision,
            submission=submission.id, clip=clip.key, mode=mode, phase=Phase.PLANNED, due_at=now,
            ends_at=now + timedelta(milliseconds=clip.duration_ms or 0), repeats=1, gap_s=0.0,
            overrides_quiet=found.overrides_quiet,
        )  # fmt: skip
        session.add(airing)
        session.add(ScheduleCommuneRow(schedule=schedule.id, commune=code))
        made.append(airing.id)
    return made


def behind(session: Session, schedule: str) -> EmergencyRow:
    """What two people said of the airings of a schedule that was made for an emergency."""
    return session.get_one(EmergencyRow, schedule.removeprefix(_SCHEDULE).upper())


def _schedule(found: EmergencyRow) -> str:
    return f"{_SCHEDULE}{found.id.lower()}"


def _tell(session: Session, action: Action, found: EmergencyRow, actor: Actor, now: datetime, **more: object) -> None:
    """In the chain of every commune that it concerns."""
    for code in found.communes:
        journal.append(
            session,
            chain=code,
            action=action,
            now=now,
            actor=actor,
            subject=found.id,
            data={"submission": found.submission, "communes": found.communes, "drill": found.is_drill}
            | {"overrides_quiet": found.overrides_quiet, **more},
        )
