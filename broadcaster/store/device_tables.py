"""The tables of the loudspeakers that obey signed orders: who they are, what they said, what they were told."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from broadcaster.domain.loudspeaker import MessageKind, Trouble
from broadcaster.orders.payload import Command
from broadcaster.store.columns import Word
from broadcaster.store.tables import Row

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # only so does SQLite count by itself
_OPEN = text("cleared_at IS NULL")
_WAITING = text("unacknowledged IS NOT NULL")


class LoudspeakerRow(Row):
    """One loudspeaker of a station. It can log in and be heard once it has enrolled."""

    __tablename__ = "loudspeakers"
    commune: Mapped[str] = mapped_column(ForeignKey("communes.code"), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    station: Mapped[str] = mapped_column(ForeignKey("stations.code"), index=True)
    added_at: Mapped[datetime]
    enrol_code_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)  # None once it was used
    enrol_until: Mapped[datetime | None]
    enrolled_at: Mapped[datetime | None]
    public_key: Mapped[str | None] = mapped_column(String(100))  # what its messages are signed with, as it enrolled it
    password_hash: Mapped[str | None] = mapped_column(String(200))  # see `broker.passwords`
    is_online: Mapped[bool | None]  # None: not known, for instance since the broker was started again
    presence_at: Mapped[datetime | None] = mapped_column(index=True)  # when that was last told, or last asked anew
    seen_at: Mapped[datetime | None]  # when it last said how it is
    health: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # what it said then


class DeviceMessageRow(Row):
    """A signed message of a loudspeaker, kept before it is acknowledged, and until it was acted on and some days more.

    A loudspeaker that enrols anew has a new key, and may count from 1 again.
    """

    __tablename__ = "device_messages"
    __table_args__ = (UniqueConstraint("commune", "loudspeaker", "public_key", "seq"),)
    id: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    commune: Mapped[str] = mapped_column(String(64))
    loudspeaker: Mapped[str] = mapped_column(String(64))
    public_key: Mapped[str] = mapped_column(String(100))
    seq: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[MessageKind] = mapped_column(Word(MessageKind))
    envelope: Mapped[bytes]
    airing: Mapped[str | None] = mapped_column(String(26), index=True)
    received_at: Mapped[datetime]
    taken_at: Mapped[datetime | None] = mapped_column(index=True)


class OutboxRow(Row):
    """A signed order for one station, kept before it is sent, and for as long as a loudspeaker may ask for it."""

    __tablename__ = "outbox"
    __table_args__ = (UniqueConstraint("commune", "seq"), Index(None, "station", "valid_until"))
    id: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    commune: Mapped[str] = mapped_column(String(64))
    station: Mapped[str] = mapped_column(String(64))
    seq: Mapped[int] = mapped_column(BigInteger)
    cmd: Mapped[Command] = mapped_column(Word(Command))
    airing: Mapped[str | None] = mapped_column(String(26), index=True)  # None: everything
    envelope: Mapped[bytes]
    clip_sha256: Mapped[str | None] = mapped_column(String(64))
    valid_until: Mapped[datetime] = mapped_column(index=True)
    kept_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]  # taken back, replaced or released: nobody is sent it any more


class OrderNumberRow(Row):
    """The number of a commune's last order. It outlives the commune: a loudspeaker remembers it too."""

    __tablename__ = "order_numbers"
    commune: Mapped[str] = mapped_column(String(64), primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class HealthEventRow(Row):
    """A fault of a loudspeaker, from when it was noticed until it was gone. Of each kind one is open at a time."""

    __tablename__ = "health_events"
    __table_args__ = (
        Index(
            "uq_health_events_open", "commune", "loudspeaker", "trouble", unique=True, sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    commune: Mapped[str] = mapped_column(String(64))
    loudspeaker: Mapped[str] = mapped_column(String(64))
    trouble: Mapped[Trouble] = mapped_column(Word(Trouble))
    opened_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None] = mapped_column(index=True)
    detail: Mapped[str] = mapped_column(Text)


class DoorVisitRow(Row):
    """A loudspeaker's last visit at the door, which signs nothing: what the worker has to acknowledge, and has."""

    __tablename__ = "door_visits"
    __table_args__ = (
        Index("ix_door_visits_waiting", "commune", "loudspeaker", sqlite_where=_WAITING, postgresql_where=_WAITING),
    )
    commune: Mapped[str] = mapped_column(String(64), primary_key=True)
    loudspeaker: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime]
    unacknowledged: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    ack: Mapped[bytes | None]


class AdjustmentRow(Row):
    """A test tone or a volume that an operator has asked for; its id is the `airing` of the order and its reports."""

    __tablename__ = "adjustments"
    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    commune: Mapped[str] = mapped_column(String(64))
    loudspeaker: Mapped[str] = mapped_column(String(64))
    station: Mapped[str] = mapped_column(String(64))
    cmd: Mapped[Command] = mapped_column(Word(Command))
    volume: Mapped[int]
    asked_at: Mapped[datetime] = mapped_column(index=True)
    sent_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(Text)  # the last one: of the loudspeaker, or why it could not be asked
