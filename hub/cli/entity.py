"""`hub contact list`, `hub invoice list`, `hub product list` …: current state of one kind, with its client if any."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import click
from sqlalchemy import ColumnElement, Connection, func, select

from hub.cli.answers import answers
from hub.cli.app import App, pass_app, print_json, print_table, say, say_lines
from hub.cli.letter_files import files
from hub.cli.matches import matches
from hub.entries.find import find, find_client
from hub.model.values import Money
from hub.store import state
from hub.store.tables import STATE
from hub.store.types import Day, Instant

_WORDS = (
    "activity",
    "text",
    "reason",
    "title",
    "value",
    "name",
    "project",
    "client",
    "department",
    "status",
    "content",
)
"""Columns of words, which are cut before a table grows wider than the terminal."""
COLUMNS: dict[str, tuple[str, ...]] = {
    "contact": ("name", "position"),
    "contract": ("number", "end", "fee", "is_closed"),
    "invoice": ("number", "date", "due", "total"),
    "act": ("number", "date", "total"),
    "payment": ("number", "date", "total", "purpose"),
    "call": ("started", "direction", "state", "number", "talk_seconds"),
    "message": ("id", "sent", "direction", "subject"),
    "order": ("number", "date", "shipping", "state", "total"),
    "balance": ("amount", "contract"),
    "employee": ("name", "role", "mail", "phone"),
    "organisation": ("name", "inn", "kpp"),
    "bank_account": ("number", "bic", "bank", "is_closed"),
    "product": ("name", "code", "article", "unit", "group"),
    "price": ("product", "variant", "type", "price", "unit", "date"),
    "stock": ("product", "variant", "warehouse", "quantity", "reserved"),
}
_ORDER = {"contact": "name", "call": "started", "message": "sent", "contract": "number",
          "employee": "name", "organisation": "name", "bank_account": "number", "product": "name", "price": "product",
          "stock": "product"}  # fmt: skip
MOST = 100
"""So many lines of a table are shown unless more are asked for."""
_NAMED = {"product": "name", "contract": "number", "project": "name"}
"""Columns that hold the id of another thing, and by which of its fields people know it."""


def _for_clients(kind: str) -> Callable[[Any], Any]:
    """Return what adds the options of a kind that belongs to clients."""

    def add(command: Any) -> Any:
        if "client_id" not in STATE[kind].c:
            return command
        whose = "Only those of this client: id, ИНН or name."
        command = click.option("--unbound", is_flag=True, help="Only those whose client is not known.")(command)
        return click.option("--client", "client_key", default="", help=whose)(command)

    return add


def _group(kind: str) -> click.Group:
    text = f"{kind.replace('_', ' ').capitalize()}s as the sources say them now."
    return entity_group(kind, text, COLUMNS[kind], _ORDER.get(kind, "date"))


def _is_by_time(kind: str, order: str) -> bool:
    return isinstance(STATE[kind].c[order].type, (Day, Instant))


def _limits(kind: str, order: str) -> str:
    return (
        f"At most so many, {'the newest' if _is_by_time(kind, order) else 'the first'}; a table has {MOST} otherwise."
    )


def entity_group(
    kind: str, text: str, columns: tuple[str, ...], order: str, *, is_open: ColumnElement[bool] | None = None
) -> click.Group:
    """Return a group that lists and shows things of one kind; `is_open` is the condition of those not at their end."""
    group = click.Group(kind.replace("_", "-"), help=text)
    only_open = click.Option(["--open", "only_open"], is_flag=True, help="Only those that are not at their end.")
    whose = click.Option(["--employee"], default="", help="Only those of this employee of ours.")

    @group.command("list", help=f"List {kind.replace('_', ' ')}s.")
    @_for_clients(kind)
    @click.option("--limit", type=click.IntRange(1), default=None, help=_limits(kind, order))
    @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
    @pass_app
    def list_(
        app: App, limit: int | None, as_json: bool, client_key: str = "", unbound: bool = False,
        only_open: bool = False, employee: str = "",
    ) -> None:  # fmt: skip
        table = STATE[kind]
        conditions = [~table.c.deleted]
        if employee:
            conditions.append(table.c.employee == employee_of(app, employee))
        if unbound:
            conditions.append(table.c.client_id.is_(None))
        if only_open and is_open is not None:
            conditions.append(is_open)
        with app.store.read() as connection:
            if client_key:
                conditions.append(table.c.client_id == find_client(connection, client_key)["id"])
            most = limit if limit or as_json else MOST
            rows = state.read(connection, kind, *conditions, order=order, limit=most, last=_is_by_time(kind, order))
            if not as_json:
                _print(app, connection, kind, columns, rows)
                count = connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()
                if count > len(rows):
                    what = "older ones" if _is_by_time(kind, order) else "more"
                    say(f"… and {count - len(rows)} {what}. All of them: --limit {count}")
        if as_json:
            print_json([as_document(kind, row) for row in rows])

    extra = [only_open] if is_open is not None else []
    list_.params[2:2] = [*extra, whose] if "employee" in STATE[kind].c else extra

    @group.command("show", help=f"Show one {kind}.")
    @click.argument("key")
    @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
    @pass_app
    def show(app: App, key: str, as_json: bool) -> None:
        with app.store.read() as connection:
            row = find(connection, kind, key)
            document = as_document(kind, row)
            if kind == "ticket":
                document["comments"] = _comments(connection, row["id"])
        if as_json:
            print_json(document)
        else:
            _say(app, document)

    return group


def _say(app: App, document: dict[str, Any]) -> None:
    """Print one thing, what was said about it last."""
    for field, value in document.items():
        if value not in (None, "", []) and field != "comments":
            shown = "\n".join(map(_line, value)) if field == "lines" else _shown(app, value)
            say_lines(f"{field:15} {shown}", " " * 16)
    for comment in document.get("comments", ()):
        seen = "" if comment["is_public"] else " (not seen by the client)"
        say(f"{app.local(comment['written'])}  {comment['author']}{seen}:")
        say_lines(f"    {comment['text']}", " " * 4)


def _comments(connection: Connection, ticket: str) -> list[dict[str, Any]]:
    """Return what was said about a ticket, the oldest first."""
    table = STATE["comment"]
    rows = state.read(connection, "comment", ~table.c.deleted, table.c.ticket == ticket, order="written")
    return [{name: row[name] for name in ("id", "author", "text", "written", "is_public")} for row in rows]


def _print(
    app: App, connection: Connection, kind: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Print rows of one kind with the names of what they are about."""
    known = {name: _names(connection, name, [row[name] for row in rows]) for name in columns if name in _NAMED}
    if rows:  # a column that nobody filled tells nothing
        columns = [name for name in columns if any(row[name] not in (None, "") for row in rows)]
    cells = [[known[name].get(row[name], "") if name in known else _in_table(app, row[name]) for name in columns]
             for row in rows]  # fmt: skip
    heads = list(columns)
    if "client_id" in STATE[kind].c:
        whose = _names(connection, "client", [row["client_id"] for row in rows])
        cells = [[*line, whose.get(row["client_id"] or "", "")] for line, row in zip(cells, rows, strict=True)]
        heads.append("client")
    soft = [place for place, name in enumerate(heads) if name in _WORDS]
    grow = len(heads) - 1
    if kind in ("ticket", "payment", "message"):
        grow -= 1
    print_table(heads, cells, grow=grow if "client_id" in STATE[kind].c else 0, soft=soft)


def _in_table(app: App, value: Any) -> str:
    """Return a value for a table: a time of this year goes without it."""
    if hasattr(value, "hour") and value.astimezone(app.zone).year == app.now().astimezone(app.zone).year:
        return app.local(value).replace(f".{app.now().astimezone(app.zone).year} ", " ")
    return _shown(app, value)


def employee_of(app: App, name: str) -> str:
    """Return the id of an employee by any name he is known under; an unknown name is taken as it is."""
    from hub.facts import aliases

    return aliases(app.config).get(name.casefold(), name)


def as_document(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return the keys that outside scripts rely on: the entity's fields, its client and its reference."""
    shown = {
        name: value for name, value in row.items() if name not in ("client_id", "connection", "external_id", "deleted")
    }
    if "client_id" in row:
        shown["client"] = row["client_id"]
    shown["reference"] = {"connection": row["connection"], "kind": kind, "external_id": row["external_id"]}
    return shown


def _names(connection: Connection, kind: str, ids: Iterable[str | None]) -> dict[str, str]:
    """Return how people know the things of a kind that have these ids."""
    table, field = STATE[kind], _NAMED.get(kind, "name")
    names: dict[str, str] = {}
    ordered = sorted({it for it in ids if it})
    for start in range(0, len(ordered), 500):
        found = state.read(connection, kind, table.c.id.in_(ordered[start : start + 500]))
        names.update({row["id"]: str(row[field]) for row in found})
    return names


def _line(line: Mapping[str, Any]) -> str:
    """Return a row of a document as one line: `Чай: 3 пач × 120.50 = 361.50 RUB`."""
    price, total = (Money(Decimal(it["amount"]), it["currency"]) if it else None
                    for it in (line.get("price"), line.get("total")))  # fmt: skip
    how_much = " ".join(filter(None, (str(line.get("quantity", "1")), str(line.get("unit", "")))))
    return f"{line['title']}: {how_much}" + (f" × {price}" if price else "") + (f" = {total}" if total else "")


def _shown(app: App, value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "hour"):
        return app.local(value)
    if hasattr(value, "strftime"):
        return str(value.strftime("%d.%m.%Y"))
    if isinstance(value, list):
        return "\n".join(_shown(app, it) for it in value)
    if isinstance(value, dict):
        parts = {"amount", "currency"} <= value.keys() and f"{value['amount']} {value['currency']}"
        return parts or ", ".join(
            f"{name}: {_shown(app, it)}" for name, it in value.items() if it not in (None, "", [])
        )
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


contact = _group("contact")
contract = _group("contract")
invoice = _group("invoice")
act = _group("act")
payment = _group("payment")
call = _group("call")
message = _group("message")
order = _group("order")
balance = _group("balance")
employee = _group("employee")
organisation = _group("organisation")
bank_account = _group("bank_account")
product = _group("product")
price = _group("price")
stock = _group("stock")
payment.add_command(matches)
message.add_command(answers)
message.add_command(files)
