"""What waits for loudspeakers at the door, and what operators ask of them"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "door_visits",
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("loudspeaker", sa.String(length=64), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("unacknowledged", sa.JSON(), nullable=True),
        sa.Column("ack", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("commune", "loudspeaker", name=op.f("pk_door_visits")),
    )
    op.create_index(
        "ix_door_visits_waiting",
        "door_visits",
        ["commune", "loudspeaker"],
        sqlite_where=sa.text("unacknowledged IS NOT NULL"),
        postgresql_where=sa.text("unacknowledged IS NOT NULL"),
    )
    op.create_table(
        "adjustments",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("loudspeaker", sa.String(length=64), nullable=False),
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("cmd", sa.String(length=32), nullable=False),
        sa.Column("volume", sa.Integer(), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("sent_at", _MOMENT, nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustments")),
    )
    op.create_index(op.f("ix_adjustments_asked_at"), "adjustments", ["asked_at"])
