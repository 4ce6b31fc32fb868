"""Loudspeakers, what they say, what they are told, and their faults"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "loudspeakers",
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("added_at", _MOMENT, nullable=False),
        sa.Column("enrol_code_sha256", sa.String(length=64), nullable=True),
        sa.Column("enrol_until", _MOMENT, nullable=True),
        sa.Column("enrolled_at", _MOMENT, nullable=True),
        sa.Column("public_key", sa.String(length=100), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("is_online", sa.Boolean(), nullable=True),
        sa.Column("presence_at", _MOMENT, nullable=True),
        sa.Column("seen_at", _MOMENT, nullable=True),
        sa.Column("health", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["commune"], ["communes.code"], name=op.f("fk_loudspeakers_commune_communes")),
        sa.ForeignKeyConstraint(["station"], ["stations.code"], name=op.f("fk_loudspeakers_station_stations")),
        sa.PrimaryKeyConstraint("commune", "id", name=op.f("pk_loudspeakers")),
        sa.UniqueConstraint("enrol_code_sha256", name=op.f("uq_loudspeakers_enrol_code_sha256")),
    )
    op.create_index(op.f("ix_loudspeakers_station"), "loudspeakers", ["station"])
    op.create_index(op.f("ix_loudspeakers_presence_at"), "loudspeakers", ["presence_at"])
    _messages()
    _orders()
    op.create_table(
        "health_events",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("loudspeaker", sa.String(length=64), nullable=False),
        sa.Column("trouble", sa.String(length=32), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("cleared_at", _MOMENT, nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_events")),
    )
    op.create_index(op.f("ix_health_events_cleared_at"), "health_events", ["cleared_at"])
    is_open = sa.text("cleared_at IS NULL")
    op.create_index(
        "uq_health_events_open",
        "health_events",
        ["commune", "loudspeaker", "trouble"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def _messages() -> None:
    op.create_table(
        "device_messages",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("loudspeaker", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.String(length=100), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("airing", sa.String(length=26), nullable=True),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("taken_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_messages")),
        sa.UniqueConstraint(
            "commune",
            "loudspeaker",
            "public_key",
            "seq",
            name=op.f("uq_device_messages_commune_loudspeaker_public_key_seq"),
        ),
    )
    op.create_index(op.f("ix_device_messages_airing"), "device_messages", ["airing"])
    op.create_index(op.f("ix_device_messages_taken_at"), "device_messages", ["taken_at"])


def _orders() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("cmd", sa.String(length=32), nullable=False),
        sa.Column("airing", sa.String(length=26), nullable=True),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("clip_sha256", sa.String(length=64), nullable=True),
        sa.Column("valid_until", _MOMENT, nullable=False),
        sa.Column("kept_at", _MOMENT, nullable=False),
        sa.Column("withdrawn_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("commune", "seq", name=op.f("uq_outbox_commune_seq")),
    )
    for columns in (["airing"], ["valid_until"], ["station", "valid_until"]):
        op.create_index(op.f(f"ix_outbox_{'_'.join(columns)}"), "outbox", columns)
    op.create_table(
        "order_numbers",
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("commune", name=op.f("pk_order_numbers")),
    )
