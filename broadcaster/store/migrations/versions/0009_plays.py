"""What each loudspeaker reported of each airing"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moments = ("accepted_at", "ready_at", "started_at", "ended_at")
    op.create_table(
        "plays",
        sa.Column("airing", sa.String(length=26), nullable=False),
        sa.Column("station", sa.String(length=64), nullable=False),
        sa.Column("loudspeaker", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in moments),
        sa.Column("position_s", sa.Double(), nullable=True),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=True),
        sa.Column("sound", sa.String(length=32), nullable=False),
        sa.Column("amplifier", sa.String(length=32), nullable=False),
        sa.Column("volume", sa.Integer(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["airing"], ["airings.id"], name=op.f("fk_plays_airing_airings")),
        sa.ForeignKeyConstraint(["station"], ["stations.code"], name=op.f("fk_plays_station_stations")),
        sa.PrimaryKeyConstraint("airing", "station", "loudspeaker", name=op.f("pk_plays")),
    )
