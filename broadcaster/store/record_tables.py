"""The tables of what people did beside the timetable, and of the journal of everything."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from broadcaster.domain.airing import Scope
from broadcaster.domain.campaign import Answer
from broadcaster.store.tables import Row


class StopRow(Row):
    """A stop, in force until somebody releases it."""

    __tablename__ = "stops"
    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    scope: Mapped[Scope]
    target: Mapped[str] = mapped_column(String(64))  # the airing's id or the commune's code; empty for everything
    zone: Mapped[str | None] = mapped_column(String(200))  # of the commune, where the stop reaches no further
    reason: Mapped[str] = mapped_column(Text)
    ordered_by: Mapped[str | None] = mapped_column(String(64))
    ordered_at: Mapped[datetime]
    released_by: Mapped[str | None] = mapped_column(String(64))
    released_at: Mapped[datetime | None] = mapped_column(index=True)


class EmergencyRow(Row):
    """What one person asked to air at once, and who confirmed it."""

    __tablename__ = "emergencies"
    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.id"))
    communes: Mapped[list[Any]]
    overrides_quiet: Mapped[bool]
    is_drill: Mapped[bool]
    asked_by: Mapped[str | None] = mapped_column(String(64))
    asked_at: Mapped[datetime]
    confirmed_by: Mapped[str | None] = mapped_column(String(64))
    confirmed_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(64))
    withdrawn_at: Mapped[datetime | None]
    campaign: Mapped[str | None] = mapped_column(String(64))  # the source's, whose asking counts as one of the two


class CampaignRow(Row):
    """Bulletins that a source asks communes to air, on which dates, and towards which target."""

    __tablename__ = "campaigns"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(200))
    bulletins: Mapped[list[Any]]  # ids, in their order
    dtstart: Mapped[date]
    rrule: Mapped[str] = mapped_column(Text)
    times_a_day: Mapped[int]
    target_percent: Mapped[int]  # of the communes
    target_airings: Mapped[int]  # of each bulletin in a commune
    target_date: Mapped[date | None]
    sent_by: Mapped[str | None] = mapped_column(String(64))
    sent_at: Mapped[datetime]
    ended_by: Mapped[str | None] = mapped_column(String(64))
    ended_at: Mapped[datetime | None]


class CampaignAnswerRow(Row):
    """What became of one bulletin of a campaign in one commune."""

    __tablename__ = "campaign_answers"
    campaign: Mapped[str] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    commune: Mapped[str] = mapped_column(ForeignKey("communes.code"), primary_key=True, index=True)
    bulletin: Mapped[str] = mapped_column(ForeignKey("bulletins.id"), primary_key=True)
    answer: Mapped[Answer]
    schedule: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    answered_by: Mapped[str | None] = mapped_column(String(64))
    answered_at: Mapped[datetime | None]


class ChainHeadRow(Row):
    """The newest entry of each chain; its row is what writers of one chain wait for."""

    __tablename__ = "chain_heads"
    chain: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))


class JournalRow(Row):
    """Append-only. `payload` is exactly what `hash` was made of; it holds the hash of the entry before."""

    __tablename__ = "journal"
    __table_args__ = (UniqueConstraint("chain", "seq"),)
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    chain: Mapped[str] = mapped_column(String(64))
    seq: Mapped[int]
    at: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64), index=True)
    payload: Mapped[bytes]
    hash: Mapped[str] = mapped_column(String(64))
