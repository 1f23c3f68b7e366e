"""What goes to objects: goods that went to the site, and requests to purchasing (S004-6, S004-22, S004-23)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from hub.entries.acts import Action, Desk, EntryError, Kind
from hub.entries.goods import goods_line, shelf
from hub.entries.offers import OBJECT, goods_of
from hub.entries.talks import CLIENT, EMPLOYEE, not_past
from hub.model.entities import Reference
from hub.model.entries import Handover, HandoverLine, Purchase
from hub.model.values import parse_decimal
from hub.projection import OPERATOR
from hub.store import state
from hub.store.parties import entity_id
from hub.store.tables import STATE

_ROWS = "A row: «title; quantity; unit», once for each."


def _handed(desk: Desk, _before: Handover | None, entry: Handover) -> Handover:
    """Take the unit that is not said from the offers of the object: the two are compared by name and unit."""
    project = _id_of(entry.project)
    units: dict[str, str] = {}
    for row in (line for offer in _offers(desk, project) for line in goods_of(offer["lines"])):
        units.setdefault(str(row["title"]).casefold(), str(row.get("unit", "")))
    lines = tuple(replace(it, unit=it.unit or units.get(it.title.casefold(), "")) for it in entry.lines)
    return replace(entry, date=entry.date or desk.today, lines=lines)


def _id_of(project: Reference | None) -> str:
    """Return the id of an object in the store."""
    return entity_id(project.connection or OPERATOR, "project", project.external_id) if project else ""


def _offers(desk: Desk, project: str) -> list[dict[str, Any]]:
    table = STATE["offer"]
    return state.read(desk.connection, "offer", ~table.c.deleted, table.c.project == project,
                      table.c.state != "refused")  # fmt: skip


HANDOVER = Kind(
    entity=Handover,
    title="Goods that went to an object, to be compared with its offer (S004-6, S004-23).",
    meanings={
        "client": f"{CLIENT} Else that of the object.",
        "project": OBJECT,
        "offer": "The offer it belongs to: number or id; else all of the object.",
        "lines": f"{_ROWS} «Камера; 1; шт; гарантия» replaces a broken thing.",
        "number": "Number of the delivery note.",
        "date": "The day; else today.",
        "employee": EMPLOYEE,
    },
    columns=("number", "date", "project"),
    order="date",
    past=("date",),
    rows={"lines": goods_line},
    actions=(
        Action(
            name="new",
            verb="made",
            help="Enter what went to the site.",
            fields=("client", "project", "offer", "lines", "number", "date", "employee"),
            needs=("project", "lines"),
            check=_handed,
        ),
    ),
)


def _requested(desk: Desk, before: Purchase | None, entry: Purchase) -> Purchase:
    """Without rows ask for what the offers of the object name and the stock does not have (S004-22)."""
    if before is None:
        not_past(desk, entry.needed, "needed")
    if entry.lines:
        return entry
    lines = missing_goods(desk, _id_of(entry.project))
    if not lines:
        raise EntryError("nothing is missing for this object.", field="lines",
                         hint="Its offers name no goods, or the stock has them all. Else say --line.")  # fmt: skip
    return replace(entry, lines=lines)


def missing_goods(desk: Desk, project: str) -> tuple[HandoverLine, ...]:
    """Return what the offers of an object name, less what lies in stock."""
    wanted: dict[tuple[str, str, str], Decimal] = {}
    for row in (line for offer in _offers(desk, project) for line in goods_of(offer["lines"])):
        key = (str(row["title"]), str(row.get("product", "")), str(row.get("unit", "")))
        wanted[key] = wanted.get(key, Decimal(0)) + (parse_decimal(str(row.get("quantity", "1"))) or Decimal(0))
    found = []
    for (title, product, unit), quantity in wanted.items():
        there = shelf(desk, product or title)
        lacks = quantity - max(there.stock or Decimal(0), Decimal(0)) if there else quantity
        if lacks > 0:
            found.append(HandoverLine(title=title, product=product, unit=unit, quantity=f"{lacks.normalize():f}"))
    return tuple(found)


def _ready(desk: Desk, before: Purchase | None, entry: Purchase) -> Purchase:
    if before and before.state == "ready":
        raise EntryError("it is ready already.")
    return replace(entry, ready=entry.ready or desk.today)


PURCHASE = Kind(
    entity=Purchase,
    title="Requests to purchasing for an object (S004-22).",
    meanings={
        "client": f"{CLIENT} Else that of the object.",
        "project": OBJECT,
        "lines": f"{_ROWS} Without one: what the offers name and the stock does not have.",
        "number": "Number of the request.",
        "needed": "The day by which it is needed.",
        "ready": "The day; else today.",
        "employee": EMPLOYEE,
    },
    columns=("number", "state", "needed", "ready", "project"),
    order="needed",
    open_while="ready",
    past=("ready",),
    rows={"lines": goods_line},
    actions=(
        Action(
            name="new",
            verb="requested",
            help="Ask purchasing for what an object needs.",
            fields=("client", "project", "lines", "number", "needed", "employee"),
            needs=("project", "needed"),
            check=_requested,
        ),
        Action(
            name="ready",
            verb="ready",
            help="It lies in stock for the object.",
            fields=("ready",),
            fixed={"state": "ready"},
            check=_ready,
        ),
    ),
)
