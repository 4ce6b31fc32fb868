"""What a commune answers to a campaign: it adopts a bulletin, airs it at times of its own, or declines and says why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from broadcaster.domain.bulletin import Priority
from broadcaster.domain.campaign import OPEN, Answer, check_answer
from broadcaster.domain.roles import Actor, Role
from broadcaster.errors import InputError
from broadcaster.services import campaign_schedules, emergencies
from broadcaster.services.campaign_schedules import Wished
from broadcaster.store import airings, campaigns, submissions
from broadcaster.store.engine import Store
from broadcaster.store.record_tables import CampaignAnswerRow, CampaignRow
from broadcaster.store.tables import CommuneRow, RevisionRow

ANSWERERS = (Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR)


def adopt(
    store: Store,
    campaign: str,
    commune: str,
    *,
    actor: Actor,
    now: datetime,
    bulletin: str | None = None,
    slots: Sequence[str] = (),
    changes: bool = False,
) -> dict[str, str]:
    """Air a bulletin on the dates that the source wished for, or all that nobody has answered for yet.

    In these slots, or in the first ones of the day. Returns the schedules by bulletin. `changes` answers anew what was
    answered already; else whoever answers second is told.
    """
    with store.writing() as session:
        airings.hold_plans(session)
        answering = _Answering.of(session, campaign, commune, actor, now)
        wanted = [bulletin] if bulletin is not None else answering.ordinary()
        if not wanted:
            raise InputError("{commune} has answered for every bulletin of {campaign}.",
                             commune=answering.commune.name, campaign=campaign)  # fmt: skip
        return {key: answering.air(key, Wished(slots=slots), Answer.ADOPTED, changes=changes) for key in wanted}


def move(
    store: Store,
    campaign: str,
    commune: str,
    bulletin: str,
    wished: Wished,
    *,
    actor: Actor,
    now: datetime,
    changes: bool = False,
) -> str:
    """Air a bulletin when the commune wants it; returns the schedule's id. `changes` as for `adopt`."""
    if wished == Wished():
        raise InputError("Say what is to be otherwise: the dates, the slots or the times.")
    with store.writing() as session:
        airings.hold_plans(session)
        answering = _Answering.of(session, campaign, commune, actor, now)
        return answering.air(bulletin, wished, Answer.MOVED, changes=changes)


def decline(
    store: Store,
    campaign: str,
    commune: str,
    bulletin: str,
    reason: str,
    *,
    actor: Actor,
    now: datetime,
    changes: bool = False,
) -> None:
    """Air a bulletin not, or not any more; the source reads why. `changes` as for `adopt`.

    Raises InputError for a priority bulletin: when it airs is the commune's choice, whether it airs is not.
    """
    if not reason.strip():
        raise InputError("Say why: the source reads it.")
    with store.writing() as session:
        airings.hold_plans(session)
        answering = _Answering.of(session, campaign, commune, actor, now)
        answering.decline(bulletin, reason.strip(), changes=changes)


@dataclass(frozen=True, slots=True)
class _Answering:
    """One commune's answers to one campaign, by bulletin, in one transaction."""

    session: Session
    campaign: CampaignRow
    commune: CommuneRow
    rows: Mapping[str, CampaignAnswerRow]
    actor: Actor
    now: datetime

    @classmethod
    def of(cls, session: Session, campaign: str, commune: str, actor: Actor, now: datetime) -> "_Answering":
        actor.require_in([commune], *ANSWERERS)
        row = campaigns.campaign(session, campaign)
        rows = {answer.bulletin: answer for answer in campaigns.answers(session, campaign, [commune])}
        if not rows:
            raise InputError("The campaign {campaign} was not sent to {commune}.", campaign=campaign, commune=commune)
        campaign_schedules.hold(session, campaign, row.bulletins)
        return cls(session, row, session.get_one(CommuneRow, commune), rows, actor, now)

    def ordinary(self) -> list[str]:
        """What waits for an answer and is no emergency."""
        asked = [key for key in self.campaign.bulletins if self.rows[key].answer is Answer.ASKED]
        return [key for key in asked if self._revision(key).priority is not Priority.EMERGENCY]

    def air(self, bulletin: str, wished: Wished, answer: Answer, *, changes: bool) -> str:
        row = self._row(bulletin, changes=changes)
        revision, _ = campaign_schedules.fit(self.session, bulletin, [self.commune.code], self.now)
        if revision.priority is Priority.EMERGENCY:
            raise InputError(
                "{bulletin} is an emergency; a person of the commune confirms it. See: broadcaster emergency list",
                bulletin=bulletin,
            )
        if answer is Answer.ADOPTED and revision.priority is Priority.PRIORITY:
            answer = Answer.LANDED  # as it would have by itself, had there been a slot
        check_answer(bulletin, row.answer, answer)
        if self.campaign.ended_at is not None and row.schedule is None:
            raise InputError("The campaign {campaign} was ended already, by {person}.",
                             campaign=self.campaign.id, person=self.campaign.ended_by)  # fmt: skip
        if not campaign_schedules.airs_from(self.campaign, wished, self.commune, self.now):
            raise InputError("All dates for {bulletin} are over. Give dates of your own: broadcaster campaign move",
                             bulletin=bulletin)  # fmt: skip
        schedule = campaign_schedules.keep(
            self.session, self.campaign, self.commune, bulletin, wished, actor=self.actor, now=self.now
        )
        self._give(row, answer, schedule=schedule)
        return schedule

    def decline(self, bulletin: str, reason: str, *, changes: bool) -> None:
        row = self._row(bulletin, changes=changes)
        priority = self._revision(bulletin).priority
        if priority is Priority.PRIORITY:
            raise InputError(
                "{bulletin} is a priority bulletin, which the commune has to air; when, is its choice. "
                "Move it: broadcaster campaign move",
                bulletin=bulletin,
            )
        if priority is Priority.EMERGENCY and row.answer is Answer.ADOPTED:
            raise InputError("{bulletin} was put on air already. See: broadcaster stop", bulletin=bulletin)
        check_answer(bulletin, row.answer, Answer.DECLINED)
        campaign_schedules.remove(self.session, row.schedule, self.actor, self.now)
        waiting = emergencies.waiting(self.session, self.campaign.id, self.now).get((self.commune.code, bulletin))
        if waiting is not None:
            emergencies.take_back(self.session, waiting, self.actor, self.now)
        self._give(row, Answer.DECLINED, reason=reason)

    def _row(self, bulletin: str, *, changes: bool) -> CampaignAnswerRow:
        row = self.rows.get(bulletin)
        if row is None:
            raise InputError("The campaign {campaign} has no bulletin {bulletin}. It has: {known}.",
                             campaign=self.campaign.id, bulletin=bulletin, known=", ".join(self.rows))  # fmt: skip
        if row.answer not in OPEN and not changes:
            raise self._answered(row)
        return row

    def _give(self, row: CampaignAnswerRow, answer: Answer, *, schedule: str | None = None, reason: str = "") -> None:
        if not campaigns.give(self.session, row, answer, self.actor, self.now, schedule=schedule, reason=reason):
            self.session.refresh(row)
            raise self._answered(row)

    def _answered(self, row: CampaignAnswerRow) -> InputError:
        return InputError(
            "{commune} has answered for {bulletin} already: {answer}, by {person}. To answer anew, add --change.",
            commune=self.commune.name, bulletin=row.bulletin, answer=row.answer, person=row.answered_by,
        )  # fmt: skip

    def _revision(self, bulletin: str) -> RevisionRow:
        return submissions.bulletin(self.session, bulletin)[1]
