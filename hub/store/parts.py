"""Which parts of the facts have changed since the reminders were evaluated, and when the others change by themselves.

Whoever changes facts keeps the parts he touched in the same transaction; the evaluation takes them away in the one in
which it keeps its results. So a part is evaluated again until that has succeeded, whoever is killed in between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from hub.model.parts import EVERYTHING, part_of
from hub.store import bulk
from hub.store.meta import get_meta
from hub.store.tables import STATE, touched, wake
from hub.store.types import instant_text

MOST = 500
"""So many things at a time are kept part by part without asking how much is kept already."""
FULL = 10_000
"""When so much has changed since the last evaluation, everything has."""
_TOLD = {"call": ("number", "raw_number"), "message": ("outside",)}
"""By what things of strangers are told apart."""
EVALUATED = "reminders.at"
"""Under this name the store keeps the moment of the last evaluation."""
FIRM = "firm"
"""The part of what concerns the firm itself: its months, the days of its people, its campaigns."""
OF_FIRM = frozenset({"campaign", "diary"})
FOR_ALL = frozenset({"occasion"})
"""Kinds of which those without a client concern everybody."""
LINKS = {"promise": ("ticket", "ticket"), "decision": ("ticket", "ticket"), "referral": ("referrer", "client")}
"""Kinds that count for a thing which may belong to another client: the field that names it, and its kind."""


def touch(connection: Connection, kind: str, ids: Iterable[str]) -> None:
    """Keep that these things have changed; to be called before as well when they may move to another client."""
    found = list(ids)
    table = STATE[kind]
    if kind in OF_FIRM and found:
        touch_parts(connection, [FIRM])
    if kind == "client":
        touch_parts(connection, found)
    if kind == "client" or "client_id" not in table.c or not found:
        return
    if len(found) > MOST and _is_full(connection, len(found)):
        touch_parts(connection, [EVERYTHING])
        return
    columns = ("id", "client_id", *_TOLD.get(kind, ()), *LINKS.get(kind, ())[:1])
    rows = [dict(zip(columns, row, strict=True)) for row in bulk.select_in(connection, table, columns, "id", found)]
    named = (part_of(kind, row["id"], row["client_id"], row) for row in rows)
    touch_parts(connection, (EVERYTHING if part.partition("/")[0] in FOR_ALL else part for part in named))
    for field, target in [LINKS[kind]] if kind in LINKS else ():
        touch(connection, target, filter(None, (row[field] for row in rows)))


def touch_parts(connection: Connection, parts: Iterable[str]) -> None:
    """Keep that facts of these parts have changed."""
    named = list(dict.fromkeys(parts))
    if len(named) > MOST and _is_full(connection, len(named)):
        named = [EVERYTHING]
    bulk.insert(connection, touched, ("part",), [(part,) for part in named])


def _is_full(connection: Connection, more: int) -> bool:
    """Tell whether everything is to be evaluated anyhow, or so much that it comes to the same."""
    if not get_meta(connection, EVALUATED):
        return True
    count, is_all = func.count(), func.count().filter(touched.c.part == EVERYTHING)
    kept, is_everything = connection.execute(select(count, is_all)).one()
    return bool(is_everything) or kept + more > FULL


def pending(connection: Connection) -> dict[int, str]:
    """Return the parts that were touched, by the number under which each was kept."""
    return {row.id: row.part for row in connection.execute(select(touched.c.id, touched.c.part))}


def settle(
    connection: Connection, numbers: Iterable[int], parts: Collection[str] | None, wakes: Mapping[str, datetime]
) -> None:
    """Forget what was touched, and keep when these parts (all, for `None`) change next by themselves.

    What is said of another part comes beside what is kept of it: the earlier moment counts.
    """
    bulk.delete(connection, touched, ("id",), [(number,) for number in numbers])
    named = {*(parts or ()), EVERYTHING}
    kept: dict[str, datetime] = {}
    if parts is None:
        connection.execute(delete(wake))
    else:
        bulk.delete(connection, wake, ("part",), [(part,) for part in sorted(named)])
        if not named.issuperset(wakes):
            kept = {row.part: row.at for row in connection.execute(select(wake))}
    sooner = {part: min(moment, kept.get(part, moment)) for part, moment in wakes.items()}
    rows = sorted((part, instant_text(moment)) for part, moment in sooner.items())
    bulk.upsert(connection, wake, ("part", "at"), ("part",), rows)


def waking(connection: Connection, now: datetime) -> set[str]:
    """Return the parts that have changed by themselves by this time."""
    return {row.part for row in connection.execute(select(wake.c.part).where(wake.c.at <= now))}
