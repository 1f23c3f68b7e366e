"""The history of runs, kept short: the newest of every stream, and everything of the last months."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from hub.store.tables import run

KEEP_RUNS = 100
"""So many runs of every stream are kept, however old they are."""
KEEP_RUNS_FOR = timedelta(days=90)
"""A run younger than this is kept, however many there are."""
MOST_AT_ONCE = 5000
"""So many are forgotten in one transaction, so that nobody waits long for the store."""


def old_runs(connection: Connection, now: datetime) -> list[int]:
    """Return the ids of runs to forget, the oldest first, not more than are forgotten at once."""
    newer = func.row_number().over(partition_by=(run.c.connection, run.c.stream), order_by=run.c.id.desc())
    ranked = select(run.c.id, run.c.started_at, newer.label("place")).subquery()
    query = select(ranked.c.id).where(ranked.c.place > KEEP_RUNS, ranked.c.started_at < now - KEEP_RUNS_FOR)
    return list(connection.execute(query.order_by(ranked.c.id).limit(MOST_AT_ONCE)).scalars())


def forget_runs(connection: Connection, ids: list[int]) -> None:
    """Remove these runs."""
    if ids:
        connection.execute(delete(run).where(run.c.id.between(ids[0], ids[-1]), run.c.id.in_(ids)))
