"""`hub client import`, `people` and `take-back`: lists of people, shown before they are kept (S002-5…11)."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from hub.cli.app import App, pass_app, print_json, print_table, print_wrapped, say
from hub.cli.entry import desk_of
from hub.entries.acts import Desk
from hub.entries.find import find_about
from hub.entries.people import columns as mapping
from hub.entries.people.load import LISTS, STATES, Item, Wish, copy_list, load, on_list, plan
from hub.entries.people.person import person_of
from hub.entries.people.table import read_table
from hub.entries.people.undo import take_back
from hub.model.errors import HubError
from hub.store import state
from hub.store.tables import STATE

_SHOWN = 60
_MARKS = {"new": "+", "added to": "+", "differs": "≠", "known": "=", "twice": "=", "doubtful": "?", "wrong": "!"}


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--client", "client_key", default="", help="Whose people they are: id, ИНН or name.")
@click.option("--column", "said", multiple=True, metavar="COLUMN=FIELD",
              help="What a column is, by heading or place: «Имя=given», «3=phone»; «4=-» leaves it out.")  # fmt: skip
@click.option("--mapping", "name", default="", help="Keep these columns under a name, or use those that were kept.")
@click.option("--list", "list_", default="", help="The list they belong to, for example «Тур 17».")
@click.option("--about", default="", metavar="KIND/KEY", help="The order or contract they belong to: order/17.")
@click.option("--again", is_flag=True, help="Load also who has the name of somebody known: it is another.")
@click.option("--overwrite", is_flag=True, help="Where the list says other than what was entered here, the list wins.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def import_(
    app: App, file: Path, client_key: str, said: tuple[str, ...], name: str, list_: str, about: str, again: bool,
    overwrite: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Load people from FILE: text, .xlsx, a table of .docx; - is what is pasted.

    Columns are known by their headings or by what stands in them. Who is known already is not entered twice: he is
    added to, or the difference is shown. Numbers of passports and cards are never kept.

    JSON: {load, columns: [{column, heading, field}], rows: [{row, state, name, detail, contact, client}], counts}
    """
    rows = read_table(_content(file), str(file))
    given = dict(_pair(text) for text in said)
    with app.store.write() if not dry_run else app.store.read() as connection:
        desk = desk_of(app, connection)
        area_code = app.config.model.area_code
        if name:
            headings = {text.casefold() for text in rows[0][1]}
            usable = {key: field for key, field in mapping.kept(connection, name).items()
                      if key.isdecimal() or key.casefold() in headings}  # fmt: skip
            given = {**usable, **given}
        columns = mapping.understand(rows, given, area_code)
        people = [person_of(number, columns.cells(cells), today=desk.today, area_code=area_code)
                  for number, cells in rows[columns.first :]]  # fmt: skip
        wish = Wish(client=client_key, lists=_lists(connection, list_, about), again=again, overwrite=overwrite)
        items = plan(desk, people, wish)
        key = "" if dry_run else load(desk, items, wish)
        if name and not dry_run:
            mapping.keep(connection, name, columns)
    if as_json:
        print_json(_document(key, columns, items))
        return
    _tell(columns, items, key, is_dry=dry_run)


def _content(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise HubError(f"{file} cannot be read: {error.strerror}.") from error


def _pair(text: str) -> tuple[str, str]:
    column, sign, field = text.rpartition("=")
    if not sign or not column.strip() or not field.strip():
        raise click.BadParameter(f"{text!r} is not COLUMN=FIELD, for example 3=phone", param_hint="--column")
    return column.strip(), field.strip()


def _lists(connection: Connection, name: str, about: str) -> tuple[tuple[str, str], ...]:
    """Return the lists and orders that are named, each by the value that binds and the text that is read."""
    found = [(name.strip(), "")] if name.strip() else []
    if about:
        kind, row = find_about(connection, about)
        found.append((f"{kind}/{row['id']}", f"№ {row['number']}" if row.get("number") else str(row.get("name") or "")))
    return tuple(found)


def _document(key: str, columns: mapping.Columns, items: list[Item]) -> dict[str, Any]:
    told = [{"row": it.person.row, "state": it.state, "name": it.person.name, "detail": it.detail,
             "contact": it.contact, "client": it.client} for it in items]  # fmt: skip
    what = [{"column": place, "heading": heading, "field": field} for place, (heading, field)
            in enumerate(zip(columns.headings, columns.fields, strict=True), 1)]  # fmt: skip
    return {"load": key, "columns": what, "rows": told, "counts": Counter(it.state for it in items)}


def _tell(columns: mapping.Columns, items: list[Item], key: str, *, is_dry: bool) -> None:
    for place, (heading, field) in enumerate(zip(columns.headings, columns.fields, strict=True), 1):
        say(f"  {place:2} {heading[:30]:30} {mapping.FIELDS.get(field, 'a person in a line')}")
    shown = [it for it in items if it.state != "known"][:_SHOWN]
    table = [(it.person.row, f"{_MARKS[it.state]} {it.state}", it.person.name, _day(it), it.detail) for it in shown]
    if table:
        print_wrapped(table)
    if (left := sum(it.state != "known" for it in items) - len(shown)) > 0:
        say(f"  … and {left} rows more; --json shows all.")
    counts = Counter(it.state for it in items)
    told = ", ".join(f"{counts[name]} {name}" for name in STATES if counts[name])
    if not key:
        say(f"{'Would be' if is_dry else 'Found'}: {told}. Nothing was written.")
        return
    say(f"Done: {told}.")
    say(f"  To take it back: hub client take-back {key}")


def _day(item: Item) -> str:
    return f"{item.person.birthday:%d.%m.%Y}" if item.person.birthday else ""


@click.command("take-back")
@click.argument("key", metavar="LOAD")
@pass_app
def take_back_(app: App, key: str) -> None:
    """Undo a load: whom it made new, to which lists it bound people, what it added to those who were known.

    An addition that was changed since stays as it is and is named.
    """
    with app.store.write() as connection:
        done = take_back(desk_of(app, connection), key)
    added = f" {done.restored} have back what they had." if done.restored else ""
    say(f"{done.people} people are taken back.{added}")
    for what in done.left:
        say(f"  changed since, left as it is: {what}")


@click.command("people")
@click.argument("source", metavar="[LIST|KIND/KEY]", default="")
@click.option("--search", default="", help="Only lists with this in their name, or on which such a person stands.")
@click.option("--to", "list_", default="", help="Put all of them on this list as well.")
@click.option("--about", default="", metavar="KIND/KEY", help="Bind all of them to this order or contract as well.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@pass_app
def people(app: App, source: str, search: str, list_: str, about: str, as_json: bool) -> None:
    """List the people of a list or an order; without one the lists, the newest first.

    JSON: [{name, birthday, contact, client}], of lists [{list, text, day, people}]
    """
    with app.store.write() if list_ or about else app.store.read() as connection:
        desk = desk_of(app, connection)
        value = _value(connection, source)
        if list_ or about:
            count = copy_list(desk, value, _lists(connection, list_, about))
            say(f"{count} people more.")
            return
        rows = _members(desk, value) if source else _all_lists(desk, search)
    if as_json:
        print_json(rows)
    elif source:
        print_table(("contact", "born", "name"), [(it["contact"], it["birthday"] and f"{it['birthday']:%d.%m.%Y}",
                                                   it["name"]) for it in rows], grow=2)  # fmt: skip
    else:
        cells = [(f"{it['day']:%d.%m.%Y}", it["people"], it["list"], it["text"]) for it in rows]
        print_table(("day", "people", "list", "text"), cells, grow=3)


def _value(connection: Connection, source: str) -> str:
    if "/" not in source:
        return source.strip()
    kind, row = find_about(connection, source)
    return f"{kind}/{row['id']}"


def _members(desk: Desk, value: str) -> list[dict[str, Any]]:
    ids = {str(row["contact"]) for row in on_list(desk, value)}
    table = STATE["contact"]
    rows = state.read(desk.connection, "contact", ~table.c.deleted, order="name")
    return [{"name": row["name"], "birthday": row["birthday"], "contact": row["id"], "client": row["client_id"]}
            for row in rows if row["id"] in ids]  # fmt: skip


def _all_lists(desk: Desk, search: str) -> list[dict[str, Any]]:
    table, people = STATE["trait"], STATE["contact"]
    names = {row["id"]: str(row["name"]) for row in state.read(desk.connection, "contact", ~people.c.deleted)}
    found: dict[str, dict[str, Any]] = {}
    wanted = search.casefold()
    fits: set[str] = set()
    for row in state.read(desk.connection, "trait", ~table.c.deleted, table.c.type == LISTS, order="noticed"):
        one = found.setdefault(row["value"], {"list": row["value"], "text": row["text"], "people": 0})
        one |= {"day": row["noticed"], "people": one["people"] + 1}
        if any(wanted in text.casefold() for text in (row["value"], row["text"], names.get(row["contact"], ""))):
            fits.add(row["value"])
    return [it for value, it in reversed(found.items()) if value in fits]
