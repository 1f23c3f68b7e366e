"""Reminders are evaluated part by part: which parts facts have touched, and when the others change by themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store.types import Instant, Number

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and the index by which the facts of one client are found."""
    occurrence = sa.text("type NOT LIKE '%.observed'")
    op.create_index(
        "ix_event_subject", "event", ["subject", "source"], sqlite_where=occurrence, postgresql_where=occurrence
    )
    op.add_column("reminder", sa.Column("part", sa.Text(), nullable=False, server_default=""))
    op.create_index(op.f("ix_reminder_part"), "reminder", ["part"])
    op.create_table(
        "touched",
        sa.Column("id", Number, autoincrement=True, nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touched")),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_table(
        "wake",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_wake")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_wake_at"), "wake", ["at"])
