"""What people enter is kept as any source is: events of the source `operator`, bound to the client, with current state.

An entry writes two events: what happened (`complaint.corrected`, one id for each time) and what now holds
(`complaint.observed`, one id for each thing), so that the log alone gives the same state in any order of import.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, RowMapping, select

from hub.ingest import ingest
from hub.model.entities import ENTITIES, Entity, Reference
from hub.model.errors import HubError
from hub.model.events import OBSERVED, Event
from hub.normalise import fact_of
from hub.projection import OPERATOR, Sources
from hub.store import log, parties
from hub.store.parties import entity_id
from hub.store.problems import note
from hub.store.tables import STATE
from hub.store.types import instant_text

Kind = TypeVar("Kind", bound=Entity)


def new_key() -> str:
    """Return an id for a new entry; nothing about the client can be read from it."""
    return secrets.token_hex(6)


def enter(
    connection: Connection,
    entity: Entity,
    verb: str,
    *,
    key: str,
    sources: Sources,
    at: datetime,
    by: str,
    now: datetime,
    event_id: str = "",
) -> str:
    """Keep an entry and what happened to it at `at` (`verb` such as filed); return its id in the store.

    What happened has the id `event_id`, else one that follows from the verb and the time. Raises BadRecord that names
    a value which cannot be kept.
    """
    subject = Reference(entity.kind, key)
    event_id = event_id or f"{entity.kind}/{key}/{verb}/{instant_text(at)}"
    happened = Event(f"{entity.kind}.{verb}", subject, entity, at, event_id)
    holds = Event(f"{entity.kind}.{OBSERVED}", subject, entity, at)
    ingest(connection, OPERATOR, [fact_of(happened, ""), fact_of(holds, "")], sources, now)
    note(connection, who=by, what=happened.type, about=f"{entity.kind}/{key}", detail="", now=now)
    return entity_id(OPERATOR, entity.kind, key)


def entered(connection: Connection, type_: type[Kind], key: str) -> Kind:
    """Return what was entered under this key. Raises HubError when there is none."""
    kind = type_.kind
    found = log.latest(connection, OPERATOR, [f"{kind}/{key}"]).get(f"{kind}/{key}")
    if found is None or found.data == "null":
        raise HubError(f"there is no {kind} {key!r} that was entered here.", hint=f"See: hub {kind} list")
    return msgspec.json.decode(found.data, type=type_)


def reference_to(connection: Connection, kind: str, entity: str) -> Reference:
    """Return a reference by which an entry can name a thing of the store. Raises HubError when there is none."""
    if kind == "client":
        found = [item for item in parties.references_of(connection, [entity]) if item[2] == "client"]
        if found:
            _, source, _, external_id, _ = min(found, key=lambda item: (entity_id(*item[1:4]) != entity, item))
            return Reference(kind, external_id, source)
    elif kind in ENTITIES:
        row = _row(connection, kind, entity)
        if row:
            return Reference(kind, row["external_id"], row["connection"])
    raise HubError(f"there is no {kind} {entity!r}.", hint=f"See: hub {kind} list")


def _row(connection: Connection, kind: str, entity: str) -> RowMapping | None:
    table = STATE[kind]
    query = select(table.c.connection, table.c.external_id).where(table.c.id == entity, ~table.c.deleted)
    return connection.execute(query).mappings().first()
