"""A source sends a campaign to communes and ends it; what they answer lies in `campaign_answers`, how far it came in
`coverage`.

What reaches many communes is written in parts, each in a transaction of its own, so that no airing waits for it: a
commune has all of it or nothing, and what was broken off goes on when it is sent again.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Self

from pydantic import Field as Constraint
from pydantic import model_validator
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from broadcaster import strict_yaml
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.roles import EVERYWHERE, Actor, Role
from broadcaster.domain.timetable import local_dates
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services import campaign_schedules, emergencies
from broadcaster.services.campaign_sending import Sending, Sent
from broadcaster.services.emergency_rules import check, check_names
from broadcaster.services.exchange import Code, Name
from broadcaster.store import airings, campaigns, journal
from broadcaster.store.engine import Store, changed_rows
from broadcaster.store.journal import Action
from broadcaster.store.record_tables import CampaignAnswerRow, CampaignRow
from broadcaster.store.tables import CommuneRow
from broadcaster.strict_yaml import Strict, problem

SENDERS = (Role.EDITOR, Role.WRITER, Role.ADMINISTRATOR)
_AT_ONCE = 50

Progress = Callable[[int, int], None]


class CampaignEntry(Strict):
    """What a source wants aired where and when, and towards which target."""

    id: Code
    title: Name
    source: Name
    bulletins: list[Code] = Constraint(min_length=1, max_length=20)
    communes: list[Code] = Constraint(min_length=1)
    dtstart: date
    rrule: str = "FREQ=DAILY;COUNT=7"
    times_a_day: int = Constraint(1, ge=1, le=20)
    target_percent: int = Constraint(100, ge=1, le=100)
    target_airings: int = Constraint(1, ge=1, le=1000)
    target_date: date | None = None

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        for named in (self.bulletins, self.communes):
            if len(set(named)) < len(named):
                twice = next(item for item in named if named.count(item) > 1)
                raise problem("{name} stands in the campaign twice", name=twice)
        return self


def wished(values: Mapping[str, Any]) -> CampaignEntry:
    """A campaign from plain values. Raises InputError that says what is wrong with which."""
    entry: CampaignEntry = strict_yaml.Document(f"campaign {values.get('id')}", values, {}).validate(CampaignEntry)
    return entry


def send(
    store: Store,
    entry: CampaignEntry,
    actor: Actor,
    now: datetime,
    *,
    names: Sequence[str] = (),
    overrides_quiet: bool = False,
    progress: Progress = lambda *_: None,
) -> Sent:
    """Ask communes to air bulletins of a source: ordinary ones wait for their answer, priority ones land in the first
    slots of the day, emergencies wait for a person of the commune to confirm them.

    The same campaign sent again adds communes, and asks anew for emergencies that nobody confirmed in time. `names` are
    those of all the communes, typed out, where a bulletin is an emergency.
    """
    check_sender(entry.source, actor)
    with store.writing() as session:
        airings.hold_plans(session)
        is_new = _begin(session, entry, actor, now)
        campaign_schedules.hold(session, entry.id, entry.bulletins)
        _check(session, entry, names, now)
        if is_new:
            data = entry.model_dump(mode="json", exclude={"id"})
            _tell(session, Action.CAMPAIGN_SENT, entry.id, actor, now, data)
    sent = Sent()
    for start in range(0, len(entry.communes), _AT_ONCE):
        progress(start, len(entry.communes))
        with store.writing() as session:
            airings.hold_plans(session)
            campaign_schedules.hold(session, entry.id, entry.bulletins)
            row = campaigns.campaign(session, entry.id)
            _check_open(row)
            fit = {key: campaign_schedules.fit(session, key, (), now) for key in row.bulletins}
            sending = Sending(session, row, fit, actor, now, overrides_quiet, sent)
            sending.to(entry.communes[start : start + _AT_ONCE])
    progress(len(entry.communes), len(entry.communes))
    return sent


def end(store: Store, key: str, actor: Actor, now: datetime, *, withdraw: bool = False) -> int:
    """What no commune has adopted cannot be adopted any more; `withdraw` takes what they have out of their timetables.

    Returns how many schedules were taken out. An ended campaign can still be ended with `withdraw`.
    """
    with store.writing() as session:
        airings.hold_plans(session)
        row = campaigns.campaign(session, key)
        check_sender(row.source, actor)
        unended = update(CampaignRow).where(CampaignRow.id == key, CampaignRow.ended_at.is_(None))
        if changed_rows(session, unended.values(ended_by=actor.person, ended_at=now)) != 1 and not withdraw:
            raise InputError("The campaign {campaign} was ended already, by {person}.",
                             campaign=key, person=row.ended_by)  # fmt: skip
        _tell(session, Action.CAMPAIGN_ENDED, key, actor, now, {"withdraw": withdraw})
        asked = sorted({answer.commune for answer in campaigns.answers(session, key)})
    removed = 0
    for start in range(0, len(asked), _AT_ONCE):
        with store.writing() as session:
            airings.hold_plans(session)
            removed += _end_in(session, key, asked[start : start + _AT_ONCE], actor, now, withdraw=withdraw)
    return removed


def newest(session: Session, commune: str | None = None) -> list[CampaignRow]:
    """The campaigns, the newest first; those of one commune or all."""
    query = select(CampaignRow).order_by(CampaignRow.sent_at.desc(), CampaignRow.id)
    if commune is not None:
        sent_to = select(CampaignAnswerRow.campaign).where(CampaignAnswerRow.commune == commune)
        query = query.where(CampaignRow.id.in_(sent_to))
    return list(session.scalars(query))


def counts(session: Session, commune: str | None = None) -> dict[str, dict[str, int]]:
    """How many answers of each kind every campaign has; those of one commune or all."""
    of_kind = CampaignAnswerRow.campaign, CampaignAnswerRow.answer
    query = select(*of_kind, func.count()).group_by(*of_kind)
    if commune is not None:
        query = query.where(CampaignAnswerRow.commune == commune)
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for campaign, answer, count in session.execute(query):
        found[campaign][answer] = count
    return found


def check_sender(source: str, actor: Actor) -> None:
    """Raise NotAllowedError unless a person writes for this source, or is an administrator everywhere."""
    actor.require(*SENDERS)
    if not actor.is_of(source, *SENDERS) and EVERYWHERE not in actor.communes(Role.ADMINISTRATOR):
        raise NotAllowedError("{person} does not write for {source}.", person=actor.person, source=source)


def _check(session: Session, entry: CampaignEntry, names: Sequence[str], now: datetime) -> None:
    known = set(session.scalars(select(CommuneRow.code)))
    unknown = next((code for code in entry.communes if code not in known), None)
    if unknown is not None:
        raise InputError("There is no commune {commune}.", commune=unknown)
    yesterday = (now - timedelta(days=1)).date()  # whatever the zone, what lies before it is over
    if next(local_dates(entry.rrule, entry.dtstart, max(entry.dtstart, yesterday), date.max), None) is None:
        raise InputError("The rule {rule} yields no date from now on.", rule=entry.rrule)
    if entry.target_date is not None and entry.target_date < max(entry.dtstart, yesterday):
        raise InputError("The target's date {date} is over before anything airs.", date=entry.target_date)
    emergency = False
    for key in entry.bulletins:
        revision, submission = campaign_schedules.fit(session, key, entry.communes, now)
        if revision.source != entry.source:
            raise InputError("{bulletin} is not of {source}, but of {other}.",
                             bulletin=key, source=entry.source, other=revision.source or "-")  # fmt: skip
        if revision.expires_at is not None and revision.expires_at.date() < entry.dtstart:
            raise InputError("{bulletin} expires before the campaign begins.", bulletin=key)
        if revision.priority is Priority.EMERGENCY:
            check(session, submission, entry.communes, now)
            emergency = True
    if emergency:
        check_names(session, entry.communes, names)


def _begin(session: Session, entry: CampaignEntry, actor: Actor, now: datetime) -> bool:
    """Keep the campaign, or find it there just as it is; whether it is new."""
    values = entry.model_dump(exclude={"communes"})
    if campaigns.begin(session, **values, sent_by=actor.person, sent_at=now):
        return True
    row = campaigns.campaign(session, entry.id)
    _check_open(row)
    if any(getattr(row, name) != value for name, value in values.items()):
        raise InputError(
            "There is another campaign {campaign} already. Take another id: sent again, a campaign only adds communes.",
            campaign=entry.id,
        )
    return False


def _check_open(row: CampaignRow) -> None:
    if row.ended_at is not None:
        raise InputError("The campaign {campaign} was ended already, by {person}.",
                         campaign=row.id, person=row.ended_by)  # fmt: skip


def _end_in(session: Session, key: str, communes: Sequence[str], actor: Actor, now: datetime, *, withdraw: bool) -> int:
    """End a campaign in some communes, in one transaction."""
    campaigns.campaign(session, key)  # nobody answers meanwhile
    removed: dict[str, int] = dict.fromkeys(communes, 0)
    for (commune, _), found in emergencies.waiting(session, key, now).items():
        if commune in removed:
            emergencies.take_back(session, found, actor, now)
    for row in campaigns.answers(session, key, communes) if withdraw else ():
        removed[row.commune] += campaign_schedules.remove(session, row.schedule, actor, now)
        row.schedule = None
    for commune, count in removed.items():
        data = {"withdraw": withdraw, "removed": count}
        journal.append(
            session, chain=commune, action=Action.CAMPAIGN_ENDED, now=now, actor=actor, subject=key, data=data
        )
    return sum(removed.values())


def _tell(session: Session, action: Action, key: str, actor: Actor, now: datetime, data: Mapping[str, object]) -> None:
    """In the chain that concerns no commune alone."""
    journal.append(session, chain=journal.SYSTEM, action=action, now=now, actor=actor, subject=key, data=data)
