"""Documents, their files and the numbers they took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, select, update

from hub.model.errors import HubError
from hub.store import bulk
from hub.store.tables import document, document_file, document_number

STATES = (
    "draft",
    "numbered",
    "issued",
    "sent",
    "delivered",
    "signed_ours",
    "signed_theirs",
    "returned",
    "archived",
    "cancelled",
)


class DocumentRow(Struct, frozen=True):
    """One document; `context` is the JSON of a draft or of what was issued."""

    id: int
    kind: str
    number: str
    version: int
    client: str | None
    state: str
    title: str
    context: str
    template: str
    created_by: str
    created_at: datetime
    issued_at: datetime | None


class FileRow(Struct, frozen=True):
    """One file of a document."""

    format: str
    name: str
    sha256: str
    size_bytes: int


def insert(connection: Connection, *, kind: str, client: str, title: str, context: str, by: str, now: datetime) -> int:
    """Keep a draft; return its id."""
    done = connection.execute(document.insert().values(
        kind=kind, number="", version=1, client=client, state="draft", title=title, context=context, template="",
        created_by=by, created_at=now,
    ))  # fmt: skip
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def get(connection: Connection, number: int) -> DocumentRow:
    """Return a document. Raises HubError when there is none."""
    row = connection.execute(select(document).where(document.c.id == number)).first()
    if row is None:
        raise HubError(f"there is no document {number}.", hint="See: hub document list")
    return DocumentRow(*row)


def listed(connection: Connection, client: str = "") -> list[DocumentRow]:
    """Return documents, the newest first."""
    query = select(document).order_by(document.c.id.desc())
    return [
        DocumentRow(*row) for row in connection.execute(query.where(document.c.client == client) if client else query)
    ]


def files(connection: Connection, number: int) -> list[FileRow]:
    """Return the files of a document."""
    table = document_file
    query = select(table.c.format, table.c.name, table.c.sha256, table.c.size_bytes).where(table.c.document == number)
    return [FileRow(*row) for row in connection.execute(query.order_by(table.c.format))]


def next_number(connection: Connection, organisation: str, kind: str, year: int) -> int:
    """Take the next number of a sequence; with the caller's transaction it is used or given back."""
    table = document_number
    where = (table.c.organisation == organisation, table.c.kind == kind, table.c.year == year)
    bulk_row = {"organisation": organisation, "kind": kind, "year": year}
    taken = connection.execute(
        update(table).where(*where).values(last=table.c.last + 1).returning(table.c.last)
    ).scalar()
    if taken is None:
        connection.execute(table.insert().values(last=1, **bulk_row))
        return 1
    return int(taken)


def is_used(connection: Connection, kind: str, number: str) -> bool:
    """Tell whether a document of this kind has the number."""
    query = select(document.c.id).where(document.c.kind == kind, document.c.number == number).limit(1)
    return connection.execute(query).first() is not None


def take_number(
    connection: Connection, key: int, number: str, context: str, template: str, by: str, now: datetime
) -> None:
    """Give a draft its number and the context that is issued. Raises HubError when somebody was quicker."""
    done = connection.execute(
        update(document)
        .where(document.c.id == key, document.c.state == "draft")
        .values(number=number, context=context, template=template, state="numbered", created_by=by, issued_at=now)
    )
    if not done.rowcount:
        raise HubError(f"the document {key} is being issued by somebody else.")


def mark_issued(connection: Connection, key: int, made: Sequence[FileRow]) -> None:
    """Mark a numbered document issued, with its files."""
    columns = ("document", "format", "name", "sha256", "size_bytes")
    bulk.upsert(connection, document_file, columns, ("document", "format"),
                [(key, file.format, file.name, file.sha256, file.size_bytes) for file in made])  # fmt: skip
    set_state(connection, key, "issued", ("numbered",))


def set_state(connection: Connection, key: int, state: str, allowed: Sequence[str]) -> None:
    """Move a document on. Raises HubError when it is in a state from which that cannot be."""
    done = connection.execute(
        update(document).where(document.c.id == key, document.c.state.in_(allowed)).values(state=state)
    )
    if not done.rowcount:
        found = get(connection, key)
        raise HubError(f"the document {key} is {found.state} and cannot become {state}.")
