"""Loudspeakers, their messages and health, the orders signed for them, and what they played"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def _device(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["commune", "loudspeaker"],
        ["loudspeakers.commune", "loudspeakers.id"],
        name=op.f(f"fk_{table}_commune_loudspeakers"),
        ondelete="CASCADE",
    )


def upgrade() -> None:
    _loudspeakers()
    _messages()
    _orders()
    _plays()


def _loudspeakers() -> None:
    op.create_table(
        "loudspeakers",
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("added_at", _MOMENT, nullable=False),
        sa.Column("code_sha256", sa.String(length=64), nullable=True),
        sa.Column("code_until", _MOMENT, nullable=True),
        sa.Column("public_key", sa.String(length=100), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("enrolled_at", _MOMENT, nullable=True),
        sa.Column("is_online", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=True),
        sa.Column("version", sa.String(length=32), nullable=True),
        sa.Column("volume", sa.Integer(), nullable=True),
        sa.Column("amplifier", sa.String(length=32), nullable=True),
        sa.Column("sound", sa.String(length=32), nullable=True),
        sa.Column("storage_free_mb", sa.BigInteger(), nullable=True),
        sa.Column("keys_version", sa.Integer(), nullable=True),
        sa.Column("is_stopped", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("playing", sa.String(length=26), nullable=True),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=True),
        sa.Column("temperature_c", sa.Integer(), nullable=True),
        sa.Column("signal_dbm", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["commune"], ["communes.code"], name=op.f("fk_loudspeakers_commune_communes")),
        sa.ForeignKeyConstraint(["station"], ["stations.code"], name=op.f("fk_loudspeakers_station_stations")),
        sa.PrimaryKeyConstraint("commune", "id", name=op.f("pk_loudspeakers")),
        sa.UniqueConstraint("code_sha256", name=op.f("uq_loudspeakers_code_sha256")),
    )
    op.create_index(op.f("ix_loudspeakers_station"), "loudspeakers", ["station"])
    op.create_table(
        "health_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("loudspeaker", sa.String(length=64), nullable=False),
        sa.Column("trouble", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("cleared_at", _MOMENT, nullable=True),
        _device("health_events"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_events")),
    )
    columns = ["commune", "loudspeaker", "opened_at"]
    op.create_index(op.f("ix_health_events_commune_loudspeaker_opened_at"), "health_events", columns)
    op.create_index(op.f("ix_health_events_cleared_at"), "health_events", ["cleared_at"])


def _messages() -> None:
    op.create_table(
        "device_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("loudspeaker", sa.String(length=64), nullable=False),
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("airing", sa.String(length=26), nullable=True),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("taken_at", _MOMENT, nullable=True),
        _device("device_messages"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_messages")),
        sa.UniqueConstraint(
            "commune", "loudspeaker", "key_sha256", "seq",
            name=op.f("uq_device_messages_commune_loudspeaker_key_sha256_seq"),
        ),
    )  # fmt: skip
    op.create_index(op.f("ix_device_messages_taken_at_id"), "device_messages", ["taken_at", "id"])
    op.create_index(op.f("ix_device_messages_airing"), "device_messages", ["airing"])


def _orders() -> None:
    op.create_table(
        "order_numbers",
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["commune"], ["communes.code"], name=op.f("fk_order_numbers_commune_communes")),
        sa.PrimaryKeyConstraint("commune", name=op.f("pk_order_numbers")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("cmd", sa.String(length=32), nullable=False),
        sa.Column("airing", sa.String(length=26), nullable=True),
        sa.Column("clip_sha256", sa.String(length=64), nullable=True),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", _MOMENT, nullable=False),
        sa.Column("valid_until", _MOMENT, nullable=False),
        sa.Column("withdrawn_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["commune"], ["communes.code"], name=op.f("fk_outbox_commune_communes")),
        sa.ForeignKeyConstraint(["station"], ["stations.code"], name=op.f("fk_outbox_station_stations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("commune", "number", name=op.f("uq_outbox_commune_number")),
    )
    op.create_index(op.f("ix_outbox_station_valid_until"), "outbox", ["station", "valid_until"])
    op.create_index(op.f("ix_outbox_airing"), "outbox", ["airing"])
    op.create_index(op.f("ix_outbox_clip_sha256"), "outbox", ["clip_sha256"])


def _plays() -> None:
    moments = ("accepted_at", "ready_at", "started_at", "ended_at")
    op.create_table(
        "plays",
        sa.Column("airing", sa.String(length=26), nullable=False),
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("loudspeaker", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        *(sa.Column(name, _MOMENT, nullable=True) for name in moments),
        sa.Column("position_s", sa.Double(), nullable=True),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=True),
        sa.Column("sound", sa.String(length=32), nullable=False),
        sa.Column("amplifier", sa.String(length=32), nullable=False),
        sa.Column("volume", sa.Integer(), nullable=True),
        sa.Column("reported_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["airing"], ["airings.id"], name=op.f("fk_plays_airing_airings")),
        sa.ForeignKeyConstraint(["station"], ["stations.code"], name=op.f("fk_plays_station_stations")),
        sa.PrimaryKeyConstraint("airing", "station", "loudspeaker", name=op.f("pk_plays")),
    )
