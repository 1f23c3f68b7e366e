"""`hub message answers`: which letters of clients were answered, by which letter, and how long they waited."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from hub.cli.app import App, pass_app, print_json, print_table
from hub.mail.threads import answers as answered
from hub.model.entities import Message
from hub.store import parties, state
from hub.store.tables import STATE


@click.command("answers")
@click.option("--client", "client_key", default="", help="Only letters of this client (id).")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far to look back.")
@click.option("--open", "only_open", is_flag=True, help="Only letters that nobody has answered.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def answers(app: App, client_key: str, days: int, only_open: bool, as_json: bool) -> None:
    """List letters of clients with the first answer of ours; letters of machines ask and answer nothing.

    A letter that the mailbox marks as answered was answered from somewhere that the hub does not see: it is not open.
    """
    table = STATE["message"]
    conditions = [~table.c.deleted, table.c.sent >= app.now() - timedelta(days=days)]
    with app.store.read() as connection:
        if client_key:
            conditions.append(table.c.client_id == parties.follow(connection, client_key))
        rows = state.read(connection, "message", *conditions, order="sent")
    messages = [_message(row) for row in rows]
    of = {id(message): row for message, row in zip(messages, rows, strict=True)}
    found = [it for it in answered(messages) if not (only_open and (it.answer or it.question.is_answered))]
    found.sort(key=lambda it: str(it.question.sent))
    told = [
        {
            "question": of[id(it.question)]["id"],
            "client": of[id(it.question)]["client_id"],
            "sender": it.question.sender,
            "subject": it.question.subject,
            "asked": it.question.sent,
            "answer": of[id(it.answer)]["id"] if it.answer else None,
            "answered": it.answer.sent if it.answer else None,
            "is_answered": it.answer is not None or it.question.is_answered,
            "waited_seconds": int(it.waited.total_seconds()) if it.waited is not None else None,
        }
        for it in found
    ]
    if as_json:
        print_json(told)
        return
    print_table(
        ("asked", "waited", "sender", "subject"),
        [(app.local(row["asked"]), _span(row), row["sender"], row["subject"]) for row in told],
        grow=3,
    )


def _message(row: dict[str, Any]) -> Message:
    return Message(**{name: row[name] for name in Message.__struct_fields__ if row.get(name) is not None})


def _span(row: dict[str, Any]) -> str:
    seconds: int | None = row["waited_seconds"]
    if seconds is None:
        return "answered" if row["is_answered"] else "open"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {minutes} min"
