"""Stops that latch, and emergencies that two people put on air"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schedules", sa.Column("is_emergency", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("airings", sa.Column("overrides_quiet", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "stops",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ordered_by", sa.String(length=64), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.String(length=64), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stops")),
    )
    op.create_index(op.f("ix_stops_released_at"), "stops", ["released_at"])
    op.create_table(
        "emergencies",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("submission", sa.String(length=26), nullable=False),
        sa.Column("communes", sa.JSON(), nullable=False),
        sa.Column("overrides_quiet", sa.Boolean(), nullable=False),
        sa.Column("is_drill", sa.Boolean(), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=64), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"], name=op.f("fk_emergencies_submission_submissions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergencies")),
    )
