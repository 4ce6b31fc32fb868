"""Zones of stations and schedules, who changed a schedule, what is taken back, and campaigns of sources"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("stations", "schedules"):
        op.add_column(table, sa.Column("zones", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("schedules", sa.Column("changed_by", sa.String(length=64), nullable=True))
    op.add_column("schedules", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("schedules", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("schedules", sa.Column("campaign", sa.String(length=64), nullable=True))
    op.add_column("airings", sa.Column("is_outdated", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("emergencies", sa.Column("campaign", sa.String(length=64), nullable=True))
    op.add_column("stops", sa.Column("zone", sa.String(length=200), nullable=True))
    op.create_index(op.f("ix_schedules_campaign"), "schedules", ["campaign"])
    op.create_table(
        "campaigns",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("bulletins", sa.JSON(), nullable=False),
        sa.Column("dtstart", sa.Date(), nullable=False),
        sa.Column("rrule", sa.Text(), nullable=False),
        sa.Column("times_a_day", sa.Integer(), nullable=False),
        sa.Column("target_percent", sa.Integer(), nullable=False),
        sa.Column("target_airings", sa.Integer(), nullable=False),
        sa.Column("target_date", sa.Date(), nullable=True),
        sa.Column("sent_by", sa.String(length=64), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    op.create_table(
        "campaign_answers",
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("commune", sa.String(length=64), nullable=False),
        sa.Column("bulletin", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.String(length=32), nullable=False),
        sa.Column("schedule", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.String(length=64), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["campaign"], ["campaigns.id"], name=op.f("fk_campaign_answers_campaign_campaigns")),
        sa.ForeignKeyConstraint(["commune"], ["communes.code"], name=op.f("fk_campaign_answers_commune_communes")),
        sa.ForeignKeyConstraint(["bulletin"], ["bulletins.id"], name=op.f("fk_campaign_answers_bulletin_bulletins")),
        sa.PrimaryKeyConstraint("campaign", "commune", "bulletin", name=op.f("pk_campaign_answers")),
    )
    op.create_index(op.f("ix_campaign_answers_commune"), "campaign_answers", ["commune"])
