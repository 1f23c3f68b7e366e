"""From rows of goods, orders, accounts and balances to entities; pure."""

from __future__ import annotations

import re
from decimal import Decimal

from hub.api import Balance, BankAccount, Line, Money, Order, Price, Product, Reference, Stock, currency_code

from .trade_rows import BalanceRow, BankAccountRow, BankRow, OrderRow, PriceRow, ProductRow, StockRow
from .values import day_of, money_of, note_of, reference_of, text_of

_TYPES = {
    "Товар": "goods", "Запас": "goods", "ТоварНаКомиссии": "goods", "МногооборотнаяТара": "goods",
    "Услуга": "service", "Работа": "work", "Набор": "set",
}  # fmt: skip
_RATE = re.compile(r"(?:НДС|VAT)?\s*(\d{1,2})(?:\s*%|_1\d\d|/1\d\d)?", re.IGNORECASE)
BIC_DIGITS = 9
CLIENTS, ORGANISATIONS = "Catalog_Контрагенты", "Catalog_Организации"
CONTRACTS = ("Catalog_ДоговорыКонтрагентов", "Catalog_Договоры")


def bank_account(row: BankAccountRow, *, is_own: bool) -> BankAccount | None:
    """Return an account; whose it is says the type of its owner, or the catalogue where it has one type only."""
    number = text_of(row.number)
    if row.is_folder or row.is_marked or not number:
        return None
    key, kind = row.owner_key or row.owner, row.owner_type or ("" if is_own else f".{CLIENTS}")
    is_ours = is_own or kind.endswith(f".{ORGANISATIONS}")
    currency = text_of(row.currency)
    return BankAccount(
        number=number,
        client=reference_of("client", key, "Owner") if not is_ours and kind.endswith(f".{CLIENTS}") else None,
        organisation=reference_of("organisation", key, "Owner") if is_ours else None,
        title=text_of(row.title),
        bank=text_of(row.bank_name) or text_of(row.bank) or (text_of(row.at.name) if row.at else ""),
        bic=text_of(row.bic) or _bic(row.at),
        corr_account=text_of(row.corr_account) or (text_of(row.at.corr_account) if row.at else ""),
        currency=currency_code(currency or _digits_of_currency(number)),
        is_closed=bool(row.is_closed) or day_of(row.closed, "ДатаЗакрытия") is not None,
    )


def _bic(bank: BankRow | None) -> str:
    code = text_of(bank.code) if bank else ""
    return code if len(code) == BIC_DIGITS and code.isdigit() else ""


def _digits_of_currency(number: str) -> str:
    """Return the code of the currency that stands in an account number of twenty digits (Bank of Russia, 579-П)."""
    return number[5:8] if len(number) == 20 and number.isdigit() else ""


def product(row: ProductRow) -> Product | None:
    """Return what can be sold; a group is no product but the name of one on its members."""
    if row.is_folder or row.is_marked:
        return None
    kind = text_of(row.type)
    return Product(
        name=text_of(row.name),
        full_name=text_of(row.full_name),
        code=text_of(row.code),
        article=text_of(row.article),
        type=_TYPES.get(kind, kind) or {True: "service", False: "goods", None: ""}[row.is_service],
        unit=text_of(row.unit) or text_of(row.base_unit),
        vat_rate=rate_of(text_of(row.vat_name) or text_of(row.vat)),
        group=text_of(row.group),
        note=note_of(row.comment) or note_of(row.description),
    )


def rate_of(text: str) -> int | None:
    """Return the rate of `НДС20`, `НДС20_120`, `20%`; nothing for «Без НДС» and what is unknown."""
    found = _RATE.fullmatch(text)
    return int(found[1]) if found else None


def order(
    row: OrderRow, client: Reference | None, contract: Reference | None, total: Money | None, lines: tuple[Line, ...]
) -> Order | None:
    """Return an order; whose it is and what it comes to is found as for any document."""
    if row.is_marked:
        return None
    state = text_of(row.state_name) or text_of(row.state)
    return Order(
        number=text_of(row.number),
        client=client,
        contract=contract,
        date=day_of(row.day, "Date"),
        shipping=day_of(row.shipping, "ДатаОтгрузки") or day_of(row.wanted, "ЖелаемаяДатаОтгрузки"),
        state=state,
        total=total,
        is_posted=row.is_posted is not False,
        is_closed=bool(row.is_closed) or state == "Закрыт",
        note=note_of(row.comment),
        lines=lines,
    )


def price(row: PriceRow) -> Price | None:
    """Return what a product costs since a day."""
    found = reference_of("product", row.product_key, "Номенклатура_Key")
    if found is None:
        return None
    return Price(
        product=found,
        type=text_of(row.type) or text_of(row.second_type) or text_of(row.third_type),
        price=money_of(row.price, "Цена", text_of(row.currency)),
        unit=text_of(row.unit) or text_of(row.second_unit),
        date=day_of(row.day, "Period"),
        variant=text_of(row.variant),
    )


def stock(row: StockRow) -> Stock | None:
    """Return how much of a product lies in a warehouse, or in all of them where the books do not tell these apart."""
    found = reference_of("product", row.product_key or row.key("Catalog_Номенклатура"), "Номенклатура_Key")
    quantity = row.quantity if row.quantity is not None else row.amount
    if found is None or quantity is None:
        return None
    reserved = row.reserved if row.reserved is not None else row.outgoing
    return Stock(
        product=found,
        warehouse=text_of(row.warehouse) or text_of(row.place),
        quantity=quantity_of(quantity, "ВНаличииBalance"),
        reserved=quantity_of(reserved or Decimal(0), "ВРезервеBalance"),
        variant=text_of(row.variant),
    )


def balance(row: BalanceRow) -> Balance | None:
    """Return what is owed; a row that leads to no client says nothing to the hub."""
    about = row.about
    client = reference_of(
        "client", row.client_key or row.key(CLIENTS) or (about.client_key if about else None), "Контрагент_Key"
    )
    if client is None:
        return None
    contract = row.contract_key or next(filter(None, map(row.key, CONTRACTS)), None)
    organisation = row.organisation_key or (about.organisation_key if about else None)
    total = row.total if row.total is not None else row.owed
    if row.debit is not None or row.credit is not None:
        total = (row.debit or Decimal(0)) - (row.credit or Decimal(0))
    return Balance(
        client=client,
        contract=reference_of("contract", contract or (about.contract_key if about else None), "Договор_Key"),
        organisation=reference_of("organisation", organisation, "Организация_Key"),
        amount=money_of(total, "СуммаBalance", text_of(row.currency)),
    )


def quantity_of(value: Decimal, name: str) -> str:
    """Return a quantity as text, without zeros that say nothing. Raises BadRecord for what can be none."""
    money_of(value, name)  # within what a quantity can be
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
