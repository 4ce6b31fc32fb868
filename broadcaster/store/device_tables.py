"""The tables of loudspeakers: who they are, what they said, what was signed for them, and what was wrong with them."""

import builtins
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from broadcaster.domain.loudspeaker import Trouble
from broadcaster.orders.device import Amplifier, Heard
from broadcaster.orders.payload import Command
from broadcaster.store.columns import Word
from broadcaster.store.tables import Row

_DEVICE = ("loudspeakers.commune", "loudspeakers.id")


class LoudspeakerRow(Row):
    """One loudspeaker. It is enrolled once it has a key of its own; what it said of itself last stands here too."""

    __tablename__ = "loudspeakers"
    commune: Mapped[str] = mapped_column(ForeignKey("communes.code"), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    station: Mapped[str] = mapped_column(ForeignKey("stations.code"), index=True)
    added_at: Mapped[datetime]
    code_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)  # of the code that enrols it, once
    code_until: Mapped[datetime | None]
    public_key: Mapped[str | None] = mapped_column(String(100))  # SubjectPublicKeyInfo in base64
    password_hash: Mapped[str | None] = mapped_column(String(200))
    enrolled_at: Mapped[datetime | None]
    is_online: Mapped[bool] = mapped_column(server_default=false())
    seen_at: Mapped[datetime | None]
    version: Mapped[str | None] = mapped_column(String(32))
    volume: Mapped[int | None]
    amplifier: Mapped[Amplifier | None] = mapped_column(Word(Amplifier))
    sound: Mapped[Heard | None] = mapped_column(Word(Heard))
    storage_free_mb: Mapped[int | None] = mapped_column(BigInteger)
    keys_version: Mapped[int | None]
    is_stopped: Mapped[bool] = mapped_column(server_default=false())
    playing: Mapped[str | None] = mapped_column(String(26))
    clock_offset_ms: Mapped[int | None] = mapped_column(BigInteger)
    temperature_c: Mapped[int | None]
    signal_dbm: Mapped[int | None]


class DeviceMessageRow(Row):
    """A signed report or hello, as it came: once each, however often it was sent."""

    __tablename__ = "device_messages"
    __table_args__ = (
        UniqueConstraint("commune", "loudspeaker", "key_sha256", "seq"),
        ForeignKeyConstraint(("commune", "loudspeaker"), _DEVICE, ondelete="CASCADE"),
        Index(None, "taken_at", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    commune: Mapped[str] = mapped_column(String(64))
    loudspeaker: Mapped[str] = mapped_column(String(64))
    key_sha256: Mapped[str] = mapped_column(String(64))  # of the key that signed it: a new one counts from 1 again
    seq: Mapped[int] = mapped_column(BigInteger)
    airing: Mapped[str | None] = mapped_column(String(26), index=True)
    envelope: Mapped[builtins.bytes]
    received_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]  # when it was acted on


class OutboxRow(Row):
    """A signed order, kept before it is sent: a loudspeaker that comes back is given what is still good."""

    __tablename__ = "outbox"
    __table_args__ = (UniqueConstraint("commune", "number"), Index(None, "station", "valid_until"))
    id: Mapped[int] = mapped_column(primary_key=True)
    commune: Mapped[str] = mapped_column(ForeignKey("communes.code"))
    station: Mapped[str] = mapped_column(ForeignKey("stations.code"))
    number: Mapped[int] = mapped_column(BigInteger)  # the order's `seq`
    cmd: Mapped[Command] = mapped_column(Word(Command))
    airing: Mapped[str | None] = mapped_column(String(26), index=True)
    clip_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    envelope: Mapped[builtins.bytes]
    kept_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class OrderNumberRow(Row):
    """The number of a commune's last order."""

    __tablename__ = "order_numbers"
    commune: Mapped[str] = mapped_column(ForeignKey("communes.code"), primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class HealthEventRow(Row):
    """Something that was wrong with a loudspeaker, from when until when; the history of its health."""

    __tablename__ = "health_events"
    __table_args__ = (
        ForeignKeyConstraint(("commune", "loudspeaker"), _DEVICE, ondelete="CASCADE"),
        Index(None, "commune", "loudspeaker", "opened_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    commune: Mapped[str] = mapped_column(String(64))
    loudspeaker: Mapped[str] = mapped_column(String(64))
    trouble: Mapped[Trouble] = mapped_column(Word(Trouble))
    detail: Mapped[str] = mapped_column(Text, default="")
    opened_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None] = mapped_column(index=True)
