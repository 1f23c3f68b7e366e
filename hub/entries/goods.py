"""Rows of goods as people write them, completed from the catalogue: unit, price, what it costs us, what is in stock.

`Камера; 6` takes the rest from the catalogue, `Камера; 6; шт; 8450,50; 6100` says it all. Works follow from goods by
the firm's own rules (`entering.works`), so that an offer has them as soon as its goods are entered (S004-4, S004-15).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import func, or_

from hub.entering import WorkRule
from hub.entries.acts import Desk, EntryError
from hub.model.entries import HandoverLine, OfferLine
from hub.model.values import Money, parse_decimal
from hub.store import state
from hub.store.tables import STATE

WORK = "работа:"
"""A row that begins so is a work that no rule makes."""
WARRANTY = ("гарантия", "warranty")
_MOST = Decimal(10) ** 9


class Shelf(Struct, frozen=True, kw_only=True):
    """What the catalogue says of a product; `stock` is what lies there unreserved, `None` when nobody counts it."""

    id: str
    name: str
    unit: str
    group: str
    price: Money | None
    cost: Money | None
    stock: Decimal | None


def shelf(desk: Desk, name: str) -> Shelf | None:
    """Return the product of that name, code or article, `None` when the catalogue has none or several."""
    table = STATE["product"]
    wanted = name.strip()
    exact = or_(table.c.name == wanted, table.c.code == wanted, table.c.article == wanted, table.c.id == wanted)
    living = (~table.c.deleted, ~table.c.is_folder)
    rows = state.read(desk.connection, "product", *living, exact, limit=2)
    if not rows:  # SQLite folds no Cyrillic letters: compare here
        same = func.length(table.c.name) == len(wanted)
        rows = [row for row in state.read(desk.connection, "product", *living, same)
                if str(row["name"]).casefold() == wanted.casefold()]  # fmt: skip
    return _shelf(desk, rows[0]) if len(rows) == 1 else None


def _shelf(desk: Desk, row: dict[str, Any]) -> Shelf:
    entering = desk.config.model.entering
    return Shelf(
        id=str(row["id"]), name=str(row["name"]), unit=str(row["unit"] or ""), group=str(row["group"] or ""),
        price=_price(desk, row["id"], entering.sale_price), cost=_price(desk, row["id"], entering.cost_price),
        stock=_stock(desk, row["id"]),
    )  # fmt: skip


def _price(desk: Desk, product: str, type_: str) -> Money | None:
    """Return the newest price of a type that holds today."""
    table = STATE["price"]
    rows = state.read(desk.connection, "price", ~table.c.deleted, table.c.product == product,
                      func.coalesce(table.c.date, desk.today) <= desk.today, order="date")  # fmt: skip
    found = [row["price"] for row in rows if str(row["type"]).casefold() == type_.casefold() and row["price"]]
    return found[-1] if found else None


def _stock(desk: Desk, product: str) -> Decimal | None:
    table = STATE["stock"]
    rows = state.read(desk.connection, "stock", ~table.c.deleted, table.c.product == product)
    free = [_number(row["quantity"]) - _number(row["reserved"]) for row in rows]
    return sum(free, Decimal(0)) if rows else None


def _number(text: str | None) -> Decimal:
    return parse_decimal(text or "") or Decimal(0)


def analogues(desk: Desk, of: Shelf) -> list[Shelf]:
    """Return what lies in stock of the same group, the fullest shelf first (S002-47)."""
    table = STATE["product"]
    if not of.group:
        return []
    rows = state.read(desk.connection, "product", ~table.c.deleted, ~table.c.is_folder, table.c.group == of.group,
                      table.c.id != of.id, limit=200)  # fmt: skip
    found = [it for it in (_shelf(desk, row) for row in rows) if it.stock]
    return sorted(found, key=lambda it: (-(it.stock or 0), it.name))


def offer_line(desk: Desk, text: str, deferral: int = 0) -> OfferLine:
    """Read `title; quantity; unit; price; cost`; what is left out comes from the catalogue. Raises EntryError.

    `deferral` is how many days after delivery the client pays.
    """
    is_work = text.casefold().startswith(WORK)
    parts = _parts(text[len(WORK) :] if is_work else text, 5)
    found = None if is_work else shelf(desk, parts[0])
    price, cost = (_money(text, part) for part in parts[3:])
    entering = desk.config.model.entering
    if found and price is None:
        price = _reduced(desk, found, _number(_quantity(text, parts[1])), deferral)
    if price is None:
        raise EntryError(f"{parts[0]!r} has no price.", field="lines",
                         hint=f"Write: title; quantity; unit; price; cost. Or let the catalogue have a price "
                              f"{entering.sale_price!r}.")  # fmt: skip
    if is_work:
        cost = cost or (price * entering.works_share).rounded()
    rate = desk.config.model.organisation.vat_on(desk.today)[0] if desk.config.model.organisation else None
    return OfferLine(
        title=found.name if found else parts[0], product=found.id if found else "", quantity=_quantity(text, parts[1]),
        unit=parts[2] or (found.unit if found else ""), price=price, cost=cost or (found.cost if found else None),
        vat_rate=rate, is_work=is_work, deferral=deferral,
    )  # fmt: skip


def _reduced(desk: Desk, found: Shelf, quantity: Decimal, deferral: int) -> Money | None:
    """Return the catalogue's price less the best discount for this quantity and term of payment (S002-46)."""
    percents = [
        rule.percent for rule in desk.config.model.entering.discounts
        if quantity >= rule.quantity and (rule.deferral is None or deferral <= rule.deferral)
        and _is_meant(rule.goods, found.name, found.group)
    ]  # fmt: skip
    if found.price is None or not percents:
        return found.price
    return (found.price * ((100 - max(percents)) * Decimal("0.01"))).rounded()


def _is_meant(goods: str, *names: str) -> bool:
    return any(goods.casefold() in name.casefold() for name in names)


def goods_line(desk: Desk, text: str) -> HandoverLine:
    """Read `title; quantity; unit; price`; a last word «гарантия» marks what replaces a broken thing. EntryError."""
    head, _, last = text.rpartition(";")
    is_warranty = last.strip().casefold() in WARRANTY
    parts = _parts(head if is_warranty else text, 4)
    found = shelf(desk, parts[0])
    return HandoverLine(
        title=found.name if found else parts[0], product=found.id if found else "", quantity=_quantity(text, parts[1]),
        unit=parts[2] or (found.unit if found else ""), price=_money(text, parts[3]), is_warranty=is_warranty,
    )  # fmt: skip


def _parts(text: str, most: int) -> list[str]:
    parts = [part.strip() for part in text.split(";")]
    if not parts[0] or len(parts) > most:
        raise EntryError(f"{text!r} is no row of goods.", field="lines",
                         hint="Write: title; quantity; unit; price, for example «Камера; 6; шт; 8450,50».")  # fmt: skip
    return parts + [""] * (most - len(parts))


def _quantity(text: str, part: str) -> str:
    quantity = parse_decimal(part) if part else Decimal(1)
    if quantity is None or not 0 < quantity < _MOST:
        raise EntryError(f"{text!r}: the quantity must be a number above zero.", field="lines")
    return f"{quantity.normalize():f}"


def _money(text: str, part: str) -> Money | None:
    if not part:
        return None
    money = Money.parse(part)
    if money is None or not 0 <= money.amount < _MOST or money != money.rounded():
        raise EntryError(f"{text!r}: {part!r} is no amount in whole kopecks.", field="lines")
    return money


def works_for(desk: Desk, goods: Sequence[OfferLine]) -> tuple[OfferLine, ...]:
    """Return the works that the firm's rules make from goods, each by the first rule that fits."""
    rules, share = desk.config.model.entering.works, desk.config.model.entering.works_share
    found = []
    for line in goods:
        rule = None if line.is_work else next((it for it in rules if _fits(desk, it, line)), None)
        price = _work_price(rule, line) if rule else None
        if rule and price:
            found.append(OfferLine(title=rule.work or f"Монтаж: {line.title}", product=line.title,
                                   quantity=line.quantity, unit=line.unit, price=price,
                                   cost=(price * share).rounded(), vat_rate=line.vat_rate, is_work=True))  # fmt: skip
    return tuple(found)


def _fits(desk: Desk, rule: WorkRule, line: OfferLine) -> bool:
    if _is_meant(rule.goods, line.title):
        return True
    table = STATE["product"]
    rows = state.read(desk.connection, "product", table.c.id == line.product) if line.product else []
    return any(_is_meant(rule.goods, str(row["group"] or "")) for row in rows)


def _work_price(rule: WorkRule, line: OfferLine) -> Money | None:
    if rule.price:
        return Money(rule.price).rounded()
    return (line.price * rule.percent * Decimal("0.01")).rounded() if line.price and rule.percent else None


def total_of(lines: Sequence[OfferLine], *, cost: bool = False) -> Money:
    """Return the sum of the rows as the client pays it, or as it costs us, each row rounded to kopecks."""
    total = Money(Decimal("0.00"))
    for line in lines:
        amount = line.cost if cost else line.price
        if amount is not None:
            total += (amount * _number(line.quantity)).rounded()
    return total
