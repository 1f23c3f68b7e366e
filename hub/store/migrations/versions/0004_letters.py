"""Letters know their conversation and whom they did not reach; surveys and complaints may come from a mailbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    for table, name in (
        ("message", "thread"), ("message", "bounces"), ("survey", "author_email"), ("complaint", "author_email"),
    ):  # fmt: skip
        op.add_column(table, sa.Column(name, sa.Text(), nullable=True))
