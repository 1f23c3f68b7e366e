"""Every table of the store, the same on SQLite and PostgreSQL.

The log (`event`) is insert-only. The content of an event lies beside it in `event_data`, so that a person can be erased
although the log is never rewritten. The tables of current state follow from the structs in `hub.model.entities`.
"""

from __future__ import annotations

import types
from datetime import date, datetime
from typing import Any, Union, get_args, get_origin

from sqlalchemy import Column, Index, MetaData, Sequence, Table, Text, UniqueConstraint, text

from hub.model.entities import ENTITIES, Reference, field_types
from hub.model.values import Money
from hub.store.types import Amount, Content, Day, Flag, Instant, Number

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _table(name: str, *items: Any, keyed: bool = False) -> Table:
    """Make a strict table; `keyed` stores it by its primary key (for narrow tables that are nothing but keys)."""
    return Table(name, metadata, *items, sqlite_strict=True, sqlite_with_rowid=not keyed)


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=options.pop("nullable", False), **options)


def _partial(name: str, *columns: Column[Any], where: str, unique: bool = False) -> Index:
    """Make an index of some rows only.

    The migrations make it so on PostgreSQL as well: its name here would load that whole dialect at each start.
    """
    return Index(name, *columns, unique=unique, sqlite_where=text(where))


def _open(name: str, *columns: Column[Any], where: str) -> Index:
    """Make a partial unique index: at most one row of a kind may be open at a time."""
    return _partial(name, *columns, where=where, unique=True)


meta = _table("meta", _text("name", primary_key=True), _text("value"))

stream = _table(
    "stream",
    Column("id", Number, primary_key=True, autoincrement=True),
    _text("connection"),
    _text("name"),
    _text("fingerprint", server_default=""),
    Column("dictionary", Content, nullable=True),
    _text("cursor", nullable=True),
    Column("cursor_at", Instant),
    Column("completed_at", Instant),
    UniqueConstraint("connection", "name"),
)

record = _table(
    "record",
    Column("stream_id", Number, nullable=False),
    _text("external_id"),
    Column("hash", Content, nullable=False),
    Column("mapped", Content, nullable=True),
    _text("version"),
    Column("deleted", Flag, nullable=False),
    _text("problem", nullable=True),
    _text("subjects"),
    Column("recorded_at", Instant, nullable=False),
    Column("payload", Content, nullable=False),
    UniqueConstraint("stream_id", "external_id"),
)
_partial("ix_record_parked", record.c.stream_id, where="problem IS NOT NULL")

blob = _table("blob", _text("digest", primary_key=True), Column("content", Content, nullable=False))

event = _table(
    "event",
    Column("seq", Number, primary_key=True, autoincrement=False),
    _text("id"),
    _text("source"),
    Column("version", Number, nullable=False),
    _text("type"),
    _text("subject"),
    Column("time", Instant),
    Column("recorded_at", Instant, nullable=False),
    _text("record_id"),
    _text("correlation_id"),
    _text("causation_id"),
    UniqueConstraint("source", "id", "version"),
)
_OCCURRENCE = "type NOT LIKE '%.observed'"
_partial("ix_event_occurrence", event.c.type, event.c.time, where=_OCCURRENCE)
_partial("ix_event_subject", event.c.subject, event.c.source, where=_OCCURRENCE)

Sequence("event_seq", metadata=metadata)  # numbers for bulk loads on PostgreSQL; SQLite has one writer

event_data = _table("event_data", Column("seq", Number, primary_key=True, autoincrement=False), _text("data"))

reference = _table(
    "reference",
    _text("connection", primary_key=True),
    _text("kind", primary_key=True),
    _text("external_id", primary_key=True),
    _text("entity"),
    _text("reason"),
    Index("ix_reference_entity", "entity"),
    keyed=True,
)

claim = _table(
    "claim",
    _text("key", primary_key=True),
    _text("connection", primary_key=True),
    _text("kind", primary_key=True),
    _text("external_id", primary_key=True),
    keyed=True,
)

mention = _table(
    "mention",
    _text("key", primary_key=True),
    _text("kind", primary_key=True),
    _text("entity", primary_key=True),
    Index("ix_mention_entity", "entity"),
    keyed=True,
)

redirect = _table("redirect", _text("old", primary_key=True), _text("new"), Column("at", Instant, nullable=False))

verdict = _table(
    "verdict",
    _text("left", primary_key=True),
    _text("right", primary_key=True),
    _text("state"),
    _text("reason"),
    _text("by"),
    Column("at", Instant, nullable=False),
)

job = _table(
    "job",
    Column("id", Number, primary_key=True, autoincrement=True),
    _text("kind"),
    _text("payload"),
    _text("state"),
    Column("priority", Number, nullable=False),
    Column("run_at", Instant, nullable=False),
    _text("lock_key"),
    _text("dedup", nullable=True, unique=True),
    Column("attempt", Number, nullable=False),
    Column("max_attempts", Number, nullable=False),
    _text("worker"),
    Column("lease_until", Instant),
    _text("error"),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Index("ix_job_state_run_at", "state", "run_at"),
)
_open("uq_job_running", job.c.lock_key, where="state = 'running' AND lock_key <> ''")

run = _table(
    "run",
    Column("id", Number, primary_key=True, autoincrement=True),
    _text("connection"),
    _text("stream"),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    *(Column(name, Number, nullable=False) for name in ("read", "new", "changed", "unchanged", "deleted", "bad")),
    _text("error"),
    Index("ix_run_connection_started_at", "connection", "started_at"),
)

problem = _table(
    "problem",
    Column("id", Number, primary_key=True, autoincrement=True),
    _text("key"),
    _text("scope"),
    _text("title"),
    _text("hint"),
    Column("count", Number, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("closed_at", Instant),
)
_open("uq_problem_open", problem.c.key, where="closed_at IS NULL")

reminder = _table(
    "reminder",
    Column("id", Number, primary_key=True, autoincrement=True),
    _text("rule"),
    _text("key"),
    _text("instance"),
    _text("client", nullable=True),
    _text("part", index=True, server_default=""),
    _text("assignee"),
    _text("severity"),
    _text("state"),
    _text("title"),
    _text("why"),
    Column("count", Number, nullable=False),
    Column("due", Instant),
    Column("triggered_at", Instant, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    _text("closed_by"),
    _text("detail"),
    UniqueConstraint("rule", "key", "instance"),
)
_open("uq_reminder_open", reminder.c.rule, reminder.c.key, where="state = 'open'")

touched = _table("touched", Column("id", Number, primary_key=True, autoincrement=True), _text("part"))

wake = _table("wake", _text("part", primary_key=True), Column("at", Instant, nullable=False, index=True), keyed=True)

action = _table(
    "action",
    Column("id", Number, primary_key=True, autoincrement=True),
    _text("rule"),
    _text("key"),
    _text("instance"),
    _text("kind"),
    _text("by"),
    Column("at", Instant, nullable=False),
    _text("data"),
    Index("ix_action_rule_key", "rule", "key"),
)

notification = _table(
    "notification",
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("reminder", Number, nullable=False),
    _text("step"),
    _text("addressee"),
    _text("channel"),
    _text("state"),
    Column("at", Instant, nullable=False),
    UniqueConstraint("reminder", "step", "addressee", "channel"),
)

command = _table(
    "command",
    _text("id", primary_key=True),
    _text("kind"),
    _text("connection"),
    _text("title"),
    _text("client", nullable=True),
    _text("data"),
    _text("state"),
    Column("attempt", Number, nullable=False),
    _text("error"),
    _text("receipt"),
    _text("created_by"),
    Column("created_at", Instant, nullable=False),
    _text("approved_by"),
    Column("sent_at", Instant),
    Column("finished_at", Instant),
    Index("ix_command_state", "state"),
)

document = _table(
    "document",
    Column("id", Number, primary_key=True, autoincrement=True),
    _text("kind"),
    _text("number"),
    Column("version", Number, nullable=False),
    _text("client", nullable=True),
    _text("state"),
    _text("title"),
    _text("context"),
    _text("template"),
    _text("created_by"),
    Column("created_at", Instant, nullable=False),
    Column("issued_at", Instant),
)
_open("uq_document_number", document.c.kind, document.c.number, document.c.version, where="number <> ''")

document_file = _table(
    "document_file",
    Column("document", Number, primary_key=True, autoincrement=False),
    _text("format", primary_key=True),
    _text("name"),
    _text("sha256"),
    Column("size_bytes", Number, nullable=False),
)

document_number = _table(
    "document_number",
    _text("organisation", primary_key=True),
    _text("kind", primary_key=True),
    Column("year", Number, primary_key=True, autoincrement=False),
    Column("last", Number, nullable=False),
)

audit = _table(
    "audit",
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    _text("who"),
    _text("what"),
    _text("object"),
    _text("detail"),
)


def plain_type(annotation: Any) -> Any:
    """Return the type without `| None`."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _columns(name: str, annotation: Any) -> list[Column[Any]]:
    kind = plain_type(annotation)
    if kind is Reference and name == "client":
        return []  # resolved: the column client_id
    if kind is Money:
        return [Column(name, Amount), Column(f"{name}_currency", Text)]
    simple: dict[Any, Any] = {str: Text, int: Number, bool: Flag, datetime: Instant, date: Day}
    return [Column(name, simple.get(kind, Text))]


def _state_table(kind: str) -> Table:
    hints = {field: hint for field, hint in field_types(ENTITIES[kind]).items() if field != "kind"}
    columns = [column for field, hint in hints.items() for column in _columns(field, hint)]
    is_owned = "client" in hints or kind in ("call", "message")  # these two find their client by number and address
    extra = [_text("client_id", nullable=True, index=True)] if is_owned else []
    return _table(
        kind,
        _text("id", primary_key=True),
        _text("connection"),
        _text("external_id"),
        Column("deleted", Flag, nullable=False),
        *extra,
        *columns,
    )


STATE: dict[str, Table] = {kind: _state_table(kind) for kind in ENTITIES}
"""The table of current state of each kind of entity.

Nested values are JSON text; a reference to another entity is that entity's id; money is an exact amount and a currency.
"""
NESTED = {
    kind: frozenset(field for field, hint in field_types(entity).items() if get_origin(hint) is tuple)
    for kind, entity in ENTITIES.items()
}
"""The fields of each kind that are stored as JSON text."""

Index("ix_call_number", STATE["call"].c.number)
Index("ix_comment_ticket", STATE["comment"].c.ticket)
