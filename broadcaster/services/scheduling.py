"""Making and changing one schedule: looked at before it is kept, and what does not fit is somebody's choice."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from broadcaster import strict_yaml
from broadcaster.config import Config
from broadcaster.domain.airing import AiringKey
from broadcaster.domain.bulletin import BulletinState, Priority
from broadcaster.domain.plan import Overflow
from broadcaster.domain.roles import Actor
from broadcaster.errors import InputError
from broadcaster.services.exchange import ScheduleEntry
from broadcaster.services.foresight import Choice, Foresight, Offer, Outlook, outlook
from broadcaster.services.keeping import Change
from broadcaster.services.permissions import KEEPERS
from broadcaster.services.schedules import (
    check,
    check_version,
    communes_of,
    entry_of,
    found,
    keep_schedule,
    remove_schedule,
)
from broadcaster.services.single_dates import check_ahead, check_dates
from broadcaster.store import airings, journal, submissions
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.store.tables import ScheduleRow

_DAYS = 14  # that are looked at before something is kept

Edit = Callable[[ScheduleEntry], ScheduleEntry]


class DoesNotFitError(InputError):
    """A schedule whose airings do not all fit into their slots, before anybody has chosen what becomes of them."""

    def __init__(
        self, message: str, /, *, entry: ScheduleEntry, foresight: Foresight, offers: Sequence[Offer], **values: object
    ) -> None:
        super().__init__(message, **values)
        self.entry = entry
        self.foresight = foresight
        self.offers = offers


@dataclass(frozen=True, slots=True)
class Kept:
    """A schedule as it was kept, and what it will have on air."""

    entry: ScheduleEntry
    change: Change
    foresight: Foresight


def foresee(
    session: Session, config: Config, entry: ScheduleEntry, now: datetime, days: int = _DAYS
) -> tuple[Foresight, list[Offer]]:
    """What a schedule would have on air, and the choices where not all fits. Raises InputError as keeping it would."""
    check(session, entry)
    _check_bulletin(session, entry)
    check_ahead(session, entry, now)
    return look(session, config, entry, now, days)


def look(
    session: Session, config: Config, entry: ScheduleEntry, now: datetime, days: int = _DAYS
) -> tuple[Foresight, list[Offer]]:
    """As `foresee`, of a schedule that is there already, whatever became of its bulletin."""
    return _seen(outlook(session, config, entry.communes, now, days, entry.id), entry)


def _seen(seen: Outlook, entry: ScheduleEntry) -> tuple[Foresight, list[Offer]]:
    foresight = seen.foresight(entry)
    return foresight, seen.offers(entry) if foresight.not_fitting else []


def add(
    store: Store, config: Config, entry: ScheduleEntry, actor: Actor, now: datetime, choice: Choice | None = None
) -> Kept:
    """A new schedule. Raises DoesNotFitError where not all fits and nobody has chosen."""
    actor.require_in(entry.communes, *KEEPERS)
    with store.writing() as session:
        airings.hold_plans(session)
        kept = session.get(ScheduleRow, entry.id)
        if kept is not None and kept.removed_at is None:
            raise InputError(
                "There is a schedule {schedule} already. Take another --id, or change that one.", schedule=entry.id
            )
        check(session, entry)
        _check_bulletin(session, entry)
        check_ahead(session, entry, now)
        seen = outlook(session, config, entry.communes, now, _DAYS, entry.id)
        return _keep(session, seen, entry, actor, choice, known=frozenset())


def change(
    store: Store,
    config: Config,
    schedule: str,
    edit: Edit,
    actor: Actor,
    now: datetime,
    *,
    version: int | None = None,
    choice: Choice | None = None,
) -> Kept:
    """Change a schedule; `version` is the one that the person looked at, so that nobody's change is overwritten."""
    with store.writing() as session:
        airings.hold_plans(session)
        row = found(session, schedule)
        check_version(row, version)
        before = entry_of(session, row)
        actor.require_in(before.communes, *KEEPERS)
        entry = written(edit(before).model_dump(mode="json", by_alias=True) | {"id": schedule})
        actor.require_in(entry.communes, *KEEPERS)
        check(session, entry)
        if entry.bulletin != before.bulletin or not set(entry.communes) <= set(before.communes):
            _check_bulletin(session, entry)  # else a date of what was withdrawn could not be skipped
        check_dates(session, before, entry, now)
        seen = outlook(session, config, entry.communes, now, _DAYS, entry.id)
        known = frozenset(airing.key for airing in seen.not_fitting(before))
        return _keep(session, seen, entry, actor, choice, known=known)


def remove(store: Store, schedule: str, actor: Actor, now: datetime, *, version: int | None = None) -> None:
    """Nothing of it airs any more; what has aired stays in the log."""
    with store.writing() as session:
        airings.hold_plans(session)
        row = found(session, schedule)
        check_version(row, version)
        actor.require_in(communes_of(session, schedule), *KEEPERS)
        _, revision = submissions.bulletin(session, row.bulletin)
        if row.campaign is not None and revision.priority is Priority.PRIORITY:
            raise InputError(
                "{schedule} airs a priority bulletin of the campaign {campaign}, which has to be aired. "
                "Give it other dates instead: broadcaster campaign move {campaign}",
                schedule=schedule, campaign=row.campaign,
            )  # fmt: skip
        remove_schedule(session, schedule, actor, now)


def written(values: dict[str, Any]) -> ScheduleEntry:
    """A schedule from plain values of the one schema. Raises InputError that says what is wrong with which."""
    entry: ScheduleEntry = strict_yaml.Document(f"schedule {values.get('id')}", values, {}).validate(ScheduleEntry)
    return entry


def _keep(
    session: Session, seen: Outlook, entry: ScheduleEntry, actor: Actor, choice: Choice | None,
    *, known: Collection[AiringKey],
) -> Kept:  # fmt: skip
    """`known` are the airings of which it was decided before that they may not fit."""
    foresight, offers = _seen(seen, entry)
    is_new = any(airing.key not in known for airing in foresight.not_fitting)
    if entry.overflow is not Overflow.SKIP or not is_new:
        return Kept(entry, keep_schedule(session, entry, actor, seen.now).change, foresight)
    offer = _chosen(entry, foresight, offers, choice)
    done = keep_schedule(session, offer.entry, actor, seen.now)
    data = {"choice": choice, "not_fitting": len(foresight.not_fitting), "still_not_fitting": offer.blocked}
    journal.append(
        session,
        chain=journal.SYSTEM,
        action=Action.OVERFLOW_CHOSEN,
        now=seen.now,
        actor=actor,
        subject=entry.id,
        data=data,
    )
    return Kept(offer.entry, done.change, seen.foresight(offer.entry))


def _chosen(entry: ScheduleEntry, foresight: Foresight, offers: Sequence[Offer], choice: Choice | None) -> Offer:
    """Raises DoesNotFitError where nobody has chosen, InputError where the choice would not help."""
    if choice is None:
        raise DoesNotFitError(
            "{schedule}: {count} of {all} airings in the next {days} days do not fit. Choose what becomes of them.",
            schedule=entry.id, count=len(foresight.not_fitting), all=len(foresight.airings), days=_DAYS,
            entry=entry, foresight=foresight, offers=offers,
        )  # fmt: skip
    chosen = next((offer for offer in offers if offer.choice is choice), None)
    if chosen is None:
        raise InputError(
            "{choice} would not help {schedule}. What would: {choices}.",
            choice=choice, schedule=entry.id, choices=", ".join(offer.choice for offer in offers),
        )  # fmt: skip
    return chosen


def _check_bulletin(session: Session, entry: ScheduleEntry) -> None:
    """Raise InputError unless the bulletin is approved for all these communes."""
    row, _ = submissions.bulletin(session, entry.bulletin)
    if row.state is not BulletinState.APPROVED:
        raise InputError(
            "Bulletin {bulletin} is {state}: nothing of it would air. Have it approved first.",
            bulletin=row.id, state=row.state,
        )  # fmt: skip
    permitted = submissions.communes_of(session, submissions.newest(session, entry.bulletin).id)
    outside = sorted(set(entry.communes) - set(permitted))
    if outside:
        raise InputError(
            "{bulletin} was not approved for: {communes}.", bulletin=row.id, communes=", ".join(outside[:10])
        )
