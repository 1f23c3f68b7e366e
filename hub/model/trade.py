"""What is sold and by whom, as entities: own organisations, bank accounts, goods, prices, stock, orders, balances."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from msgspec import Struct

from hub.model.references import Reference
from hub.model.values import Money


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of an invoice, act or order; `vat_rate` in percent, `None` means without VAT."""

    title: str
    quantity: str = "1"
    unit: str = ""
    price: Money | None = None
    total: Money | None = None
    vat_rate: int | None = None


class _Trade(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every thing of this module has: it mentions no keys of a client."""

    def keys(self) -> tuple[str, ...]:
        return ()


class Organisation(_Trade, frozen=True, kw_only=True, omit_defaults=True):
    """One of our own legal persons, as the accounting knows it."""

    kind: ClassVar[str] = "organisation"

    name: str
    full_name: str = ""
    inn: str = ""
    kpp: str = ""
    ogrn: str = ""
    prefix: str = ""
    address: str = ""
    phone: str = ""
    director: str = ""
    accountant: str = ""


class BankAccount(_Trade, frozen=True, kw_only=True, omit_defaults=True):
    """An account at a bank, of a client or (without `client`) of our own `organisation`."""

    kind: ClassVar[str] = "bank_account"

    number: str
    client: Reference | None = None
    organisation: Reference | None = None
    title: str = ""
    bank: str = ""
    bic: str = ""
    corr_account: str = ""
    currency: str = "RUB"
    is_main: bool = False
    is_closed: bool = False


class Product(_Trade, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is sold; `type` is goods, service, work, set or empty, `code` and `article` are the source's."""

    kind: ClassVar[str] = "product"

    name: str
    full_name: str = ""
    code: str = ""
    article: str = ""
    type: str = ""
    unit: str = ""
    vat_rate: int | None = None
    group: str = ""
    note: str = ""
    is_folder: bool = False


class Price(_Trade, frozen=True, kw_only=True, omit_defaults=True):
    """What a product costs from a day on; `type` is the kind of price, such as retail, `variant` the size or colour."""

    kind: ClassVar[str] = "price"

    product: Reference | None = None
    type: str = ""
    price: Money | None = None
    unit: str = ""
    date: dt.date | None = None
    variant: str = ""


class Stock(_Trade, frozen=True, kw_only=True, omit_defaults=True):
    """How much of a product, or of one `variant` of it, lies in a warehouse; quantities are decimals as text."""

    kind: ClassVar[str] = "stock"

    product: Reference | None = None
    warehouse: str = ""
    quantity: str = "0"
    reserved: str = "0"
    unit: str = ""
    variant: str = ""


class Order(_Trade, frozen=True, kw_only=True, omit_defaults=True):
    """A client's order; `shipping` is the day promised, `state` keeps the source's own word."""

    kind: ClassVar[str] = "order"

    number: str
    client: Reference | None = None
    contract: Reference | None = None
    date: dt.date | None = None
    shipping: dt.date | None = None
    state: str = ""
    total: Money | None = None
    is_posted: bool = True
    is_closed: bool = False
    note: str = ""
    lines: tuple[Line, ...] = ()


class Balance(_Trade, frozen=True, kw_only=True, omit_defaults=True):
    """What is owed between us and a client: `amount` above zero is the client's debt, below zero ours (an advance)."""

    kind: ClassVar[str] = "balance"

    client: Reference | None = None
    contract: Reference | None = None
    organisation: Reference | None = None
    amount: Money | None = None
    date: dt.date | None = None
