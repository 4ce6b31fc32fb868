"""The tables of alerts, and of the messages that tell of them: a queue, which outlives mail servers and restarts."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from broadcaster.domain.alert import AlertKind, Change, Channel
from broadcaster.store.columns import Word
from broadcaster.store.tables import Row


class AlertRow(Row):
    """Something that is wrong (`cleared_at` is None), or was. Its commune has no key: an alert outlives it."""

    __tablename__ = "alerts"
    __table_args__ = (Index(None, "is_opening_told"), Index(None, "is_clearing_told", "cleared_at"))
    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    commune: Mapped[str | None] = mapped_column(String(64), index=True)  # None: the whole server
    kind: Mapped[AlertKind] = mapped_column(Word(AlertKind))
    subject: Mapped[str] = mapped_column(String(200))  # what is wrong: a loudspeaker, a schedule, a component
    open_key: Mapped[str | None] = mapped_column(String(300), unique=True)  # kind, commune, subject; None once cleared
    opened_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    times: Mapped[int] = mapped_column(server_default="1")  # how often it came, with its predecessors that were damped
    template: Mapped[str] = mapped_column(Text)  # English, with named fields
    fields: Mapped[dict[str, Any]]
    is_opening_told: Mapped[bool] = mapped_column(server_default=false())  # its messages stand in the queue
    is_clearing_told: Mapped[bool] = mapped_column(server_default=false())


class AlertMessageRow(Row):
    """What one recipient is to be told of one alert. In the queue as long as it has a `due_at`."""

    __tablename__ = "alert_messages"
    __table_args__ = (UniqueConstraint("alert", "to", "change"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    alert: Mapped[str] = mapped_column(ForeignKey("alerts.id", ondelete="CASCADE"))
    channel: Mapped[Channel] = mapped_column(Word(Channel))
    to: Mapped[str] = mapped_column(String(500))
    change: Mapped[Change] = mapped_column(Word(Change))
    queued_at: Mapped[datetime]
    due_at: Mapped[datetime | None] = mapped_column(index=True)  # when it is (tried) next
    sending_at: Mapped[datetime | None]  # written before it is sent; see `services.alert_queue`
    tries: Mapped[int] = mapped_column(server_default="0")
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    error: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True)
    )  # of the last try, as `services.alerts.written` writes it
