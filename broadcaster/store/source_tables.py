"""The tables of what source systems gave to communes, and of the queue of airings that they are told of."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from broadcaster.domain.bulletin import Priority
from broadcaster.domain.source import ReceivedState
from broadcaster.store.columns import Word
from broadcaster.store.tables import Row


class SourceLinkRow(Row):
    """When a source system is asked next, and what came of it the last time."""

    __tablename__ = "source_links"
    station: Mapped[str] = mapped_column(String(64), primary_key=True)
    due_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(server_default="0")  # that failed, in a row
    answered_at: Mapped[datetime | None]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class ReceivedRow(Row):
    """A bulletin that a source system gave, once by its id there. To be taken in as long as it has a `due_at`."""

    __tablename__ = "received_bulletins"
    __table_args__ = (UniqueConstraint("station", "source_key"), Index(None, "state", "due_at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    station: Mapped[str] = mapped_column(String(64))
    commune: Mapped[str] = mapped_column(String(64), index=True)
    source_key: Mapped[str] = mapped_column(String(200))
    version: Mapped[int]  # grows with every change there
    sha256: Mapped[str] = mapped_column(String(64))
    message: Mapped[dict[str, Any]]  # as it came
    title: Mapped[str] = mapped_column(String(200))
    priority: Mapped[Priority | None]
    state: Mapped[ReceivedState] = mapped_column(Word(ReceivedState))
    received_at: Mapped[datetime]  # this version
    due_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    bulletin: Mapped[str | None] = mapped_column(String(64), index=True)  # what it became here
    campaign: Mapped[str | None] = mapped_column(String(64))  # by which it was offered


class SourceReportRow(Row):
    """What a source system is told of one airing and cluster, once. In the queue as long as it has a `due_at`."""

    __tablename__ = "source_reports"
    __table_args__ = (UniqueConstraint("station", "airing", "cluster"), Index(None, "station", "due_at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    station: Mapped[str] = mapped_column(String(64))
    commune: Mapped[str] = mapped_column(String(64))
    airing: Mapped[str] = mapped_column(String(26), index=True)
    cluster: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    queued_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    sending_at: Mapped[datetime | None]  # written before it is sent
    tries: Mapped[int] = mapped_column(server_default="0")
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
