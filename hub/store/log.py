"""The event log: insert-only envelopes, their content beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, Select, exists, func, select

from hub.store import bulk
from hub.store.tables import event, event_data

_EVENT = ("seq", "id", "source", "version", "type", "subject", "time", "recorded_at", "record_id", "correlation_id",
          "causation_id")  # fmt: skip


class Entry(Struct, frozen=True):
    """An event ready to be stored: texts and JSON, no objects."""

    id: str
    type: str
    subject: str
    time: str | None
    data: str
    record_id: str


class Latest(Struct, frozen=True):
    """The newest stored version of one event id."""

    version: int
    seq: int
    type: str
    time: datetime | None
    data: str


def latest(connection: Connection, source: str, ids: Iterable[str]) -> dict[str, Latest]:
    """Return the newest version of each of these event ids of one source."""
    rows = bulk.select_in(connection, event, ("id", "version", "seq", "type", "time"), "id", ids, source=source)
    newest: dict[str, Any] = {}
    for row in rows:
        if row[0] not in newest or newest[row[0]][1] < row[1]:
            newest[row[0]] = row
    contents = dict(bulk.select_in(connection, event_data, ("seq", "data"), "seq", [row[2] for row in newest.values()]))
    return {
        key: Latest(row[1], row[2], row[3], _instant(row[4]), contents.get(row[2], "null"))
        for key, row in newest.items()
    }


def of_version(
    connection: Connection, source: str, version: int, ids: Iterable[str]
) -> dict[str, tuple[str, str, str]]:
    """Return (type, subject, content) of those events of one source that have this version."""
    columns = ("id", "seq", "type", "subject")
    rows = bulk.select_in(connection, event, columns, "id", ids, source=source, version=version)
    contents = dict(bulk.select_in(connection, event_data, ("seq", "data"), "seq", [row[1] for row in rows]))
    return {row[0]: (row[2], row[3], contents.get(row[1], "null")) for row in rows}


def first(connection: Connection, source: str, ids: Iterable[str]) -> dict[str, tuple[datetime, str]]:
    """Return when each of these events of one source was recorded for the first time, and what it said then."""
    rows = bulk.select_in(connection, event, ("id", "seq", "recorded_at"), "id", ids, source=source, version=1)
    contents = dict(bulk.select_in(connection, event_data, ("seq", "data"), "seq", [row[1] for row in rows]))
    return {row[0]: (moment, contents.get(row[1], "null")) for row in rows if (moment := _instant(row[2]))}


def _instant(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def append(connection: Connection, source: str, entries: Sequence[tuple[Entry, int]], now_text: str) -> list[int]:
    """Add events with the versions given; return their sequence numbers."""
    if not entries:
        return []
    numbers = _next_numbers(connection, len(entries))
    rows = [
        (seq, entry.id, source, version, entry.type, entry.subject, entry.time, now_text, entry.record_id, "", "")
        for seq, (entry, version) in zip(numbers, entries, strict=True)
    ]
    bulk.insert(connection, event, _EVENT, rows)
    bulk.insert(connection, event_data, ("seq", "data"),
                [(seq, entry.data) for seq, (entry, _) in zip(numbers, entries, strict=True)])  # fmt: skip
    return numbers


def _next_numbers(connection: Connection, count: int) -> list[int]:
    if connection.dialect.name == "postgresql":
        rows = connection.exec_driver_sql("SELECT nextval('event_seq') FROM generate_series(1, %s)", (count,))
        return [row[0] for row in rows]
    last = connection.execute(select(func.max(event.c.seq))).scalar() or 0
    return list(range(last + 1, last + 1 + count))


def holding() -> Select[Any]:
    """Return a query of the events that hold: the newest version of each id, with its content."""
    newer = event.alias("newer")
    superseded = exists().where(
        newer.c.source == event.c.source, newer.c.id == event.c.id, newer.c.version > event.c.version
    )
    return (
        select(event, event_data.c.data)
        .join_from(event, event_data, event.c.seq == event_data.c.seq, isouter=True)
        .where(~superseded)
    )


def read_log(
    connection: Connection, *, after: int = 0, limit: int = 1000, source: str = "", type_: str = ""
) -> list[Row[Any]]:
    """Return a page of the log in order of recording."""
    query = select(event, event_data.c.data).join_from(event, event_data, event.c.seq == event_data.c.seq, isouter=True)
    query = query.where(event.c.seq > after).order_by(event.c.seq).limit(limit)
    if source:
        query = query.where(event.c.source == source)
    if type_:
        query = query.where(event.c.type == type_)
    return list(connection.execute(query))


def newest(connection: Connection) -> tuple[int, datetime] | None:
    """Return the number of the last event of the log and when it was recorded."""
    row = connection.execute(select(event.c.seq, event.c.recorded_at).order_by(event.c.seq.desc()).limit(1)).first()
    return (row.seq, row.recorded_at) if row else None


def pages(connection: Connection, **filters: str) -> Iterator[Row[Any]]:
    """Yield the whole log in order, a page at a time."""
    after = 0
    while rows := read_log(connection, after=after, **filters):  # type: ignore[arg-type]
        yield from rows
        after = rows[-1].seq
