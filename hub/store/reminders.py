"""Reminders as stored, and what people did with them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, literal_column, select, update

from hub.store.tables import action
from hub.store.tables import reminder as table

_FIELDS = ("rule", "key", "instance", "client", "part", "assignee", "severity", "state", "title", "why", "count", "due",
           "triggered_at", "closed_by")  # fmt: skip
IS_OPEN = table.c.state == literal_column("'open'")
"""Word for word as in the index of the open ones."""
Run: TypeAlias = tuple[str, str, str]
"""Rule, key and instance of a stored reminder."""
Closed: TypeAlias = tuple[str, str, str, datetime | None]
"""What part a stored reminder is of, how it ended, by what (a fact, a person or words), and when."""
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


def _reminders(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(*(table.c[name] for name in _COLUMNS)).where(*conditions)


def opened(connection: Connection, of_parts: Iterable[ColumnElement[bool]]) -> list[Kept]:
    """Return the open reminders of these parts."""
    return [_kept(row) for each in of_parts for row in connection.execute(_reminders(IS_OPEN, each))]


def names_of_open(connection: Connection, of_parts: Iterable[ColumnElement[bool]]) -> dict[int, tuple[str, str]]:
    """Return rule and part of the open reminders of these parts, by number."""
    queries = (select(table.c.id, table.c.rule, table.c.part).where(IS_OPEN, each) for each in of_parts)
    return {row[0]: (row[1], row[2]) for query in queries for row in connection.execute(query)}


def closed_runs(connection: Connection, of_parts: Iterable[ColumnElement[bool]], since: datetime) -> dict[Run, Closed]:
    """Return what closed the reminders of these parts that began at that time or later, open ones left out."""
    wanted = select(*(table.c[name] for name in ("rule", "key", "instance", "part", "state", "closed_by", "closed_at")))
    queries = (wanted.where(~IS_OPEN, table.c.triggered_at >= since, each) for each in of_parts)
    return {tuple(row[:3]): tuple(row[3:]) for query in queries for row in connection.execute(query)}


def stored(connection: Connection, named: Iterable[tuple[str, str]]) -> list[Kept]:
    """Return every reminder, open or closed, of these rules and keys."""
    keys: dict[str, list[str]] = {}
    for rule, key in dict.fromkeys(named):
        keys.setdefault(rule, []).append(key)
    found: list[Kept] = []
    for rule, wanted in keys.items():
        for start in range(0, len(wanted), 500):
            query = _reminders(table.c.rule == rule, table.c.key.in_(wanted[start : start + 500]))
            found += map(_kept, connection.execute(query))
    return found


def by_id(connection: Connection, number: int) -> Kept | None:
    """Return one stored reminder."""
    row = connection.execute(_reminders().where(table.c.id == number)).first()
    return _kept(row) if row else None


def listed(connection: Connection, *, only_open: bool, assignee: str = "") -> list[Kept]:
    """Return reminders in order of their due time."""
    query = _reminders().order_by(table.c.due, table.c.id)
    if only_open:
        query = query.where(IS_OPEN)
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


def actions(connection: Connection, of_parts: Iterable[ColumnElement[bool]] | None = None) -> list[Any]:
    """Return what people did with the reminders of these parts (with all, for `None`), oldest first."""
    queries = [select(action)]
    if of_parts is not None:
        named = (select(table.c.rule, table.c.key).where(each).distinct().subquery() for each in of_parts)
        queries = [select(action).join(it, and_(action.c.rule == it.c.rule, action.c.key == it.c.key)) for it in named]
    found = {row.id: row for query in queries for row in connection.execute(query)}
    return sorted(found.values(), key=lambda row: (row.at, row.id))
