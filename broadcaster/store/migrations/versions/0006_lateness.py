"""What becomes of an airing whose time has passed, by bulletin"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("revisions", sa.Column("late", sa.String(length=32), server_default="start", nullable=False))
    op.add_column("revisions", sa.Column("grace_s", sa.Double(), nullable=True))
    op.add_column("airings", sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("airings", sa.Column("postponed_from", sa.DateTime(timezone=True), nullable=True))
