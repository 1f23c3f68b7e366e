"""What `hub doctor --deep` looks for: rows and bytes that are gone or are not what was stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, select

from hub.config import Config
from hub.store import tables
from hub.store.streams import damaged_records

MOST = 20
"""So many findings of one kind are named."""


def damages(connection: Connection, config: Config) -> Iterator[str]:
    """Yield a sentence for everything that is damaged, at most `MOST` of each kind."""
    yield from islice((f"the record {name} is not what was stored" for name in damaged_records(connection)), MOST)
    for words, query in (*_log(), *_parties()):
        for row in connection.execute(query.limit(MOST)):
            yield words.format(*row)
    yield from islice(_files(connection, config), MOST)


def _log() -> Iterator[tuple[str, Select[Any]]]:
    event, data, record, stream = tables.event, tables.event_data, tables.record, tables.stream
    yield (
        "the event {}/{} has lost its content",
        select(event.c.source, event.c.id).where(~exists().where(data.c.seq == event.c.seq)),
    )
    yield "the content {} belongs to no event", select(data.c.seq).where(~exists().where(event.c.seq == data.c.seq))
    yield (
        "of the event {}/{} a version is missing",
        select(event.c.source, event.c.id)
        .group_by(event.c.source, event.c.id)
        .having(func.count() != func.max(event.c.version)),
    )
    kept = and_(record.c.external_id == event.c.record_id, stream.c.id == record.c.stream_id)
    yield (
        "the record {}/{}, from which an event was made, is missing",
        select(event.c.source, event.c.record_id)
        .distinct()
        .where(
            event.c.record_id != "",
            exists().where(stream.c.connection == event.c.source),
            ~exists().where(kept, stream.c.connection == event.c.source),
        ),
    )


def _parties() -> Iterator[tuple[str, Select[Any]]]:
    reference = tables.reference
    for kind, table in tables.STATE.items():
        yield (
            f"the {kind} {{}} is missing, which {{}}/{{}} tells of",
            select(reference.c.entity, reference.c.connection, reference.c.external_id).where(
                reference.c.kind == kind, ~exists().where(table.c.id == reference.c.entity)
            ),
        )


def _files(connection: Connection, config: Config) -> Iterator[str]:
    folder = config.resolve(config.model.documents.folder)
    table = tables.document_file
    for name, digest in connection.execute(select(table.c.name, table.c.sha256).order_by(table.c.name)):
        if _digest(folder / name) != digest:
            yield f"the file {folder / name} is missing or is not what was issued"
    blobs = config.folder / "blobs"
    for path in sorted(blobs.glob("??/*")):
        if len(path.name) == 64 and _digest(path) != path.name:
            yield f"the blob {path.name} is not what was stored"


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""
