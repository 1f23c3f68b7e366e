"""The invoice to pay (счёт на оплату): typed content with its totals, and the texts a template may show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct, structs

from hub.config import Organisation
from hub.documents import vat, words
from hub.documents.form import SAMPLE_CLIENT, Form, Letter, Values
from hub.documents.limits import Value, one_line, printable
from hub.documents.parties import Bank, Party, clean_party, our_bank, our_side, party_values
from hub.documents.qr import payment_payload
from hub.model.entities import Invoice, Line
from hub.model.errors import HubError
from hub.model.values import CENT, Money, parse_decimal

_PURPOSE_LENGTH = 210
_NUMBER_LENGTH = 100
_LIMIT = Decimal(10) ** 12
_MARKS = {"RUB": "руб.", "USD": "долл. США", "EUR": "евро", "CNY": "юаней"}


class InvoiceDraft(Struct, frozen=True, omit_defaults=True):
    """What a person wants on an invoice; `due_days` counts from its day when no `due` is said."""

    client: Party
    lines: tuple[Line, ...]
    basis: str = ""
    due: date | None = None
    due_days: int = 5
    note: str = ""
    supplied: date | None = None


class InvoiceLine(Struct, frozen=True):
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


class InvoiceContext(Struct, frozen=True, kw_only=True):
    """Everything that stands on an issued invoice; kept as JSON with it, so that it can always be explained."""

    number: str
    day: date
    due: date | None
    seller: Party
    bank: Bank
    buyer: Party
    basis: str
    lines: tuple[InvoiceLine, ...]
    currency: str
    total: Decimal
    vat: Decimal
    vat_rows: tuple[VatRow, ...]
    total_words: str
    director: str
    accountant: str
    comment: str
    qr: str


def build(organisation: Organisation | None, draft: InvoiceDraft, number: str, day: date) -> InvoiceContext:
    """Make the invoice of a draft; see `build_context`."""
    due = draft.due or day + timedelta(days=draft.due_days)
    wanted = Invoice(number=number, date=day, due=due, lines=draft.lines, note=draft.note)
    return build_context(organisation, draft.client, wanted, basis=draft.basis, supplied=draft.supplied)


def build_context(
    organisation: Organisation | None, buyer: Party, invoice: Invoice, *, basis: str = "", supplied: date | None = None
) -> InvoiceContext:
    """Compute the totals and check everything that stands on the invoice.

    `supplied` is the day of supply when it is not that of the invoice: it decides which VAT rates are in force.
    Raises SettingsError with the field for what the firm's configuration lacks, HubError for the rest.
    """
    seller, bank = our_side(organisation), our_bank(organisation)
    assert organisation is not None
    number, day = one_line(invoice.number), invoice.date
    if not number or day is None:
        raise HubError("An invoice needs a number and a date.")
    if len(number) > _NUMBER_LENGTH:
        raise HubError(f"The number of an invoice has at most {_NUMBER_LENGTH} characters.")
    if invoice.due and invoice.due < day:
        raise HubError(f"The invoice is dated {day:%d.%m.%Y} and would be due before, on {invoice.due:%d.%m.%Y}.")
    buyer = clean_party(buyer)
    if not buyer.name:
        raise HubError("An invoice needs the name of the buyer.")
    if not invoice.lines:
        raise HubError("An invoice needs at least one line.")
    currency = _currency(invoice.lines)
    lines = tuple(_line(place, line, supplied or day) for place, line in enumerate(invoice.lines, 1))
    total = sum((line.total for line in lines), Decimal(0))
    if not 0 < total < _LIMIT:
        raise HubError("The total of an invoice lies above zero and below 10^12.")
    if invoice.total and invoice.total.rounded() != Money(total, currency):
        raise HubError(f"The lines add up to {Money(total, currency)}, but the invoice says {invoice.total}.")
    shares = vat.vat_shares((Money(line.total, currency), line.vat_rate) for line in lines)
    rows = tuple(_vat_row(share, organisation.vat_ground) for share in shares)
    basis = one_line(basis)
    seller = structs.replace(seller, bank=None)
    return InvoiceContext(
        number=number, day=day, due=invoice.due, seller=seller, bank=bank, buyer=buyer, basis=basis, lines=lines,
        currency=currency, total=total, vat=sum((share.vat.amount for share in shares), Decimal("0.00")), vat_rows=rows,
        total_words=words.amount_in_words(Money(total, currency)), director=one_line(organisation.director),
        accountant=one_line(organisation.accountant), comment=printable(invoice.note).strip(),
        qr=_payload(seller, bank, Money(total, currency), _purpose(number, day, basis, shares)),
    )  # fmt: skip


def _currency(lines: Sequence[Line]) -> str:
    currencies = {amount.currency for line in lines for amount in (line.price, line.total) if amount}
    if len(currencies) > 1:
        raise HubError(f"The lines are in different currencies: {', '.join(sorted(currencies))}.")
    return next(iter(currencies), "RUB")


def _line(place: int, line: Line, day: date) -> InvoiceLine:
    title, where = one_line(line.title), f"Line {place} of the invoice"
    if not title:
        raise HubError(f"{where} has no title.")
    quantity = parse_decimal(line.quantity)
    if quantity is None or not 0 < quantity < _LIMIT or quantity != quantity.quantize(Decimal("0.000001")):
        raise HubError(f"{where}: the quantity must be a number above zero with at most 6 decimals.")
    price, total = _price_and_total(where, line, quantity)
    try:
        vat.check_rate(line.vat_rate, day)
    except HubError as error:
        raise HubError(f"{where}: {error}") from error
    inside = vat.vat_inside(Money(total), line.vat_rate).amount
    return InvoiceLine(title, quantity, one_line(line.unit), price, total, line.vat_rate, inside)


def _price_and_total(where: str, line: Line, quantity: Decimal) -> tuple[Decimal, Decimal]:
    for amount in (line.price, line.total):
        if amount and not 0 <= amount.amount < _LIMIT:
            raise HubError(f"{where}: a price or sum lies between zero and 10^12.")
    if line.price is None and line.total is None:
        raise HubError(f"{where} has neither a price nor a sum.")
    if line.price is None:
        total = _rounded(line.total.amount) if line.total else Decimal(0)
        return _rounded(total / quantity), total
    price = _rounded(line.price.amount)
    product = price * quantity
    if not product < _LIMIT:
        raise HubError(f"{where}: a price or sum lies between zero and 10^12.")
    if line.total is None:
        return price, _rounded(product)
    total = _rounded(line.total.amount)
    if abs(total - product) > max(CENT, CENT * quantity / 2):
        raise HubError(f"{where}: {quantity} at {price} is {_rounded(product)}, but the line says {total}.")
    return price, total


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _vat_row(share: vat.VatShare, ground: str) -> VatRow:
    return VatRow(vat.vat_text(share.rate, one_line(ground)), None if share.rate is None else share.vat.amount)


def _purpose(number: str, day: date, basis: str, shares: Sequence[vat.VatShare]) -> str:
    """Word the purpose of payment as banks are used to; the basis is left out when it does not fit."""
    taxed = [f"НДС {share.rate}% - {share.vat.amount} руб." for share in shares if share.rate is not None]
    tax = f"В том числе {', '.join(taxed)}" if taxed else f"{vat.NO_VAT}."
    start = f"Оплата по счёту № {number} от {day:%d.%m.%Y}"
    full = f"{start}, {basis}. {tax}"
    return full if basis and len(full) <= _PURPOSE_LENGTH else f"{start}. {tax}"


def _payload(seller: Party, bank: Bank, total: Money, purpose: str) -> str:
    if total.currency != "RUB":
        return ""
    return payment_payload(
        name=seller.name, account=bank.account, bank_name=bank.name, bic=bank.bic, corr_account=bank.corr_account,
        amount=total, purpose=purpose, inn=seller.inn, kpp=seller.kpp,
    )  # fmt: skip


def template_values(context: InvoiceContext) -> dict[str, Value]:
    """Return what a layout or a Word template may show: ready texts under stable names, nothing else."""
    due = context.due
    return {
        "heading": f"Счёт на оплату № {context.number} от {words.day_in_words(context.day)}",
        "number": context.number,
        "date": words.day_in_words(context.day),
        "date_short": f"{context.day:%d.%m.%Y}",
        "date_iso": context.day.isoformat(),
        "due": words.day_in_words(due) if due else "",
        "due_short": f"{due:%d.%m.%Y}" if due else "",
        "seller": party_values(context.seller),
        "bank": structs.asdict(context.bank),
        "buyer": party_values(context.buyer),
        "basis": context.basis,
        "lines": [_line_values(place, line) for place, line in enumerate(context.lines, 1)],
        "lines_count": len(context.lines),
        "currency": _MARKS.get(context.currency, context.currency),
        "total": words.format_number(context.total),
        "vat": words.format_number(context.vat),
        "vat_rows": [
            {"text": _capitalised(row.text), "vat": "—" if row.vat is None else words.format_number(row.vat)}
            for row in context.vat_rows
        ],
        "has_several_rates": len(context.vat_rows) > 1,
        "total_words": context.total_words,
        "is_sole_trader": len(context.seller.inn) == 12,
        "director": context.director,
        "accountant": context.accountant,
        "comment": context.comment,
        "qr": context.qr,
    }


def _line_values(place: int, line: InvoiceLine) -> dict[str, Value]:
    return {
        "place": place,
        "title": line.title,
        "quantity": words.format_quantity(line.quantity),
        "unit": line.unit,
        "price": words.format_number(line.price),
        "total": words.format_number(line.total),
        "vat_rate": vat.NO_VAT if line.vat_rate is None else f"{line.vat_rate}\u00a0%",
        "vat": "—" if line.vat_rate is None else words.format_number(line.vat),
    }


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def covering_letter(values: Values) -> Letter:
    """Word the e-mail that carries the invoice."""
    seller = values["seller"]
    assert isinstance(seller, Mapping)
    lines = [
        f"Направляем счёт на оплату № {values['number']} от {values['date']} на сумму {values['total']} "
        + str(values["currency"]),
        f"Основание: {values['basis']}." if values["basis"] else "",
        f"Просим оплатить до {values['due']}" if values["due"] else "",
        "Счёт — в приложенном файле; для оплаты можно воспользоваться QR-кодом."
        if values["qr"] else "Счёт — в приложенном файле.",
    ]  # fmt: skip
    text = "\n".join(line for line in lines if line)
    ending = f"С уважением,\n{seller['name']}\n{seller['phone']}".rstrip()
    return Letter(f"Счёт на оплату № {values['number']} от {values['date_short']}",
                  f"Здравствуйте!\n\n{text}\n\n{ending}\n")  # fmt: skip


FORMS = (
    Form(
        kind="invoice", title="Счёт на оплату", copies=2,
        draft=InvoiceDraft, context=InvoiceContext, build=build, values=template_values, letter=covering_letter,
        example=InvoiceDraft(
            client=SAMPLE_CLIENT,
            lines=(
                Line(title="Сопровождение программы за ноябрь 2026 г.", unit="мес",
                     price=Money(Decimal(12400)), vat_rate=22),
                Line(title="Выезд специалиста", quantity="2,5", unit="час", price=Money(Decimal(1800)), vat_rate=22),
            ),
            basis="Договор № 17/2026 от 01.02.2026", note="Звоните до 18:00.",
        ),
    ),
)  # fmt: skip


def sample_context() -> InvoiceContext:
    """Return an invented invoice with everything on it, to try a template or layout with."""
    return FORMS[0].sample()
