"""Files that came in letters are kept once; letters know whether they were answered and what their headers ask."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.types import Content, Flag

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and add the columns; records that are here already stay as they are."""
    op.create_table(
        "blob",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", Content, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blob")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.add_column("message", sa.Column("is_answered", Flag(), nullable=True))
    op.add_column("message", sa.Column("headers", sa.Text(), nullable=True))
