"""Reminders as tasks in the employee's own mailbox, for people who live in Outlook.

A task is written once for a reminder and whoever has to act, and closed when the reminder is over, another has to act,
or tasks are no longer wanted. What was written follows from the outbox; nothing else is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from hub import outbox
from hub.config import Employee
from hub.connections import Hub
from hub.documents.limits import one_line, printable
from hub.store import reminders
from hub.store.reminders import Kept
from hub.store.tables import command

WRITE, CLOSE = "task.write", "task.close"
AT_ONCE = ("urgent", "important")
DONE = "-done"
MOST_SUBJECT = 255


class Written(Struct, frozen=True):
    """A task that is not closed yet: the connection that wrote it, and in whose mailbox."""

    connection: str
    mailbox: str
    title: str
    client: str | None


def keep_tasks(hub: Hub, now: datetime) -> int:
    """Want what makes the tasks fit the open reminders; return how many commands that is. A second call adds none."""
    people = {it.id: it for it in hub.config.model.employees if it.tasks and it.mail}
    with hub.store.read() as connection:
        known = _written(connection)
        if not people and not known:
            return 0
        rows = reminders.listed(connection, only_open=True) if people else []
    wanted = {f"task-{row.id}-{row.assignee}": row for row in rows if row.assignee in people}
    new = [key for key in wanted if key not in known]
    over = [key for key in known if key not in wanted]
    if not new and not over:
        return 0
    with hub.store.write() as connection:
        for key in new:
            row = wanted[key]
            person = people[row.assignee]
            outbox.add(connection, WRITE, person.tasks, _task(hub, row, person), title=row.title, client=row.client,
                       by="hub", now=now, approve=False, key=key)  # fmt: skip
        for key in over:
            task = known[key]
            data = {"task": key, "mailbox": task.mailbox}
            outbox.add(connection, CLOSE, task.connection, data, title=task.title, client=task.client, by="hub",
                       now=now, approve=False, key=f"{key}{DONE}")  # fmt: skip
    return len(new) + len(over)


def _task(hub: Hub, row: Kept, person: Employee) -> Mapping[str, Any]:
    data: dict[str, Any] = {
        "subject": one_line(row.title)[:MOST_SUBJECT], "text": printable(row.why), "mailbox": person.mail,
        "important": row.severity in AT_ONCE,
    }  # fmt: skip
    if row.due is not None:
        data["due"] = row.due.astimezone(hub.config.zone).date().isoformat()
    return data


def _written(connection: Connection) -> dict[str, Written]:
    """Return the tasks that the hub wrote and has not closed."""
    close = command.alias()
    query = (
        select(command.c.id, command.c.connection, command.c.data, command.c.title, command.c.client)
        .outerjoin(close, close.c.id == command.c.id + DONE)
        .where(command.c.kind == WRITE, command.c.created_by == "hub", close.c.id.is_(None))
    )
    return {
        row.id: Written(row.connection, msgspec.json.decode(row.data).get("mailbox", ""), row.title, row.client)
        for row in connection.execute(query)
    }
