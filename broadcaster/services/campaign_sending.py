"""Sending a campaign to some communes, in one transaction: each has an answer for every bulletin afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.bulletin import Priority
from broadcaster.domain.campaign import NO_SLOTS, Answer
from broadcaster.domain.roles import Actor
from broadcaster.services import campaign_schedules, emergencies
from broadcaster.services.campaign_schedules import Wished
from broadcaster.store import campaigns, journal
from broadcaster.store.journal import Action
from broadcaster.store.record_tables import CampaignAnswerRow, CampaignRow
from broadcaster.store.tables import CommuneRow, RevisionRow, SubmissionRow


@dataclass(slots=True)
class Sent:
    """What a sending did: how many communes are new, what landed, and the emergencies that wait, by their id."""

    communes: int = 0
    asked: int = 0
    landed: int = 0
    without_slots: list[str] = field(default_factory=list)
    emergencies: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sending:
    """`fit` has each bulletin with its newest revision and approval, in their order; `sent` is added to."""

    session: Session
    campaign: CampaignRow
    fit: Mapping[str, tuple[RevisionRow, SubmissionRow]]
    actor: Actor
    now: datetime
    overrides_quiet: bool
    sent: Sent

    def to(self, codes: Sequence[str]) -> None:
        """Communes that have it already are left alone, but for emergencies that nobody confirmed in time."""
        known = {(row.commune, row.bulletin): row for row in campaigns.answers(self.session, self.campaign.id, codes)}
        waiting = emergencies.waiting(self.session, self.campaign.id, self.now)
        communes = {row.code: row for row in self.session.scalars(select(CommuneRow).where(CommuneRow.code.in_(codes)))}
        for code in codes:
            rows = [known.get((code, key)) for key in self.fit]
            if None in rows:
                rows = list(self._new(communes[code]))
                self._tell(code, rows)
            for row in rows:
                if row is not None and self._is_to_be_asked(row) and (code, row.bulletin) not in waiting:
                    self._ask(row)

    def _new(self, commune: CommuneRow) -> Iterator[CampaignAnswerRow]:
        self.sent.communes += 1
        for key, (revision, _) in self.fit.items():
            row = CampaignAnswerRow(
                campaign=self.campaign.id, commune=commune.code, bulletin=key, answer=Answer.ASKED, reason=""
            )
            if campaign_schedules.is_priority(revision):
                self._land(commune, row)
            self.sent.asked += row.answer is Answer.ASKED
            self.session.add(row)
            yield row

    def _land(self, commune: CommuneRow, row: CampaignAnswerRow) -> None:
        if not campaign_schedules.first_slots(commune, 1):
            row.reason = NO_SLOTS
            self.sent.without_slots.append(commune.code)
            return
        row.schedule = campaign_schedules.keep(
            self.session, self.campaign, commune, row.bulletin, Wished(), actor=self.actor, now=self.now
        )
        row.answer = Answer.LANDED
        self.sent.landed += 1

    def _is_to_be_asked(self, row: CampaignAnswerRow) -> bool:
        return self.fit[row.bulletin][0].priority is Priority.EMERGENCY and row.answer is Answer.ASKED

    def _ask(self, row: CampaignAnswerRow) -> None:
        key = emergencies.keep_asked(
            self.session, self.fit[row.bulletin][1].id, [row.commune], self.actor, self.now,
            overrides_quiet=self.overrides_quiet, campaign=self.campaign.id,
        )  # fmt: skip
        self.sent.emergencies[key] = row.commune

    def _tell(self, commune: str, rows: Sequence[CampaignAnswerRow | None]) -> None:
        answers = {row.bulletin: {"answer": row.answer, "schedule": row.schedule} for row in rows if row is not None}
        data = {"source": self.campaign.source, "title": self.campaign.title, "answers": answers}
        journal.append(
            self.session, chain=commune, action=Action.CAMPAIGN_SENT, now=self.now, actor=self.actor,
            subject=self.campaign.id, data=data,
        )  # fmt: skip
