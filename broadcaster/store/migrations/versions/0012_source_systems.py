"""Bulletins of source systems, and the airings that they are told of"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "source_links",
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answered_at", _MOMENT, nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("station", name=op.f("pk_source_links")),
    )
    op.create_table(
        "received_bulletins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("priority", sa.String(length=32), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("bulletin", sa.String(length=64), nullable=True),
        sa.Column("campaign", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_bulletins")),
        sa.UniqueConstraint("station", "source_key", name=op.f("uq_received_bulletins_station_source_key")),
    )
    op.create_index(op.f("ix_received_bulletins_commune"), "received_bulletins", ["commune"])
    op.create_index(op.f("ix_received_bulletins_bulletin"), "received_bulletins", ["bulletin"])
    op.create_index(op.f("ix_received_bulletins_state_due_at"), "received_bulletins", ["state", "due_at"])
    op.create_table(
        "source_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("airing", sa.String(length=26), nullable=False),
        sa.Column("cluster", sa.String(length=200), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("queued_at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT, nullable=True),
        sa.Column("sending_at", _MOMENT, nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent_at", _MOMENT, nullable=True),
        sa.Column("given_up_at", _MOMENT, nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_reports")),
        sa.UniqueConstraint("station", "airing", "cluster", name=op.f("uq_source_reports_station_airing_cluster")),
    )
    op.create_index(op.f("ix_source_reports_airing"), "source_reports", ["airing"])
    op.create_index(op.f("ix_source_reports_station_due_at"), "source_reports", ["station", "due_at"])
