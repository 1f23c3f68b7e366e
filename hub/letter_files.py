"""The files of stored letters: where they are kept once, and else out of the raw letter itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from sqlalchemy import Connection, func, select

from hub.connections import Hub, Opened, open_connection
from hub.mail import Carries
from hub.model.connector import Record
from hub.model.entities import Attachment
from hub.model.errors import BadRecord, SettingsError
from hub.paperwork.returns import Held
from hub.store.cutting import blob_of
from hub.store.streams import payload_of
from hub.store.tables import STATE
from hub.tools import FileBlobs

log = logging.getLogger("hub.letter_files")

LOGO_BYTES = 16 * 1024
LOGO_LETTERS = 5
"""A picture within the text that is smaller and came with more letters is a logo."""


def letters_with(connection: Connection, digest: str) -> int:
    """Return how many letters brought a file."""
    table = STATE["message"]
    query = select(func.count()).where(table.c.attachments.contains(f'"{digest}"', autoescape=True), ~table.c.deleted)
    return connection.execute(query).scalar_one()


def without_logos(connection: Connection, files: Sequence[Attachment]) -> list[Attachment]:
    """Return the files of a letter that somebody attached."""
    return [it for it in files if not (
        it.is_inline and it.size_bytes < LOGO_BYTES and letters_with(connection, it.blob) > LOGO_LETTERS
    )]  # fmt: skip


@contextmanager
def letter_files(hub: Hub) -> Iterator[Callable[[Held], bytes]]:
    """Give a function that returns the content of a file; it raises KeyError for one that cannot be had any more.

    Nothing is asked of another system. A connection is opened when the first of its letters is looked into.
    """
    blobs = FileBlobs(hub.config.folder / "blobs")
    opened: dict[str, Opened | None] = {}
    with ExitStack() as stack:

        def connector_of(name: str) -> object:
            if name not in opened:
                try:
                    opened[name] = stack.enter_context(open_connection(hub, name))
                except SettingsError as error:  # it is configured no more, or lacks its secret
                    log.warning("letters of %s cannot be looked into: %s", name, Exception.__str__(error))
                    opened[name] = None
            found = opened[name]
            return found.connector if found else None

        def get(held: Held) -> bytes:
            with suppress(KeyError):
                return blobs.get(held.digest)
            with suppress(KeyError), hub.store.read() as connection:
                return blob_of(connection, held.digest)
            connector = connector_of(held.connection)
            try:
                with hub.store.read() as connection:
                    payload = payload_of(connection, held.connection, held.folder, held.record_id)
            except ValueError as error:  # `hub doctor --deep` tells
                raise KeyError(held.digest) from error
            if payload is None or not isinstance(connector, Carries):
                raise KeyError(held.digest)
            record = Record(held.record_id, payload, stream=held.folder, connection=held.connection)
            return _content(connector, record, held.digest)

        yield get


def _content(connector: Carries, record: Record, digest: str) -> bytes:
    try:
        for file in connector.files(record):
            if file.digest == digest and (content := file.content()):
                return content
    except BadRecord as error:  # it was understood when it came
        log.warning("the files of the letter %s cannot be read: %s", record.external_id, error)
    raise KeyError(digest)
