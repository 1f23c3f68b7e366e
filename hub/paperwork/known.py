"""Drafts of what the hub holds already: invoices and acts of 1C; offers, purchases and check-lists that people entered.

What was printed already is not printed again unless it has changed since; a paper with a number then becomes its next
version. The number of the thing is that of its paper: none of the hub's own is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection

from hub.config import Config
from hub.documents import words
from hub.documents.folder import ChecklistDraft, Step
from hub.documents.form import Form
from hub.documents.genitive import short_name
from hub.documents.offers import Item, ObjectDraft
from hub.documents.own import form_of
from hub.model.entities import Line
from hub.model.errors import HubError
from hub.paperwork.drafts import Wish, keep_draft, make_draft, party_of, vat_rate
from hub.paperwork.sheet import draft_of, sheet_of
from hub.store import documents as rows
from hub.store import state
from hub.store.tables import STATE


class _Known(Struct, frozen=True):
    """What a paper is made from: its draft, and the day and the number that the thing has."""

    draft: Any
    day: date | None = None
    number: str = ""


def from_entity(
    connection: Connection, config: Config, kind: str, entity: str, client: Mapping[str, Any], *, by: str, now: datetime
) -> int:
    """Keep a draft of a kind of `SOURCES` from the thing of that id; return the document's id. Raises HubError."""
    source, make = SOURCES[kind]
    (row,) = state.read(connection, source, STATE[source].c.id == entity)
    form = form_of(config, kind)
    known = make(connection, config, form, row, client)
    origin = f"{source}/{entity}"
    if known.number:
        made = rows.listed(connection, kind=kind, number=known.number)
        if strangers := [it for it in made if sheet_of(it).origin != origin]:
            raise HubError(f"{form.title} № {known.number} was made here already, document {strangers[0].id}.",
                           hint="Give the hub's own documents another `documents: number_pattern`.")  # fmt: skip
    else:
        keys = [it[2] for it in rows.made_from(connection, origin) if it[:2] == (origin, kind)]
        made = rows.some(connection, keys)[::-1]
    if made and draft_of(form, sheet_of(made[0])) == known.draft and made[0].state != "cancelled":
        return made[0].id
    version = max((it.version for it in made), default=0) + 1 if known.number else 1
    return keep_draft(connection, config, form, known.draft, client, known.day, by=by, now=now, origin=origin,
                      number=known.number, version=version)  # fmt: skip


def _of_books(
    _connection: Connection, config: Config, form: Form[Any, Any], row: Mapping[str, Any], client: Mapping[str, Any]
) -> _Known:
    """An invoice or act of 1C, with its number, day and lines."""
    number, day = str(row["number"] or "").strip(), row["date"]
    if not number or day is None:
        raise HubError(f"the {form.kind} {row['id']} has no number or no date.", hint="Write it in 1C and sync.")
    lines = tuple(msgspec.convert(line, Line, strict=False) for line in row["lines"])
    if not lines and row["total"]:
        lines = (Line(title=str(row["note"] or form.title), total=row["total"], vat_rate=vat_rate(config, day)),)
    fields: dict[str, list[str]] = {"note": [str(row["note"])]} if row["note"] and row["lines"] else {}
    if row.get("due") and row["due"] >= day:
        fields["due"] = [row["due"].isoformat()]
    allowed = {field.encode_name for field in structs.fields(form.draft)}
    wish = Wish(lines, {name: texts for name, texts in fields.items() if name in allowed}, day)
    return _Known(make_draft(config, form, party_of(client), wish), day, number)


def _of_offer(
    connection: Connection, config: Config, form: Form[Any, Any], row: Mapping[str, Any], client: Mapping[str, Any]
) -> _Known:
    """An offer that people entered: the client's copy under its number, or a paper for our own people."""
    if not row["lines"]:
        raise HubError(f"the offer {row['number']} has no rows.", hint="Add them: hub offer add KEY --line …")
    items = [_item(line) for line in row["lines"]]
    draft = structs.replace(_object(connection, config, row, client), items=tuple(items))
    is_copy = form.kind == "offer"
    if is_copy and (deferral := max(line.get("deferral", 0) for line in row["lines"])):
        days = words.plural(deferral, "дня", "дней", "дней")
        draft = structs.replace(draft, note=f"Оплата: в течение {deferral}\u00a0{days} после поставки.")
    return _Known(draft, row["date"] if is_copy else None, str(row["number"] or "").strip() if is_copy else "")


def _item(line: Mapping[str, Any]) -> Item:
    price, cost = _roubles(line, "price"), _roubles(line, "cost")
    item = Item(title=line["title"], quantity=str(line.get("quantity", "1")), unit=line.get("unit") or "шт",
                vat_rate=line.get("vat_rate"))  # fmt: skip
    if line.get("is_work"):
        return structs.replace(item, work=item.title, work_price=price or Decimal(0), work_cost=cost)
    return structs.replace(item, price=price or Decimal(0), cost=cost or Decimal(0))


def _roubles(line: Mapping[str, Any], name: str) -> Decimal | None:
    money = line.get(name)
    if money and money["currency"] != "RUB":
        raise HubError(f"{line['title']!r} is in {money['currency']}; offers are printed in roubles.")
    return Decimal(money["amount"]) if money else None


def _of_purchase(
    connection: Connection, config: Config, _form: Form[Any, Any], row: Mapping[str, Any], client: Mapping[str, Any]
) -> _Known:
    """A request to purchasing; what things cost us is known from the offers of the object."""
    offers = STATE["offer"]
    found = state.read(connection, "offer", offers.c.project == row["project"], ~offers.c.deleted)
    costs = {line["title"]: _roubles(line, "cost") or Decimal(0) for offer in found for line in offer["lines"]}
    items = [
        Item(title=line["title"], quantity=str(line.get("quantity", "1")), unit=line.get("unit") or "шт",
             price=Decimal(0), cost=costs.get(line["title"], Decimal(0)))
        for line in row["lines"]
    ]  # fmt: skip
    return _Known(structs.replace(_object(connection, config, row, client), items=tuple(items)))


def _object(
    connection: Connection, config: Config, row: Mapping[str, Any], client: Mapping[str, Any]
) -> ObjectDraft:  # fmt: skip
    """Return what papers about an object say of it, without its rows."""
    found = state.read(connection, "project", STATE["project"].c.id == row["project"]) if row["project"] else []
    project: Mapping[str, Any] = found[0] if found else {}
    contracts = [project["contract"]] if project.get("contract") else []
    numbers = [it["number"] for it in state.read(connection, "contract", STATE["contract"].c.id.in_(contracts))]
    person = next((it for it in config.model.employees if it.id == (row["employee"] or project.get("employee"))), None)
    return ObjectDraft(
        party_of(client), (), place=", ".join(filter(None, (project.get("name"), project.get("address")))),
        contract=f"Договор № {numbers[0]}" if numbers and numbers[0] else "", start=project.get("start"),
        end=project.get("end"), manager=short_name(person.name) if person else "",
        manager_phone=person.phone if person else "",
    )  # fmt: skip


def _of_checklist(
    _connection: Connection, config: Config, _form: Form[Any, Any], row: Mapping[str, Any], client: Mapping[str, Any]
) -> _Known:
    """A check-list as it stands: who did what and when (S003-24)."""
    names = {person.id: short_name(person.name) for person in config.model.employees}
    steps = tuple(
        Step(it["title"], names.get(it.get("by", ""), it.get("by", "")), _day(config, it.get("done")))
        for it in row["items"]
    )  # fmt: skip
    manager = names.get(row["employee"] or "", "")
    return _Known(ChecklistDraft(party_of(client), manager=manager, steps=steps, title=str(row["title"] or "")))


def _day(config: Config, moment: str | None) -> date | None:
    return datetime.fromisoformat(moment).astimezone(config.zone).date() if moment else None


Make = Callable[[Connection, Config, Form[Any, Any], Mapping[str, Any], Mapping[str, Any]], _Known]
SOURCES: Mapping[str, tuple[str, Make]] = {
    "invoice": ("invoice", _of_books),
    "act": ("act", _of_books),
    "offer": ("offer", _of_offer),
    "offer_internal": ("offer", _of_offer),
    "works_list": ("offer", _of_offer),
    "purchase_request": ("purchase", _of_purchase),
    "checklist": ("checklist", _of_checklist),
}
"""Kinds of documents that can be made from what the hub holds: the kind of the thing, and how."""
