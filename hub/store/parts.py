"""Which parts of the facts have changed since the reminders were evaluated, and when the others change by themselves.

Whoever changes facts keeps the parts he touched in the same transaction; the evaluation takes them away in the one in
which it keeps its results. So a part is evaluated again until that has succeeded, whoever is killed in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select

from hub.model.parts import part_of
from hub.store import bulk
from hub.store.tables import STATE, touched, wake
from hub.store.types import instant_text

EVERYTHING = "*"
"""Stands for every part: after a large load it is cheaper to look at all than to name them."""
MOST = 500
_TOLD = {"call": ("number", "raw_number"), "message": ("outside",)}
"""By what things of strangers are told apart."""
FOR_ALL = frozenset({"occasion", "campaign"})
"""Kinds of which those without a client concern everybody."""


def touch(connection: Connection, kind: str, ids: Iterable[str]) -> None:
    """Keep that these things have changed; to be called before as well when they may move to another client."""
    found = list(ids)
    table = STATE[kind]
    if kind == "client":
        touch_parts(connection, found)
    elif kind == "campaign":
        touch_parts(connection, [EVERYTHING] if found else [])
    elif "client_id" not in table.c or not found:
        return
    elif len(found) > MOST:
        touch_parts(connection, [EVERYTHING])
    else:
        columns = ("id", "client_id", *_TOLD.get(kind, ()))
        for row in bulk.select_in(connection, table, columns, "id", found):
            part = part_of(kind, row[0], row[1], dict(zip(columns, row, strict=True)))
            touch_parts(connection, [part if row[1] or kind not in FOR_ALL else EVERYTHING])


def touch_parts(connection: Connection, parts: Iterable[str]) -> None:
    """Keep that facts of these parts have changed."""
    named = list(dict.fromkeys(parts))
    bulk.insert(connection, touched, ("part",), [(part,) for part in (named if len(named) <= MOST else [EVERYTHING])])


def pending(connection: Connection) -> dict[int, str]:
    """Return the parts that were touched, by the number under which each was kept."""
    return {row.id: row.part for row in connection.execute(select(touched.c.id, touched.c.part))}


def settle(
    connection: Connection, numbers: Iterable[int], parts: Iterable[str] | None, wakes: Mapping[str, datetime]
) -> None:
    """Forget what was touched, and keep when these parts (all, for `None`) change next by themselves."""
    bulk.delete(connection, touched, ("id",), [(number,) for number in numbers])
    if parts is None:
        connection.execute(delete(wake))
    else:
        bulk.delete(connection, wake, ("part",), [(part,) for part in parts])
    rows = [(part, instant_text(moment)) for part, moment in wakes.items()]
    bulk.upsert(connection, wake, ("part", "at"), ("part",), rows)


def waking(connection: Connection, now: datetime) -> set[str]:
    """Return the parts that have changed by themselves by this time."""
    return {row.part for row in connection.execute(select(wake.c.part).where(wake.c.at <= now))}
