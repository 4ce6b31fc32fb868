"""The tables of what people did beside the timetable, and of the journal of everything."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from broadcaster.domain.airing import Scope
from broadcaster.store.tables import Row


class StopRow(Row):
    """A stop, in force until somebody releases it."""

    __tablename__ = "stops"
    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    scope: Mapped[Scope]
    target: Mapped[str] = mapped_column(String(64))  # the airing's id or the commune's code; empty for everything
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
