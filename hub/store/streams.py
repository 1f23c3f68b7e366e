"""Streams with their cursors, and the latest raw record of every object of a source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, and_, func, select, update

from hub.model.errors import HubError
from hub.store import bulk
from hub.store.cutting import blob_of
from hub.store.packing import Packer
from hub.store.tables import record, stream

MAX_CURSOR_BYTES = 4096
_WHOSE = "This is a mistake in the plugin; its author should know."

_KNOWN = ("external_id", "hash", "mapped", "version", "deleted", "problem", "subjects")
_RECORD = ("stream_id", *_KNOWN, "recorded_at", "payload")


class StreamRow(Struct, frozen=True):
    """A stream of a connection as stored; `fingerprint` tells which base it was read from."""

    id: int
    connection: str
    name: str
    cursor: Mapping[str, Any] | None
    fingerprint: str
    dictionary: bytes | None = None


class Known(Struct, frozen=True):
    """What the store knows of one record, without its payload."""

    external_id: str
    hash: bytes
    mapped: bytes | None
    version: str
    deleted: bool
    problem: str | None
    subjects: str


def open_stream(connection: Connection, name: str, stream_name: str) -> StreamRow | None:
    """Return the stored stream, `None` when it was never read."""
    row = connection.execute(select(stream).where(stream.c.connection == name, stream.c.name == stream_name)).first()
    if row is None:
        return None
    try:
        cursor = msgspec.json.decode(row.cursor) if row.cursor else None
    except msgspec.DecodeError:
        cursor = None
    return StreamRow(row.id, row.connection, row.name, cursor if isinstance(cursor, dict) else None, row.fingerprint,
                     row.dictionary and bytes(row.dictionary))  # fmt: skip


def ensure_stream(connection: Connection, name: str, stream_name: str, fingerprint: str) -> StreamRow:
    """Return the stream, made if it is new."""
    found = open_stream(connection, name, stream_name)
    if found is None:
        connection.execute(stream.insert().values(connection=name, name=stream_name, fingerprint=fingerprint))
        found = open_stream(connection, name, stream_name)
        assert found is not None
    return found


def save_dictionary(connection: Connection, stream_id: int, dictionary: bytes) -> None:
    """Keep the dictionary of a stream, chosen with its first records and never changed."""
    connection.execute(update(stream).where(stream.c.id == stream_id).values(dictionary=dictionary))


def save_cursor(
    connection: Connection, stream_id: int, cursor: Mapping[str, Any] | None, now: datetime, *, completed: bool
) -> None:
    """Store the cursor that is true with this transaction. Raises HubError for one that is no small JSON object."""
    values: dict[str, Any] = {}
    if cursor is not None:
        try:
            encoded = msgspec.json.encode(cursor)
        except (TypeError, ValueError, RecursionError) as error:
            raise HubError(f"the plugin gave a cursor that is no JSON: {error}", hint=_WHOSE) from error
        if not encoded.startswith(b"{"):
            raise HubError("the plugin gave a cursor that is no JSON object.", hint=_WHOSE)
        if len(encoded) > MAX_CURSOR_BYTES:
            raise HubError(f"the plugin gave a cursor of more than {MAX_CURSOR_BYTES} bytes.", hint=_WHOSE)
        values = {"cursor": encoded.decode(), "cursor_at": now}
    if completed:
        values["completed_at"] = now
    if values:
        connection.execute(update(stream).where(stream.c.id == stream_id).values(values))


def known_records(connection: Connection, stream_id: int, ids: Iterable[str]) -> dict[str, Known]:
    """Return what is stored of these records, by external id."""
    rows = bulk.select_in(connection, record, _KNOWN, "external_id", ids, stream_id=stream_id)
    return {
        row[0]: Known(row[0], bytes(row[1]), row[2] and bytes(row[2]), row[3], bool(row[4]), row[5], row[6])
        for row in rows
    }


def known_versions(connection: Connection, stream_id: int, ids: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """Return the stored version and deletion mark of these records, by external id."""
    rows = bulk.select_in(
        connection, record, ("external_id", "version", "deleted"), "external_id", ids, stream_id=stream_id
    )
    return {row[0]: (row[1], bool(row[2])) for row in rows}


def save_records(connection: Connection, rows: Sequence[tuple[Any, ...]], *, new: bool) -> None:
    """Write record rows made by `record_row`."""
    if new:
        bulk.insert(connection, record, _RECORD, rows)
    else:
        bulk.upsert(connection, record, _RECORD, ("stream_id", "external_id"), rows)


def record_row(stream_id: int, known: Known, content: bytes, now_text: str) -> tuple[Any, ...]:
    """Return the row of a record for `save_records`; `content` is the packed payload."""
    return (stream_id, known.external_id, known.hash, known.mapped, known.version, known.deleted,
            known.problem, known.subjects, now_text, content)  # fmt: skip


def living_ids(connection: Connection, stream_id: int) -> Iterable[str]:
    """Yield the external ids of all records of the stream that are not deleted."""
    query = select(record.c.external_id).where(record.c.stream_id == stream_id, ~record.c.deleted)
    for row in connection.execution_options(yield_per=5000).execute(query):
        yield row[0]


def has_parked(connection: Connection, stream_id: int) -> bool:
    """Tell whether a record of the stream could not be understood."""
    query = select(record.c.external_id).where(record.c.stream_id == stream_id, record.c.problem.is_not(None)).limit(1)
    return connection.execute(query).first() is not None


def read_records(connection: Connection, stream_id: int, *, parked_only: bool, after: str, limit: int) -> list[Any]:
    """Return a page of records with packed payload, by external id, for replay."""
    condition = and_(record.c.stream_id == stream_id, record.c.external_id > after)
    if parked_only:
        condition = and_(condition, record.c.problem.is_not(None))
    return list(connection.execute(select(record).where(condition).order_by(record.c.external_id).limit(limit)))


def count_records(connection: Connection) -> list[Any]:
    """Return (connection, stream, cursor_at, completed_at, records, deleted, parked) of every stream."""
    return list(
        connection.execute(
            select(
                stream.c.connection, stream.c.name, stream.c.cursor_at, stream.c.completed_at,
                func.count(record.c.external_id), func.count(record.c.problem),
            )
            .join_from(stream, record, record.c.stream_id == stream.c.id, isouter=True)
            .group_by(stream.c.id, stream.c.connection, stream.c.name, stream.c.cursor_at, stream.c.completed_at)
            .order_by(stream.c.connection, stream.c.name)
        )
    )  # fmt: skip


def payload_of(connection: Connection, name: str, stream_name: str, external_id: str) -> bytes | None:
    """Return the raw bytes of one record, `None` when there is no such record. Raises ValueError when it is damaged."""
    found = open_stream(connection, name, stream_name)
    if found is None:
        return None
    query = select(record.c.payload).where(record.c.stream_id == found.id, record.c.external_id == external_id)
    content = connection.execute(query).scalar()
    return None if content is None else unpacked(connection, Packer(found.dictionary or b""), content)


def unpacked(connection: Connection, packer: Packer, content: bytes) -> bytes:
    """Return the raw bytes of a stored payload. Raises ValueError when it is damaged."""
    return packer.unpack(bytes(content), partial(blob_of, connection))


def damaged_records(connection: Connection) -> Iterator[str]:
    """Yield connection/stream/id of every record whose payload is not what was hashed when it came."""
    for row in connection.execute(select(stream)).all():
        packer = Packer(bytes(row.dictionary or b""))
        query = select(record.c.external_id, record.c.hash, record.c.payload).where(
            record.c.stream_id == row.id, ~record.c.deleted
        )
        for found in connection.execution_options(yield_per=1000).execute(query):
            try:
                is_whole = hashlib.sha256(unpacked(connection, packer, found.payload)).digest() == bytes(found.hash)
            except ValueError:
                is_whole = False
            if not is_whole:
                yield f"{row.connection}/{row.name}/{found.external_id}"
