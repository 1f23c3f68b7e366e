"""Reminders as stored, and what people did with them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Select, bindparam, or_, select, update

from hub.store.tables import action
from hub.store.tables import reminder as table

_FIELDS = ("rule", "key", "instance", "client", "part", "assignee", "severity", "state", "title", "why", "count", "due",
           "triggered_at", "closed_by")  # fmt: skip
_COLUMNS = (*_FIELDS, "closed_at", "opened_at", "id", "detail")


class Kept(Struct, frozen=True, kw_only=True):
    """One stored reminder; `detail` holds what only the explanation needs."""

    rule: str
    key: str
    instance: str
    client: str | None
    part: str
    assignee: str
    severity: str
    state: str
    title: str
    why: str
    count: int
    due: datetime | None
    triggered_at: datetime
    closed_by: str = ""
    closed_at: datetime | None = None
    opened_at: datetime | None = None
    detail: dict[str, Any] = {}
    id: int = 0

    @property
    def subject_kind(self) -> str:
        """Return the kind of the thing the reminder is about."""
        return str(self.detail.get("subject_kind", ""))

    @property
    def subject(self) -> str:
        """Return the id of the thing the reminder is about."""
        return str(self.detail.get("subject", ""))

    def same_as(self, other: Kept) -> bool:
        """Tell whether storing the other would change nothing."""
        return all(getattr(self, field) == getattr(other, field) for field in (*_FIELDS, "detail"))

    def renewed(self, other: Kept) -> Kept:
        """Return the other as the new state of this row."""
        return replace(other, id=self.id, opened_at=self.opened_at)

    def closed(self, state: str, by: str, at: datetime) -> Kept:
        """Return this reminder, closed."""
        return replace(self, state=state, closed_by=by, closed_at=at)


def of_due(due: Any, instance: str, now: datetime) -> Kept:
    """Return an evaluated reminder as it is stored."""
    names = (
        "subject_kind",
        "subject",
        "trigger",
        "call_at",
        "attempts",
        "acked_at",
        "snoozed_until",
        "steps",
        "closes_when",
        "due_is_own",
        "ended_text",
        "assigned_by",
        "fee",
    )
    detail = msgspec.to_builtins({name: getattr(due, name) for name in names})
    return Kept(
        rule=due.rule, key=due.key, instance=instance, client=due.client, part=due.part,
        assignee=due.assignee, severity=due.severity, state=due.status, title=due.title, why=due.why,
        count=due.count, due=due.due, triggered_at=due.trigger_time,
        closed_by=due.by or (due.ended_text if due.status != "open" else ""), closed_at=due.ended_at, opened_at=now,
        detail=detail,
    )  # fmt: skip


def _reminders() -> Select[Any]:
    return select(*(table.c[name] for name in _COLUMNS))


def kept(connection: Connection, parts: Collection[str] | None = None) -> dict[tuple[str, str, str], Kept]:
    """Return every stored reminder, or those of these parts, by rule, key and instance."""
    queries = [_reminders()]
    if parts is not None:
        ordered = sorted(parts)
        pieces = (ordered[start : start + 500] for start in range(0, len(ordered), 500))
        queries = [_reminders().where(table.c.part.in_(piece)) for piece in pieces]
    rows = (row for query in queries for row in connection.execute(query))
    return {(row.rule, row.key, row.instance): _kept(row) for row in rows}


def kept_of_kinds(connection: Connection, kinds: Collection[str]) -> dict[tuple[str, str, str], Kept]:
    """Return the stored reminders whose part is a thing of one of these kinds."""
    rows = connection.execute(_reminders().where(or_(*(table.c.part.startswith(f"{kind}/") for kind in sorted(kinds)))))
    return {(row.rule, row.key, row.instance): _kept(row) for row in rows}


def by_id(connection: Connection, number: int) -> Kept | None:
    """Return one stored reminder."""
    row = connection.execute(_reminders().where(table.c.id == number)).first()
    return _kept(row) if row else None


def listed(connection: Connection, *, only_open: bool, assignee: str = "") -> list[Kept]:
    """Return reminders in order of their due time."""
    query = _reminders().order_by(table.c.due, table.c.id)
    if only_open:
        query = query.where(table.c.state == "open")
    if assignee:
        query = query.where(table.c.assignee == assignee)
    return [_kept(row) for row in connection.execute(query)]


def closed_since(connection: Connection, moment: datetime) -> list[Kept]:
    """Return the reminders that were closed at that moment or later, in order."""
    query = _reminders().where(table.c.state != "open", table.c.closed_at >= moment)
    return [_kept(row) for row in connection.execute(query.order_by(table.c.id))]


def _kept(row: Any) -> Kept:
    *values, detail = row
    return Kept(**dict(zip(_COLUMNS, values, strict=False)), detail=msgspec.json.decode(detail))


def save(connection: Connection, changes: list[Kept]) -> None:
    """Write changed reminders; closed ones first, because only one of a key may be open."""
    columns = (*_FIELDS, "closed_at", "opened_at", "detail")
    known = update(table).where(table.c.id == bindparam("number")).values({it: bindparam(it) for it in columns})
    for is_open in (False, True):
        rows = [
            {**{name: getattr(item, name) for name in columns}, "number": item.id,
             "detail": msgspec.json.encode(item.detail).decode()}
            for item in changes if (item.state == "open") is is_open
        ]  # fmt: skip
        if older := [row for row in rows if row["number"]]:
            connection.execute(known, older)
        if newer := [{name: row[name] for name in columns} for row in rows if not row["number"]]:
            connection.execute(table.insert(), newer)


def save_deed(connection: Connection, deed: Any, instance: str) -> None:
    """Keep what a person did."""
    data = {"until": deed.until, "employee": deed.employee, "result": deed.result, "reason": deed.reason}
    connection.execute(action.insert().values(
        rule=deed.rule, key=deed.key, instance=instance, kind=deed.kind, by=deed.by, at=deed.at,
        data=msgspec.json.encode(data).decode(),
    ))  # fmt: skip


def actions(connection: Connection) -> list[Any]:
    """Return all that people did, oldest first."""
    return list(connection.execute(select(action).order_by(action.c.at, action.c.id)))
