"""Own fields of a base: which field of which thing they fill, and how their values become ours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from types import UnionType
from typing import Any, get_args, get_type_hints

from msgspec import Struct

from hub.api import (
    Act,
    BadRecord,
    Balance,
    BankAccount,
    Client,
    Contact,
    Contract,
    Employee,
    Invoice,
    Money,
    Order,
    Organisation,
    Payment,
    Price,
    Product,
    Reference,
    Stock,
)

from .values import EMPTY_KEY, day_of, money_of, reference_of

THINGS: Mapping[str, type[Struct]] = {
    "counterparties": Client,
    "contacts": Contact,
    "partner_contacts": Contact,
    "contracts": Contract,
    "users": Employee,
    "employees": Employee,
    "invoices": Invoice,
    "sales": Act,
    "payments": Payment,
    "organisations": Organisation,
    "bank_accounts": BankAccount,
    "own_bank_accounts": BankAccount,
    "nomenclature": Product,
    "orders": Order,
    "prices": Price,
    "stock": Stock,
    "account_stock": Stock,
    "settlements": Balance,
    "account_settlements": Balance,
    "state_settlements": Balance,
}
"""Stream → what its objects become."""

SHORT = {"manager": "counterparties.manager", "fee": "contracts.fee", "paid": "invoices.paid"}
"""Names that may be written without their stream."""


class Target(Struct, frozen=True):
    """One field of ours and how to fill it from a value of 1C; an empty value leaves it as it is."""

    stream: str
    field: str
    convert: Callable[[Any, str], Any]
    is_text: bool

    def shown(self, wire: str) -> str:
        """Return the name of the text that 1C shows for a reference, where a text is wanted; else nothing."""
        return f"{wire.removesuffix('_Key')}____Presentation" if self.is_text and wire.endswith("_Key") else ""


def target(name: str) -> Target:
    """Read `manager` or `contracts.fee`. Raises ValueError that names what there is."""
    stream, _, field = SHORT.get(name, name).partition(".")
    if stream not in THINGS or not field:
        streams = ", ".join(THINGS)
        raise ValueError(f"{name}: write {', '.join(SHORT)} or STREAM.FIELD with one of the streams {streams}")
    converters = {key: made for key, kind in get_type_hints(THINGS[stream]).items() if (made := _converter(key, kind))}
    if field not in converters:
        raise ValueError(f"{name}: {stream} have the fields {', '.join(sorted(converters))}")
    return Target(stream, field, converters[field], is_text=converters[field] is _as_text)


def _converter(name: str, kind: Any) -> Callable[[Any, str], Any] | None:
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if Reference in kinds:
        return lambda value, field: reference_of(name, _words(value), field)
    if Money in kinds:
        return _money
    if dt.date in kinds:
        return lambda value, field: day_of(_words(value), field)
    if bool in kinds:
        return _flag
    return _as_text if str in kinds else None


def _words(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _as_text(value: Any, _: str) -> str:
    words = _words(value)
    return "" if words == EMPTY_KEY else words


def _flag(value: Any, field: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if _words(value).lower() in ("true", "false"):
        return _words(value).lower() == "true"
    raise BadRecord(f"{field} is neither true nor false.")


def _money(value: Any, field: str) -> Money | None:
    if value is None or _words(value) == "":
        return None
    try:
        return money_of(Decimal(_words(value)), field)
    except InvalidOperation:
        raise BadRecord(f"{field} is not an amount of money.") from None
