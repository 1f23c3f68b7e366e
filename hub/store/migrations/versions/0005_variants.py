"""Prices and stock say of which variant of a product they speak."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    for table in ("price", "stock"):
        op.add_column(table, sa.Column("variant", sa.Text(), nullable=True))
