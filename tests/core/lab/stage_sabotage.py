"""The hub broken on purpose, one way for each stage; the kill runner must notice every one of them.

cursor-first     read: the cursor is committed before its batch
batch-first      read: the batch is committed before its cursor, and what was stored before is not recognised
records-first    normalise: records are committed as understood before what they mean
log-first        project: events are committed before the state that follows from them
settled-first    remind: what was touched is forgotten before the reminders are kept
number-first     document: a number is committed before the document that bears it
tables-first     migrate: the first tables are committed before the others
hoarding         read: all batches are taken before the first is stored
copy-in-place    backup: a copy grows under its final name, that of the backup and that of the restored store

Each has the point `torn` right behind what it commits too early: there the kill runner strikes, so that no control
depends on luck.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, event

import hub.cli.db
import hub.store.database
import hub.sync
from hub import ingest, projection, remind
from hub.model.connector import Batch
from hub.paperwork import issuing
from hub.stop_points import stop_point
from hub.store import streams
from hub.store.meta import set_meta

_store = hub.sync.Run._store
_project = projection.project
_keep = remind._keep
_free_number = issuing._free_number
_migrate = hub.store.database._migrate


def tear(connection: Connection) -> None:
    """Commit what a transaction did so far, where the hub commits it whole."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("COMMIT")
        stop_point("torn")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.connection.commit()
        stop_point("torn")


def cursor_first(self: Any, row: Any, batch: Batch, plan: Any, *, complete: bool, is_last: bool) -> None:
    with self.store.write() as connection:
        streams.save_cursor(connection, row.id, batch.cursor, self.store.now(connection), completed=is_last)
    stop_point("torn")
    _store(self, row, Batch(batch.records), plan, complete=complete, is_last=is_last)


def batch_first(self: Any, row: Any, batch: Batch, plan: Any, *, complete: bool, is_last: bool) -> None:
    if not self.stream.snapshot:
        facts = [
            msgspec.structs.replace(fact, entry=msgspec.structs.replace(fact.entry, id=uuid.uuid4().hex))
            for fact in plan.facts
        ]
        with self.store.write() as connection:
            ingest.ingest(
                connection, self.name, facts, self.sources, datetime.fromisoformat("2026-05-12T00:00:00+00:00")
            )
        stop_point("torn")
        plan = msgspec.structs.replace(plan, facts=[])
    _store(self, row, batch, plan, complete=complete, is_last=is_last)


def records_first(self: Any, row: Any, batch: Batch, plan: Any, *, complete: bool, is_last: bool) -> None:
    with self.store.write() as connection:
        streams.save_records(connection, plan.rows_changed, new=False)
    stop_point("torn")
    _store(self, row, batch, msgspec.structs.replace(plan, rows_changed=[]), complete=complete, is_last=is_last)


def log_first(connection: Connection, *arguments: Any, **options: Any) -> None:
    tear(connection)
    _project(connection, *arguments, **options)


def settled_first(store: Any, plan: Any, found: Any, now: datetime) -> None:
    with store.write() as connection:
        remind.parts.settle(connection, plan.pending, plan.parts, found.wakes)
        for name, value in plan.marks.items():
            set_meta(connection, name, value)
    stop_point("torn")
    _keep(store, plan, found, now)


def number_first(connection: Connection, *arguments: Any) -> str:
    number = _free_number(connection, *arguments)
    tear(connection)
    return number


def tables_first(connection: Connection) -> None:
    made = 0

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        nonlocal made
        made += statement.lstrip().upper().startswith("CREATE TABLE")
        if made == 8:
            made += 1
            tear(connection)

    event.listen(connection, "after_cursor_execute", count)
    _migrate(connection)


@contextmanager
def in_place(path: Path) -> Iterator[Path]:
    path.unlink(missing_ok=True)
    stop_point("torn")
    yield path


def hoarding(batches: Any) -> Iterator[Batch]:
    return iter(list(batches))


BROKEN: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "cursor-first": (hub.sync.Run, "_store", cursor_first),
    "batch-first": (hub.sync.Run, "_store", batch_first),
    "hoarding": (hub.sync, "_guarded", hoarding),
    "records-first": (hub.sync.Run, "_store", records_first),
    "log-first": (projection, "project", log_first),
    "settled-first": (remind, "_keep", settled_first),
    "number-first": (issuing, "_free_number", number_first),
    "tables-first": (hub.store.database, "_migrate", tables_first),
    "copy-in-place": (hub.cli.db, "replacing", in_place),
}


def apply(name: str) -> None:
    """Break the hub."""
    place, attribute, broken = BROKEN[name]
    setattr(place, attribute, broken)
