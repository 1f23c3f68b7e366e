"""Problems that a person must see, one open row per key, and the history of runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from hub.redaction import redact
from hub.store.bulk import mergeable
from hub.store.tables import audit, problem, run


def open_problem(connection: Connection, key: str, *, scope: str, title: str, hint: str, now: datetime) -> None:
    """Open a problem, or count it once more if it is open. `{id}` in the hint becomes the number it has for people."""
    told = redact(hint)[:500]
    values = {"title": redact(title)[:500], "hint": told, "last_at": now}
    statement = mergeable(connection, problem).values(key=key, scope=scope, count=1, first_at=now, **values)
    done = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["key"],
            index_where=problem.c.closed_at.is_(None),
            set_={**values, "count": problem.c.count + 1},
        ).returning(problem.c.id)
    )
    number = done.scalar_one()
    if "{id}" in told:
        named = told.replace("{id}", str(number))
        connection.execute(update(problem).where(problem.c.id == number).values(hint=named))


def close_problem(connection: Connection, key: str, now: datetime) -> None:
    """Close a problem that is over; a no-op when it is not open."""
    connection.execute(update(problem).where(problem.c.key == key, problem.c.closed_at.is_(None)).values(closed_at=now))


def open_problems(connection: Connection, scope: str = "") -> list[Any]:
    """Return the open problems, the newest first."""
    query = select(problem).where(problem.c.closed_at.is_(None)).order_by(problem.c.last_at.desc())
    return list(connection.execute(query.where(problem.c.scope == scope) if scope else query))


def start_run(connection: Connection, name: str, stream: str, now: datetime) -> int:
    """Note that a run began; return its id."""
    zero = dict.fromkeys(("read", "new", "changed", "unchanged", "deleted", "bad"), 0)
    done = connection.execute(run.insert().values(connection=name, stream=stream, started_at=now, error="", **zero))
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def finish_run(connection: Connection, run_id: int, counts: Any, now: datetime) -> None:
    """Note how a run ended."""
    connection.execute(
        update(run).where(run.c.id == run_id).values(
            finished_at=now, read=counts.read, new=counts.new, changed=counts.changed, unchanged=counts.unchanged,
            deleted=counts.deleted, bad=counts.bad, error=redact(counts.error or "")[:500],
        )
    )  # fmt: skip


def last_runs(connection: Connection) -> list[Any]:
    """Return the newest run of every stream."""
    newest: dict[tuple[str, str], Any] = {}
    for row in connection.execute(select(run).order_by(run.c.id.desc()).limit(1000)):
        newest.setdefault((row.connection, row.stream), row)
    return [newest[key] for key in sorted(newest)]


def note(connection: Connection, *, who: str, what: str, about: str, detail: str, now: datetime) -> None:
    """Add a row to the audit log."""
    connection.execute(audit.insert().values(at=now, who=who, what=what, object=about, detail=redact(detail)[:1000]))
