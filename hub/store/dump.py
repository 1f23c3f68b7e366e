"""The canonical dump: what a store says, without times of recording and running numbers, in one order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, case, select

from hub.store import tables

_LEFT_OUT = {
    "record": {"recorded_at", "stream_id", "payload"},  # its hash is there; how it is packed depends on the order
    "blob": {"content"},  # its digest is there
    "event": {"seq", "recorded_at"},
    "stream": {"id", "dictionary", "cursor_at", "completed_at"},
    "reminder": {"id", "opened_at", "closed_at"},
    "command": {"created_at", "sent_at", "finished_at", "attempt"},
    "document": {"id", "created_at", "issued_at"},
    "redirect": {"at"},
    "verdict": {"at"},
    "action": {"id"},
    "document_file": {"document", "sha256", "size_bytes"},
}
_WHOLE = ("reference", "claim", "mention", "document_number")


def dump_lines(connection: Connection) -> Iterator[str]:
    """Yield one line for each fact the store holds, sorted within each table."""
    names = (*tables.STATE, *_LEFT_OUT, *_WHOLE)
    for name in sorted(set(names)):
        table = tables.metadata.tables[name]
        query: Any = select(
            *(_column(column) for column in table.columns if column.name not in _LEFT_OUT.get(name, ()))
        )
        if name == "record":
            query = query.add_columns(tables.stream.c.connection, tables.stream.c.name).join_from(
                table, tables.stream, table.c.stream_id == tables.stream.c.id
            )
        if name == "event":
            query = query.add_columns(tables.event_data.c.data).join_from(
                table, tables.event_data, table.c.seq == tables.event_data.c.seq, isouter=True
            )
        yield from sorted(f"{name} {' | '.join(_shown(value) for value in row)}" for row in connection.execute(query))


def _column(column: Column[Any]) -> ColumnElement[Any]:
    if column is not tables.event.c.time:
        return column
    return case(
        (tables.event.c.type.like("%.deleted"), None), else_=column
    )  # when it was noticed, not when it happened


def _shown(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return hashlib.sha256(bytes(value)).hexdigest()[:16]
    return "" if value is None else str(value).replace("\n", "\\n")
