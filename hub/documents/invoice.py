"""The invoice to pay (счёт на оплату): typed content with its totals, and the texts a template may show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from msgspec import Struct, structs

from hub.config import Organisation
from hub.documents import vat, words
from hub.documents.form import SAMPLE_CLIENT, Form, Letter, Values
from hub.documents.limits import Value, one_line, printable
from hub.documents.lines import Priced, PricedLine, VatRow, price_lines, priced_values
from hub.documents.parties import Bank, Party, clean_party, doubts_about, our_bank, our_side, party_values
from hub.documents.qr import payment_payload
from hub.model.entities import Invoice, Line
from hub.model.errors import HubError
from hub.model.values import Money

_PURPOSE_LENGTH = 210
_NUMBER_LENGTH = 100


class InvoiceDraft(Struct, frozen=True, omit_defaults=True):
    """What a person wants on an invoice; `due_days` counts from its day when no `due` is said."""

    client: Party
    lines: tuple[Line, ...]
    basis: str = ""
    due: date | None = None
    due_days: int = 5
    note: str = ""
    supplied: date | None = None


class InvoiceContext(Struct, frozen=True, kw_only=True):
    """Everything that stands on an issued invoice; kept as JSON with it, so that it can always be explained."""

    number: str
    day: date
    due: date | None
    seller: Party
    bank: Bank
    buyer: Party
    basis: str
    lines: tuple[PricedLine, ...]
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
    priced = price_lines(invoice.lines, supplied or day, ground=organisation.vat_ground, where="the invoice")
    if not priced.total > 0:
        raise HubError("The total of an invoice lies above zero.")
    if invoice.total is not None and invoice.total.rounded() != priced.money:
        raise HubError(f"The lines add up to {priced.money}, but the invoice says {invoice.total}.")
    basis = one_line(basis)
    seller = structs.replace(seller, bank=None)
    return InvoiceContext(
        number=number, day=day, due=invoice.due, seller=seller, bank=bank, buyer=buyer, basis=basis,
        lines=priced.lines, currency=priced.currency, total=priced.total, vat=priced.vat, vat_rows=priced.vat_rows,
        total_words=priced.total_words, director=one_line(organisation.director),
        accountant=one_line(organisation.accountant), comment=printable(invoice.note).strip(),
        qr=_payload(seller, bank, priced.money, _purpose(number, day, basis, priced.lines)),
    )  # fmt: skip


def _purpose(number: str, day: date, basis: str, lines: Sequence[PricedLine]) -> str:
    """Word the purpose of payment as banks are used to; the basis is left out when it does not fit."""
    shares = vat.vat_shares((Money(line.total), line.vat_rate) for line in lines)
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
    priced = Priced(*(getattr(context, name) for name in Priced.__struct_fields__))
    return {
        "heading": f"Счёт на оплату № {context.number} от {words.day_in_words(context.day)}",
        "subheading": "",
        "title": "Счёт на оплату",
        "number": context.number,
        "date": words.day_in_words(context.day),
        "date_short": f"{context.day:%d.%m.%Y}",
        "date_iso": context.day.isoformat(),
        "due": words.day_in_words(due) if due else "",
        "due_short": f"{due:%d.%m.%Y}" if due else "",
        "seller": party_values(context.seller),
        "bank": structs.asdict(context.bank),
        "buyer": party_values(context.buyer),
        "client": party_values(context.buyer),
        "basis": context.basis,
        **priced_values(priced),
        "is_sole_trader": len(context.seller.inn) == 12,
        "director": context.director,
        "accountant": context.accountant,
        "comment": context.comment,
        "doubts": list(doubts_about(context.buyer, "клиента")),
        "qr": context.qr,
        "mark": "",
    }


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
