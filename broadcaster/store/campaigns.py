"""Queries about campaigns and what communes answer. An answer is a conditional UPDATE: of two at once, one is told."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broadcaster.domain.campaign import Answer
from broadcaster.domain.roles import Actor
from broadcaster.errors import InputError
from broadcaster.store import journal
from broadcaster.store.engine import changed_rows, is_added, is_writing
from broadcaster.store.journal import Action
from broadcaster.store.record_tables import CampaignAnswerRow, CampaignRow


def campaign(session: Session, key: str) -> CampaignRow:
    """A campaign; a writer keeps every other from sending or ending it. Raises InputError for an unknown id."""
    row = session.get(CampaignRow, key, with_for_update=is_writing(session))
    if row is None:
        raise InputError("There is no campaign {campaign}. See: broadcaster campaign list", campaign=key)
    return row


def begin(session: Session, **values: Any) -> bool:
    """Keep a new campaign, unless there is one of that id; whether it was kept."""
    return is_added(session, CampaignRow, values)


def answers(session: Session, key: str, communes: Collection[str] | None = None) -> list[CampaignAnswerRow]:
    """What communes answered, by commune and bulletin; `communes` names at most a few hundred, None all."""
    query = select(CampaignAnswerRow).where(CampaignAnswerRow.campaign == key)
    if communes is not None:
        query = query.where(CampaignAnswerRow.commune.in_(communes))
    return list(session.scalars(query.order_by(CampaignAnswerRow.commune, CampaignAnswerRow.bulletin)))


def give(
    session: Session,
    row: CampaignAnswerRow,
    answer: Answer,
    actor: Actor,
    now: datetime,
    *,
    schedule: str | None = None,
    reason: str = "",
) -> bool:
    """Answer, and journal it in the commune's chain, if nobody has answered since `row` was read; whether it was so."""
    before = row.answer
    unchanged = update(CampaignAnswerRow).where(
        CampaignAnswerRow.campaign == row.campaign,
        CampaignAnswerRow.commune == row.commune,
        CampaignAnswerRow.bulletin == row.bulletin,
        CampaignAnswerRow.answer == before,
        CampaignAnswerRow.answered_at.is_not_distinct_from(row.answered_at),
    )
    values = {"answer": answer, "schedule": schedule, "reason": reason}
    if changed_rows(session, unchanged.values(answered_by=actor.person, answered_at=now, **values)) != 1:
        return False
    journal.append(
        session, chain=row.commune, action=Action.CAMPAIGN_ANSWERED, now=now, actor=actor, subject=row.campaign,
        data={"bulletin": row.bulletin, "before": before, **values},
    )  # fmt: skip
    return True
