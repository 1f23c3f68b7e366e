"""The rows of the outbox: what is to leave the hub, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row, insert, select, update

from hub.model.connector import Command, Receipt
from hub.redaction import redact
from hub.store.tables import command, job


class Outgoing(Struct, frozen=True, kw_only=True):
    """One command of the outbox.

    `state` is waiting (for approval), ready, sending, done, rejected, doubtful, dead or cancelled. `attempt` counts how
    often it was sent out.
    """

    id: str
    kind: str
    connection: str
    title: str
    client: str | None
    state: str
    attempt: int
    error: str
    created_by: str
    created_at: datetime
    approved_by: str
    sent_at: datetime | None
    finished_at: datetime | None
    data: Mapping[str, Any]
    receipt: Receipt | None

    @property
    def command(self) -> Command:
        """Return what the connector gets; the id is the idempotency key."""
        return Command(id=self.id, kind=self.kind, data=self.data, connection=self.connection)


def save(connection: Connection, new: Outgoing) -> None:
    """Add a command; the id must be new."""
    values = msgspec.structs.asdict(new) | {"data": msgspec.json.encode(new.data).decode(), "receipt": ""}
    connection.execute(insert(command).values(values))


def get(connection: Connection, command_id: str) -> Outgoing | None:
    """Return a command."""
    row = connection.execute(select(command).where(command.c.id == command_id)).one_or_none()
    return None if row is None else _outgoing(row)


def change(
    connection: Connection, command_id: str, states: Collection[str], *, at_attempt: int | None = None, **values: Any
) -> bool:
    """Change a command if it is in one of these states, and at that attempt if one is given; tell whether it was."""
    if "error" in values:
        values["error"] = redact(values["error"])[:1000]
    if isinstance(values.get("receipt"), Receipt):
        values["receipt"] = msgspec.json.encode(values["receipt"]).decode()
    statement = update(command).where(command.c.id == command_id, command.c.state.in_(sorted(states)))
    if at_attempt is not None:
        statement = statement.where(command.c.attempt == at_attempt)
    return connection.execute(statement.values(**values)).rowcount == 1


def listed(connection: Connection, *, state: str = "", connection_name: str = "", limit: int = 100) -> list[Outgoing]:
    """Return commands, the newest first."""
    query = select(command).order_by(command.c.created_at.desc(), command.c.id).limit(limit)
    if state:
        query = query.where(command.c.state == state)
    if connection_name:
        query = query.where(command.c.connection == connection_name)
    return [_outgoing(row) for row in connection.execute(query)]


def abandoned(connection: Connection) -> list[Outgoing]:
    """Return commands that are under way although their job has ended for good."""
    query = (
        select(command)
        .join(job, job.c.dedup == "command/" + command.c.id)
        .where(command.c.state.in_(("ready", "sending")), job.c.state.in_(("dead", "cancelled")))
    )
    return [_outgoing(row) for row in connection.execute(query)]


def _outgoing(row: Row[Any]) -> Outgoing:
    values = dict(row._mapping)
    values["data"] = msgspec.json.decode(row.data)
    values["receipt"] = msgspec.json.decode(row.receipt, type=Receipt) if row.receipt else None
    return Outgoing(**values)
