"""Rows with prices: their sums and VAT, the totals of a document, and how both are written.

Sums are rounded half up to kopecks per row, as 1C does; VAT is contained in the sum and rounded per row as well.
A price may be zero (warranty) or negative (a discount); a quantity is above zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from hub.documents import vat, words
from hub.documents.limits import Value, one_line
from hub.model.entities import Line
from hub.model.errors import HubError
from hub.model.values import CENT, Money, parse_decimal

LIMIT = Decimal(10) ** 12
_MARKS = {"RUB": "руб.", "USD": "долл. США", "EUR": "евро", "CNY": "юаней"}


class PricedLine(Struct, frozen=True):
    """One row with its computed sum; `vat` is contained in `total`."""

    title: str
    quantity: Decimal
    unit: str
    price: Decimal
    total: Decimal
    vat_rate: int | None
    vat: Decimal


class VatRow(Struct, frozen=True):
    """VAT of all rows of one rate, with its wording."""

    text: str
    vat: Decimal | None


class Priced(Struct, frozen=True):
    """Rows and everything that follows from them."""

    lines: tuple[PricedLine, ...]
    currency: str
    total: Decimal
    vat: Decimal
    vat_rows: tuple[VatRow, ...]
    total_words: str

    @property
    def money(self) -> Money:
        """Return the total with its currency."""
        return Money(self.total, self.currency)


def price_lines(lines: Sequence[Line], day: date, *, ground: str = "", where: str = "the document") -> Priced:
    """Compute sums, VAT and totals; `day` is that of supply and decides which rates are in force.

    `ground` says why a row is without VAT. Raises HubError that names the row and what is wrong with it.
    """
    if not lines:
        raise HubError(f"{where[:1].upper()}{where[1:]} needs at least one line.")
    currency = _currency(lines)
    priced = tuple(_line(f"Line {place} of {where}", line, day) for place, line in enumerate(lines, 1))
    total = sum((line.total for line in priced), Decimal("0.00"))
    if not abs(total) < LIMIT:
        raise HubError(f"The total of {where} lies below 10^12.")
    shares = vat.vat_shares((Money(line.total, currency), line.vat_rate) for line in priced)
    rows = tuple(
        VatRow(vat.vat_text(share.rate, one_line(ground)), None if share.rate is None else share.vat.amount)
        for share in shares
    )
    inside = sum((share.vat.amount for share in shares), Decimal("0.00"))
    return Priced(priced, currency, total, inside, rows, words.amount_in_words(Money(total, currency)))


def _currency(lines: Sequence[Line]) -> str:
    currencies = {amount.currency for line in lines for amount in (line.price, line.total) if amount is not None}
    if len(currencies) > 1:
        raise HubError(f"The lines are in different currencies: {', '.join(sorted(currencies))}.")
    return next(iter(currencies), "RUB")


def _line(where: str, line: Line, day: date) -> PricedLine:
    title = one_line(line.title)
    if not title:
        raise HubError(f"{where} has no title.")
    quantity = parse_quantity(line.quantity, where)
    price, total = _price_and_total(where, line, quantity)
    try:
        vat.check_rate(line.vat_rate, day)
    except HubError as error:
        raise HubError(f"{where}: {error}") from error
    inside = vat.vat_inside(Money(total), line.vat_rate).amount
    return PricedLine(title, quantity, one_line(line.unit), price, total, line.vat_rate, inside)


def parse_quantity(text: str, where: str) -> Decimal:
    """Read a quantity. Raises HubError unless it is above zero with at most six decimals."""
    quantity = parse_decimal(text)
    if quantity is None or not 0 < quantity < LIMIT or quantity != quantity.quantize(Decimal("0.000001")):
        raise HubError(f"{where}: the quantity must be a number above zero with at most 6 decimals.")
    return quantity


def _price_and_total(where: str, line: Line, quantity: Decimal) -> tuple[Decimal, Decimal]:
    for amount in (line.price, line.total):
        if amount is not None and not abs(amount.amount) < LIMIT:
            raise HubError(f"{where}: a price or sum lies below 10^12.")
    if line.price is None and line.total is None:
        raise HubError(f"{where} has neither a price nor a sum.")
    if line.price is None:
        assert line.total is not None
        total = rounded(line.total.amount)
        return rounded(total / quantity), total
    price = rounded(line.price.amount)
    product = price * quantity
    if not abs(product) < LIMIT:
        raise HubError(f"{where}: a price or sum lies below 10^12.")
    if line.total is None:
        return price, rounded(product)
    total = rounded(line.total.amount)
    if abs(total - product) > max(CENT, CENT * quantity / 2):
        raise HubError(f"{where}: {quantity} at {price} is {rounded(product)}, but the line says {total}.")
    return price, total


def rounded(amount: Decimal) -> Decimal:
    """Return the amount rounded half up to kopecks; never a negative zero."""
    cut = amount.quantize(CENT, ROUND_HALF_UP)
    return abs(cut) if cut == 0 else cut


def priced_values(priced: Priced) -> dict[str, Value]:
    """Return what a layout or template may show of the rows; `running` is the sum up to and with a row."""
    running, rows = Decimal(0), []
    for place, line in enumerate(priced.lines, 1):
        running += line.total
        rows.append(_line_values(place, line, running))
    return {
        "lines": rows,
        "lines_count": len(priced.lines),
        "currency": currency_mark(priced.currency),
        "total": words.format_number(priced.total),
        "vat": words.format_number(priced.vat),
        "vat_rows": [
            {"text": _capitalised(row.text), "vat": "—" if row.vat is None else words.format_number(row.vat)}
            for row in priced.vat_rows
        ],
        "has_several_rates": len(priced.vat_rows) > 1,
        "total_words": priced.total_words,
    }


def currency_mark(currency: str) -> str:
    """Return how a document names the currency: «руб.»."""
    return _MARKS.get(currency, currency)


def _line_values(place: int, line: PricedLine, running: Decimal) -> dict[str, Value]:
    return {
        "place": place,
        "title": line.title,
        "quantity": words.format_quantity(line.quantity),
        "unit": line.unit,
        "price": words.format_number(line.price),
        "total": words.format_number(line.total),
        "vat_rate": vat.NO_VAT if line.vat_rate is None else f"{line.vat_rate}\u00a0%",
        "vat": "—" if line.vat_rate is None else words.format_number(line.vat),
        "running": words.format_number(running),
    }


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
