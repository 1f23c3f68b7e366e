"""From named values to an entity, as the configuration says: which entity, and which of its fields is called what."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any, TypeAlias, get_type_hints

from msgspec.structs import fields as struct_fields

from hub.api import (
    Act,
    BadRecord,
    Balance,
    BankAccount,
    Client,
    Contact,
    ContactPoint,
    Contract,
    Email,
    Entity,
    Invoice,
    Money,
    Order,
    Organisation,
    Payment,
    Phone,
    Price,
    Product,
    Reference,
    Stock,
    currency_code,
    is_inn,
    is_kpp,
    parse_decimal,
)

Get: TypeAlias = Callable[[str], "str | None"]
"""Gives the text that a row has under a name, `None` where it has none."""

KINDS: Mapping[str, type[Entity]] = {
    it.kind: it
    for it in (
        Client, Contact, Contract, Invoice, Act, Payment, Order, Balance, Organisation, BankAccount, Product, Price,
        Stock,
    )
}  # fmt: skip
WAYS = ("phone", "email", "address")
"""Names for the ways to reach a client or contact; they become its `points`."""

_LEFT_OUT = frozenset({"lines", "points", "is_folder"})
_EMPTY_YEAR = 1
_QUANTITIES = frozenset({"quantity", "reserved"})
_RATE = re.compile(r"(?:НДС)?\s*(\d{1,2})\s*%?", re.IGNORECASE)
_NO_RATE = frozenset({"безндс", "без ндс", "-"})
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EMPTY_KEY = re.compile(r"[0-]*")
_TRUE = frozenset({"true", "1", "да", "истина", "yes", "+"})
_FALSE = frozenset({"false", "0", "нет", "ложь", "no", "-"})
_RUSSIAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?: \d{1,2}:\d\d(?::\d\d)?)?", re.ASCII)
_ISO_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d.*)?", re.ASCII)


def targets(kind: str) -> list[str]:
    """Return what `fields:` of that kind may name."""
    names = [it.name for it in struct_fields(KINDS[kind]) if it.name not in _LEFT_OUT]
    hints = get_type_hints(KINDS[kind])
    has_money = any(Money in _kinds(hints[name]) for name in names)
    extra = ["currency"] if has_money and "currency" not in names else []
    return names + extra + (list(WAYS) if "points" in hints else [])


def check_fields(kind: str, named: Mapping[str, str]) -> None:
    """Raise ValueError when the fields of a kind are not its own, or one is missing that it cannot do without."""
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    known = targets(kind)
    if unknown := [name for name in named if name not in known]:
        raise ValueError(f"a {kind} has no field {unknown[0]}; it has {', '.join(known)}")
    needed = [it.name for it in struct_fields(KINDS[kind]) if it.required and it.name not in named]
    if needed:
        raise ValueError(f"a {kind} needs the field {', '.join(needed)}")


class Mapper:
    """Makes the entities of one stream. `refers_to` is the connection whose ids references are; empty: this one."""

    def __init__(self, kind: str, named: Mapping[str, str], *, area_code: str, refers_to: str = "") -> None:
        check_fields(kind, named)
        self._entity = KINDS[kind]
        self._named = named
        self._area_code = area_code
        self._refers_to = refers_to
        self._hints = get_type_hints(self._entity)
        self._ways = WAYS if "points" in self._hints else ()
        self._required = frozenset(it.name for it in struct_fields(self._entity) if it.required)

    @property
    def names(self) -> Collection[str]:
        """Return the names in a row that are looked at."""
        return self._named.values()

    def entity(self, get: Get) -> Entity:
        """Return the entity of one row. Raises BadRecord, naming the field, for a value that is not of its type."""
        currency = currency_code(_text(get, self._named.get("currency", "")) or "RUB")
        values: dict[str, Any] = {}
        for target, name in self._named.items():
            text = _text(get, name)
            if target in self._ways or (target == "currency" and target not in self._hints):
                continue
            if not text and target in self._required:
                raise BadRecord(f"{name} is empty, but it is the {target} of the {self._entity.kind}.")
            if text:
                try:
                    value = self._value(target, text, currency)
                except ValueError as error:
                    raise BadRecord(f"{name} is {error}.") from None
                if value is not None:
                    values[target] = value
        if points := self._points(get):
            values["points"] = points
        made: Entity = self._entity(**values)
        return made

    def _value(self, target: str, text: str, currency: str) -> Any:
        kinds = _kinds(self._hints[target])
        if Money in kinds:
            amount = parse_decimal(text)
            if amount is None:
                raise ValueError("no amount of money")
            return Money(amount, currency)
        if date in kinds:
            return parse_day(text)
        if bool in kinds:
            return parse_truth(text)
        if int in kinds:
            return parse_rate(text)
        if target in _QUANTITIES:
            return parse_quantity(text)
        if target == "currency":
            return currency_code(text)
        if Reference in kinds:
            return None if _EMPTY_KEY.fullmatch(text) else Reference(target, plain_id(text), self._refers_to)
        return whole_code(target, text)

    def _points(self, get: Get) -> tuple[ContactPoint, ...]:
        points = []
        for way in self._ways:
            text = _text(get, self._named.get(way, ""))
            if not text:
                continue
            value = text
            if way == "phone":
                phone = Phone.parse(text, self._area_code)
                value = phone.number if phone else ""
            elif way == "email":
                email = Email.parse(text)
                value = email.address if email else ""
            points.append(ContactPoint(way, value, text))
        return tuple(points)


def whole_code(target: str, text: str) -> str:
    """Return ИНН and КПП with the zeros in front that a table took away because it holds them as numbers."""
    if target in ("inn", "payer_inn") and len(text) in (9, 11) and is_inn("0" + text):
        return "0" + text
    return "0" + text if target in ("kpp", "payer_kpp") and len(text) == 8 and is_kpp("0" + text) else text


def plain_id(text: str) -> str:
    """Return an identifier of 1C in lower case, as every interface of 1C means the same by it; others as they are."""
    return text.lower() if _GUID.fullmatch(text) else text


def parse_day(text: str) -> date | None:
    """Read a day as 1C and people write it, with or without a time; the empty day gives `None`. Raises ValueError."""
    try:
        if found := _RUSSIAN_DAY.fullmatch(text):
            day = date(int(found[3]), int(found[2]), int(found[1]))
        elif found := _ISO_DAY.fullmatch(text):
            day = date.fromisoformat(found[1])
        else:
            raise ValueError
    except ValueError:
        raise ValueError("no day such as 2026-05-12 or 12.05.2026") from None
    return None if day.year == _EMPTY_YEAR else day


def parse_rate(text: str) -> int | None:
    """Read a rate of VAT such as `20`, `20%`, `НДС20`; `None` for «Без НДС». Raises ValueError."""
    if text.casefold() in _NO_RATE:
        return None
    found = _RATE.fullmatch(text)
    if not found:
        raise ValueError("no rate of VAT such as 20% or Без НДС")
    return int(found[1])


def parse_quantity(text: str) -> str:
    """Read a quantity; it stays a decimal text. Raises ValueError."""
    number = parse_decimal(text)
    if number is None:
        raise ValueError("no quantity")
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def parse_truth(text: str) -> bool:
    """Read yes or no in the words of 1C, XML and people. Raises ValueError."""
    word = text.strip().casefold()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError("neither yes nor no")


def parse_instant(text: str) -> datetime:
    """Read a moment as XML, JSON of 1C or people write it; without a zone it has none. Raises ValueError."""
    for form in ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is that of the server
        except ValueError:
            continue
    return datetime.fromisoformat(text)


def _text(get: Get, name: str) -> str:
    return (get(name) or "").strip() if name else ""


def _kinds(hint: Any) -> tuple[Any, ...]:
    return getattr(hint, "__args__", ()) or (hint,)
