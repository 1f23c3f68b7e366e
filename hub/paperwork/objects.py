"""The draft of an object's papers from its offer: the client's copy, the forecast, the works list, the purchase."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection

from hub.config import Config
from hub.documents.offers import Item, ObjectDraft
from hub.model.values import parse_decimal
from hub.paperwork.drafts import party_of
from hub.store import state
from hub.store.tables import STATE


def object_draft(connection: Connection, config: Config, offer: Mapping[str, Any], client: Mapping[str, Any]
                 ) -> ObjectDraft:  # fmt: skip
    """Return the draft of an offer that was entered: each row of goods or works is an item of its own."""
    objects = state.read(connection, "project", STATE["project"].c.id == (offer["project"] or ""))
    site = objects[0] if objects else {}
    contracts = state.read(connection, "contract", STATE["contract"].c.id == (site.get("contract") or ""))
    people = {person.id: person for person in config.model.employees}
    manager = people.get(str(offer["employee"] or site.get("employee") or ""))
    return ObjectDraft(
        client=party_of(client), items=tuple(_item(connection, line) for line in offer["lines"]),
        place=", ".join(filter(None, (site.get("name"), site.get("address")))),
        coefficient=config.model.entering.works_share, contract=_contract(contracts[0]) if contracts else "",
        start=site.get("start"), end=site.get("end"),
        manager=manager.name if manager else "", manager_phone=str(manager.phone or "") if manager else "",
    )  # fmt: skip


def _item(connection: Connection, line: Mapping[str, Any]) -> Item:
    price, cost = _amount(line, "price"), _amount(line, "cost")
    item = Item(title=line["title"], quantity=str(line.get("quantity", "1")), unit=str(line.get("unit", "")),
                vat_rate=line.get("vat_rate"))  # fmt: skip
    if line.get("is_work"):
        return replace(item, work=item.title, work_price=price)
    return replace(item, price=price, cost=cost, in_stock=_stock(connection, line))


def _stock(connection: Connection, line: Mapping[str, Any]) -> str:
    table = STATE["stock"]
    rows = state.read(connection, "stock", ~table.c.deleted, table.c.product == (line.get("product") or ""))
    free = sum(((parse_decimal(row["quantity"] or "0") or Decimal(0)) - (parse_decimal(row["reserved"] or "0") or
                Decimal(0)) for row in rows), Decimal(0))  # fmt: skip
    return f"{max(free, Decimal(0)).normalize():f}"


def _amount(line: Mapping[str, Any], name: str) -> Decimal:
    price = line.get(name)
    return parse_decimal(str(price["amount"])) or Decimal(0) if price else Decimal(0)


def _contract(row: Mapping[str, Any]) -> str:
    day = f" от {row['date']:%d.%m.%Y}" if row["date"] else ""
    return f"Договор № {row['number']}{day}"
