"""`hub contact|contract|invoice|act|payment|ticket|call|message list`: current state of one kind, with its client."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import Connection

from hub.cli.answers import answers
from hub.cli.app import App, no_such, pass_app, print_json, print_table, say_lines
from hub.cli.matches import matches
from hub.store import parties, state
from hub.store.tables import STATE

COLUMNS: dict[str, tuple[str, ...]] = {
    "contact": ("name", "position"),
    "contract": ("number", "end", "fee", "is_closed"),
    "invoice": ("number", "date", "due", "total"),
    "act": ("number", "date", "total"),
    "payment": ("number", "date", "total", "purpose"),
    "ticket": ("number", "priority", "state", "subject"),
    "call": ("started", "direction", "state", "number", "talk_seconds"),
    "message": ("sent", "direction", "subject"),
}
_ORDER = {"contact": "name", "call": "started", "message": "sent", "ticket": "created", "contract": "number"}


def _group(kind: str) -> click.Group:
    group = click.Group(kind, help=f"{kind.capitalize()}s as the sources say them now.")

    @group.command("list", help=f"List {kind}s.")
    @click.option("--client", "client_key", default="", help="Only those of this client (id).")
    @click.option("--unbound", is_flag=True, help="Only those whose client is not known.")
    @click.option("--limit", type=click.IntRange(1), default=None, help="At most so many, the newest.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
    @pass_app
    def list_(app: App, client_key: str, unbound: bool, limit: int | None, as_json: bool) -> None:
        table = STATE[kind]
        conditions = [~table.c.deleted]
        with app.store.read() as connection:
            if client_key:
                conditions.append(table.c.client_id == parties.follow(connection, client_key))
            if unbound:
                conditions.append(table.c.client_id.is_(None))
            rows = state.read(connection, kind, *conditions, order=_ORDER.get(kind, "date"))
            rows = rows[-limit:] if limit else rows
            names = _names(connection, rows)
        if as_json:
            print_json([_as_json(kind, row) for row in rows])
            return
        heads = COLUMNS[kind]
        print_table((*heads, "client"), [
            (*(_shown(app, row[field]) for field in heads), names.get(row["client_id"], "")) for row in rows
        ], grow=len(heads) if kind not in ("ticket", "payment", "message") else len(heads) - 1)  # fmt: skip

    @group.command("show", help=f"Show one {kind}.")
    @click.argument("key")
    @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
    @pass_app
    def show(app: App, key: str, as_json: bool) -> None:
        with app.store.read() as connection:
            rows = state.read(connection, kind, STATE[kind].c.id == key)
        if not rows:
            no_such(kind, key)
        if as_json:
            print_json(_as_json(kind, rows[0]))
            return
        for field, value in _as_json(kind, rows[0]).items():
            if value not in (None, "", []):
                say_lines(f"{field:15} {_shown(app, value)}", " " * 16)

    return group


def _as_json(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    shown = {
        name: value for name, value in row.items() if name not in ("client_id", "connection", "external_id", "deleted")
    }
    shown["client"] = row["client_id"]
    shown["reference"] = {"connection": row["connection"], "kind": kind, "external_id": row["external_id"]}
    return shown


def _names(connection: Connection, rows: list[dict[str, Any]]) -> dict[str, str]:
    wanted = {row["client_id"] for row in rows if row["client_id"]}
    table = STATE["client"]
    names: dict[str, str] = {}
    ordered = sorted(wanted)
    for start in range(0, len(ordered), 500):
        found = state.read(connection, "client", table.c.id.in_(ordered[start : start + 500]))
        names.update({row["id"]: str(row["name"]) for row in found})
    return names


def _shown(app: App, value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "hour"):
        return app.local(value)
    if hasattr(value, "strftime"):
        return str(value.strftime("%d.%m.%Y"))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


contact = _group("contact")
contract = _group("contract")
invoice = _group("invoice")
act = _group("act")
payment = _group("payment")
ticket = _group("ticket")
call = _group("call")
message = _group("message")
payment.add_command(matches)
message.add_command(answers)
