"""From the rows of a document to lines: what was sold, how much of it, and what it came to with tax; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal

from hub.api import Line, Money

from .rows import InvoiceRow, LineRow
from .trade import quantity_of, rate_of
from .values import EMPTY_KEY, key_of, money_of, text_of

_CENT = Decimal("0.01")
_RATES = (5, 7, 10, 18, 20, 22)
"""Rates of VAT that are or were in force (НК РФ, 164); a row whose rate has no name has the one its sums say."""


def lines_of(row: InvoiceRow, total: Money | None) -> tuple[Line, ...]:
    """Return the lines of a document, or none where they would say something wrong.

    That is so when a line cannot be named, when nothing tells its VAT, and when they do not add up to the document:
    something of it then stands in a part that is not known here. Raises BadRecord for amounts that are none.
    """
    currency = total.currency if total else "RUB"
    is_included = row.is_vat_included if row.is_vat_included is not None else row.is_vat_in_price
    names = row.names or {}
    rows = list(_rows(row))
    if not all(_tells_rate(it, names) for it in rows):
        return ()
    found = tuple(_line(it, names, currency, is_included=is_included is not False) for it in rows)
    amounts = [it.total.amount for it in found if it.total is not None]
    if len(amounts) < len(found) or not all(it.title for it in found):
        return ()
    return found if total is None or sum(amounts) == total.amount else ()


def _rows(row: InvoiceRow) -> Iterator[LineRow]:
    for part in (row.goods, row.services, row.supplies, row.works, row.works_done, row.agency):
        yield from (it for it in part or () if not it.is_cancelled)


def _line(row: LineRow, names: Mapping[str, str], currency: str, *, is_included: bool) -> Line:
    packs = row.packs if row.packs and _called(row.pack, names) else None
    quantity = packs or row.quantity or Decimal(1)  # a service may be sold without saying how much of it
    total = _total(row, is_included=is_included)
    price = row.price if row.price and total is not None and _fits(row.price, quantity, total) else None
    return Line(
        title=_title(row, names),
        quantity=quantity_of(quantity, "Количество"),
        unit=_called(row.pack, names) or _called(row.unit_key or row.unit, names),
        price=money_of(price, "Цена", currency),
        total=money_of(total, "Сумма", currency),
        vat_rate=_rate(row, names, total),
    )


def _title(row: LineRow, names: Mapping[str, str]) -> str:
    title, variant = (
        text_of(row.content) or _called(row.product or row.product_of_any, names),
        _called(row.variant, names),
    )
    return f"{title} ({variant})" if title and variant and variant not in title else title


def _total(row: LineRow, *, is_included: bool) -> Decimal | None:
    """Return what the row comes to with tax, whichever way this configuration writes it."""
    for whole in (row.with_vat, row.whole):
        if whole:
            return whole
    if row.amount is None or is_included:
        return row.amount
    return row.amount + (row.vat_amount or Decimal(0))


def _fits(price: Decimal, quantity: Decimal, total: Decimal) -> bool:
    """Tell whether the price is that of the sum: with a discount, or with tax on top of it, it is another one."""
    return abs((price * quantity).quantize(_CENT, ROUND_HALF_UP) - total) < _CENT


def _tells_rate(row: LineRow, names: Mapping[str, str]) -> bool:
    return row.vat is not None or row.vat_amount is not None or bool(_called(row.vat_key, names))


def _rate(row: LineRow, names: Mapping[str, str], total: Decimal | None) -> int | None:
    said = text_of(row.vat) or _called(row.vat_key, names)
    if said and said != EMPTY_KEY:
        return rate_of(said)
    if not row.vat_amount or not total or total == row.vat_amount:
        return None
    share = row.vat_amount / (total - row.vat_amount) * 100
    nearest: int = min(_RATES, key=lambda rate: abs(rate - share))
    return nearest


def _called(key: str | None, names: Mapping[str, str]) -> str:
    return names.get(key_of(key, "Номенклатура_Key"), "") if key else ""
