"""Documents, their files and the numbers they took."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, case, func, or_, select, update

from hub.model.errors import HubError
from hub.store import bulk
from hub.store.tables import audit, document, document_file, document_number, redirect

EVENTS_SOURCE = "documents"
"""The source of the events about documents; what it says is kept in the log and shown as it is."""
STATES = (
    "draft",
    "approved",
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


_known_as = redirect.alias()
_document = select(
    *(func.coalesce(_known_as.c.new, it).label("client") if it.name == "client" else it for it in document.c)
).select_from(document.outerjoin(_known_as, _known_as.c.old == document.c.client))
"""Documents with their client as it is known now: after a merge the old id stays in the row."""


class DocumentRow(Struct, frozen=True):
    """One document; `context` is the JSON of its sheet: where it comes from, its draft, and what was issued."""

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


def insert(
    connection: Connection, *, kind: str, client: str | None, title: str, context: str, by: str, now: datetime,
    number: str = "", version: int = 1,
) -> int:  # fmt: skip
    """Keep a draft; return its id. With `number` it bears that number already: 1C's own, or that of a correction."""
    done = connection.execute(document.insert().values(
        kind=kind, number=number, version=version, client=client, state="draft", title=title, context=context,
        template="", created_by=by, created_at=now,
    ))  # fmt: skip
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def get(connection: Connection, number: int) -> DocumentRow:
    """Return a document. Raises HubError when there is none."""
    row = connection.execute(_document.where(document.c.id == number)).first()
    if row is None:
        raise HubError(f"there is no document {number}.", hint="See: hub document list")
    return DocumentRow(*row)


def some(connection: Connection, keys: Sequence[int]) -> list[DocumentRow]:
    """Return those of these documents that there are, by id."""
    query = _document.where(document.c.id.in_(keys)).order_by(document.c.id)
    return [DocumentRow(*row) for row in connection.execute(query)]


def listed(
    connection: Connection, client: str = "", *, kind: str = "", state: str = "", number: str = ""
) -> list[DocumentRow]:
    """Return documents, the newest first; those of a client include what was made before another became one with it."""
    query = _document.order_by(document.c.id.desc())
    if client:
        query = query.where(or_(document.c.client == client, _known_as.c.new == client))
    for column, wanted in (("kind", kind), ("state", state), ("number", number)):
        if wanted:
            query = query.where(document.c[column] == wanted)
    return [DocumentRow(*row) for row in connection.execute(query)]


def made_from(connection: Connection, origin: str) -> list[Any]:
    """Return (origin, kind, id, number, state) of documents whose origin begins so; cancelled ones are left out."""
    beginning = f'{{"origin":{msgspec.json.encode(origin).decode()[:-1]}'
    head = func.substr(document.c.context, len('{"origin":"') + 1, 500)
    query = select(head, document.c.kind, document.c.id, document.c.number, document.c.state).where(
        document.c.context.startswith(beginning, autoescape=True), document.c.state != "cancelled"
    )
    return [(row[0].partition('"')[0], *row[1:]) for row in connection.execute(query.order_by(document.c.id))]


def files(connection: Connection, number: int) -> list[FileRow]:
    """Return the files of a document."""
    table = document_file
    query = select(table.c.format, table.c.name, table.c.sha256, table.c.size_bytes).where(table.c.document == number)
    return [FileRow(*row) for row in connection.execute(query.order_by(table.c.format))]


def next_number(connection: Connection, organisation: str, kind: str, year: int, *, above: int = 0) -> int:
    """Take the next number of a sequence, one above that; with the caller's transaction it is used or given back.

    Whoever comes second waits for the end of the first one's transaction, so that the numbers have no hole.
    """
    table = document_number
    first = {"organisation": organisation, "kind": kind, "year": year, "last": above + 1}
    statement = bulk.mergeable(connection, table).values(first)
    keys = [table.c.organisation, table.c.kind, table.c.year]
    after = case((table.c.last > above, table.c.last + 1), else_=above + 1)
    counted = statement.on_conflict_do_update(index_elements=keys, set_={"last": after})
    return int(connection.execute(counted.returning(table.c.last)).scalar_one())


def used_numbers(connection: Connection, kind: str, number: str) -> list[int]:
    """Return the versions in which a document of this kind has the number."""
    query = select(document.c.version).where(document.c.kind == kind, document.c.number == number)
    return sorted(connection.execute(query).scalars())


def claim(connection: Connection, key: int) -> bool:
    """Take a draft for issue in this transaction; tell whether nobody was quicker."""
    claimed = update(document).where(document.c.id == key, document.c.state.in_(("draft", "approved")))
    return connection.execute(claimed.values(state="numbered")).rowcount == 1


def give_number(connection: Connection, key: int, number: str, context: str, by: str, now: datetime) -> None:
    """Keep the number and the context that is issued; the document must be claimed."""
    values = {"number": number, "context": context, "created_by": by, "issued_at": now}
    connection.execute(update(document).where(document.c.id == key).values(values))


def mark_issued(connection: Connection, key: int, made: Sequence[FileRow], template: str) -> bool:
    """Mark a numbered document issued, with its files and the template of them; tell whether nobody was quicker."""
    claimed = update(document).where(document.c.id == key, document.c.state == "numbered")
    if connection.execute(claimed.values(state="issued", template=template)).rowcount != 1:
        return False
    save_files(connection, key, made)
    return True


def save_files(connection: Connection, key: int, made: Sequence[FileRow]) -> None:
    """Keep what files a document has."""
    columns = ("document", "format", "name", "sha256", "size_bytes")
    bulk.upsert(connection, document_file, columns, ("document", "format"),
                [(key, file.format, file.name, file.sha256, file.size_bytes) for file in made])  # fmt: skip


def history(connection: Connection, key: int) -> list[tuple[datetime, str, str, str]]:
    """Return (when, who, what, detail) of everything people did with a document, the oldest first."""
    query = select(audit.c.at, audit.c.who, audit.c.what, audit.c.detail).where(audit.c.object == f"document/{key}")
    return [(row.at, row.who, row.what, row.detail) for row in connection.execute(query.order_by(audit.c.id))]


def of_world(
    connection: Connection, kinds: Collection[str], since: datetime, condition: ColumnElement[bool]
) -> dict[str, dict[str, Any]]:
    """Return the documents of these kinds issued since then that fulfil the condition, as rules see them, by id."""
    columns = ("id", "kind", "number", "version", "client", "state", "title", "issued_at")
    query = select(*(document.c[name] for name in columns)).where(
        document.c.kind.in_(sorted(kinds)), document.c.issued_at >= since, condition
    )
    return {str(row.id): dict(row._mapping) for row in connection.execute(query)}


def set_state(connection: Connection, key: int, state: str, allowed: Sequence[str]) -> None:
    """Move a document on. Raises HubError when it is in a state from which that cannot be."""
    done = connection.execute(
        update(document).where(document.c.id == key, document.c.state.in_(allowed)).values(state=state)
    )
    if not done.rowcount:
        found = get(connection, key)
        raise HubError(f"the document {key} is {found.state} and cannot become {state}.")
