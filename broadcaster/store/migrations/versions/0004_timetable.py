"""What a schedule says of single dates, repeats, holidays and a full slot; an airing keeps its own repeats"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("schedules", sa.Column("moved", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("schedules", sa.Column("on_holidays", sa.String(length=32), server_default="keep", nullable=False))
    op.add_column("schedules", sa.Column("overflow", sa.String(length=32), server_default="skip", nullable=False))
    for table in ("schedules", "airings"):
        op.add_column(table, sa.Column("repeats", sa.Integer(), server_default="1", nullable=False))
        op.add_column(table, sa.Column("gap_s", sa.Double(), server_default="0", nullable=False))
