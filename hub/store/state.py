"""Rows of current state: from entities to tuples for the bulk writers, and back to plain mappings for readers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, select, update

from hub.model.entities import ENTITIES, Entity, Reference, field_types
from hub.model.values import Money
from hub.store import bulk
from hub.store.parties import entity_id
from hub.store.tables import NESTED, STATE, plain_type
from hub.store.types import instant_text

_AMOUNTS = {
    kind: [name for name in (column.name for column in table.c) if f"{name}_currency" in table.c]
    for kind, table in STATE.items()
}
_encode = msgspec.json.Encoder().encode


Writer = Callable[[Any, str], tuple[Any, ...]]


def _fields(kind: str) -> tuple[attrgetter[Any], list[tuple[int, Writer]]]:
    """Return what takes all values of an entity, and who rewrites which of them, the last one first."""
    hints = {
        field: plain_type(hint) for field, hint in field_types(ENTITIES[kind]).items()
        if field != "kind" and (field != "client" or kind == "client")
    }  # fmt: skip
    writers = [
        (place, _nested if field in NESTED[kind] else _SPECIAL[hint])
        for place, (field, hint) in enumerate(hints.items())
        if field in NESTED[kind] or hint in _SPECIAL
    ]
    return attrgetter(*hints), writers[::-1]


def _nested(value: Any, _connection: str) -> tuple[Any, ...]:
    return (_encode(value).decode() if value else None,)


def _reference(value: Reference | None, connection: str) -> tuple[Any, ...]:
    return (entity_id(value.connection or connection, value.kind, value.external_id) if value else None,)


def _money(value: Money | None, _connection: str) -> tuple[Any, ...]:
    return (None, None) if value is None else (format(value.amount, "f"), value.currency)


def _instant(value: datetime | None, _connection: str) -> tuple[Any, ...]:
    return (None if value is None else instant_text(value),)


def _day(value: date | None, _connection: str) -> tuple[Any, ...]:
    return (None if value is None else value.isoformat(),)


_SPECIAL: dict[Any, Callable[[Any, str], tuple[Any, ...]]] = {
    Reference: _reference, Money: _money, datetime: _instant, date: _day,
}  # fmt: skip
_WRITERS = {kind: _fields(kind) for kind in ENTITIES}
_OWNED = frozenset(kind for kind, table in STATE.items() if "client_id" in table.c)
COLUMNS = {kind: tuple(column.name for column in table.columns) for kind, table in STATE.items()}


def row(entity: Entity, *, key: str, connection: str, external_id: str, client: str | None) -> tuple[Any, ...]:
    """Return the row of an entity in the order of `COLUMNS[kind]`; `client` is the client it belongs to."""
    take, writers = _WRITERS[entity.kind]
    values = list(take(entity))
    for place, write in writers:
        values[place : place + 1] = write(values[place], connection)
    if entity.kind in _OWNED:
        return (key, connection, external_id, False, client, *values)
    return (key, connection, external_id, False, *values)


def save(connection: Connection, kind: str, rows: Sequence[tuple[Any, ...]], *, new: bool) -> None:
    """Write rows made by `row`."""
    if new:
        bulk.insert(connection, STATE[kind], COLUMNS[kind], rows)
    else:
        bulk.upsert(connection, STATE[kind], COLUMNS[kind], ("id",), rows)


def existing(connection: Connection, kind: str, ids: Iterable[str]) -> set[str]:
    """Return those ids that have a row."""
    return {found[0] for found in bulk.select_in(connection, STATE[kind], ("id",), "id", ids)}


def mark_deleted(connection: Connection, kind: str, ids: Sequence[str]) -> None:
    """Mark entities as gone at their source; nothing is removed."""
    for start in range(0, len(ids), 500):
        table = STATE[kind]
        connection.execute(update(table).where(table.c.id.in_(ids[start : start + 500])).values(deleted=True))


def drop(connection: Connection, kind: str, ids: Sequence[str]) -> None:
    """Remove rows of entities that no reference makes any more."""
    bulk.delete(connection, STATE[kind], ("id",), [(key,) for key in ids])


def set_client(connection: Connection, kind: str, client_of: dict[str, str | None]) -> None:
    """Say to which client entities belong."""
    table = STATE[kind]
    groups: dict[str | None, list[str]] = {}
    for entity, client in client_of.items():
        groups.setdefault(client, []).append(entity)
    for client, entities in groups.items():
        for start in range(0, len(entities), 500):
            connection.execute(
                update(table).where(table.c.id.in_(entities[start : start + 500])).values(client_id=client)
            )


def clients_of(connection: Connection, kind: str, ids: Iterable[str]) -> dict[str, str | None]:
    """Return the client of each of these entities."""
    return {found[0]: found[1] for found in bulk.select_in(connection, STATE[kind], ("id", "client_id"), "id", ids)}


def read(
    connection: Connection, kind: str, *conditions: Any, limit: int | None = None, order: str = "id",
    last: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return entities as plain mappings: nested values decoded, money as Money.

    Those of which nobody says the field are the first of the order. A `limit` takes the first, or the `last`.
    """
    table = STATE[kind]
    by, key = table.c[order], table.c.id
    upwards = limit is None or not last
    first = by.asc().nulls_first() if by.nullable else by  # databases differ in where they put those without a value
    ends = (first, key) if upwards else (by.desc().nulls_last(), key.desc())
    query = select(table).where(*conditions).order_by(*ends).limit(limit)
    names, amounts, found = table.c.keys(), _AMOUNTS[kind], []
    for row in connection.execute(query):
        fields = dict(zip(names, row, strict=True))
        for name in NESTED[kind]:
            fields[name] = msgspec.json.decode(fields[name]) if fields[name] else []
        for name in amounts:
            currency = fields.pop(f"{name}_currency")
            if fields[name] is not None:
                fields[name] = Money(fields[name], currency or "RUB")
        found.append(fields)
    return found if upwards else found[::-1]


def kinds_in_use(connection: Connection) -> frozenset[str]:
    """Return the kinds of which anything is known: a firm has some of them, and the others need not be asked for."""
    found = bulk.not_empty(connection, STATE.values())
    return frozenset(kind for kind, table in STATE.items() if table.name in found)


def table(kind: str) -> Table:
    """Return the table of a kind, for conditions."""
    return STATE[kind]
