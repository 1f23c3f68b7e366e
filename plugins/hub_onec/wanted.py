"""What a command wants of an object of 1C: its words as fields of this base, every value checked before it leaves."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.api import Command, Rejected

from .candidates import SOURCES
from .metadata import Schema
from .points import OWNERS, PART, WORDS
from .settings import OneCSettings
from .values import EMPTY_KEY, KEY

Fields = Mapping[str, tuple[str, ...]]
COMMENT = ("Комментарий", "ДополнительнаяИнформация")
_DOCUMENT: Fields = {
    "date": ("Date",), "client": ("Контрагент",), "contract": ("ДоговорКонтрагента", "Договор"),
    "organisation": ("Организация",), "currency": ("ВалютаДокумента", "Валюта"), "total": ("СуммаДокумента",),
    "vat_included": ("СуммаВключаетНДС",), "comment": COMMENT, "lines": ("Товары", "Услуги", "Запасы", "Работы"),
}  # fmt: skip
_LINE: Fields = {
    "item": ("Номенклатура",), "name": ("Содержание",), "quantity": ("Количество",), "price": ("Цена",),
    "amount": ("Сумма",), "vat_rate": ("СтавкаНДС",), "vat": ("СуммаНДС",),
}  # fmt: skip


class Noun(Struct, frozen=True):
    """What commands call a kind of object: the streams whose sets hold it, and our words for its fields."""

    streams: tuple[str, ...]
    fields: Fields


NOUNS: Mapping[str, Noun] = {
    "counterparty": Noun(
        ("counterparties",),
        {"name": ("Description",), "full_name": ("НаименованиеПолное",), "inn": ("ИНН",), "kpp": ("КПП",),
         "kind": ("ЮридическоеФизическоеЛицо", "ЮрФизЛицо", "ВидКонтрагента"), "comment": COMMENT},
    ),
    "contact": Noun(
        ("contacts", "partner_contacts"),
        {"name": ("Description",), "position": ("Должность", "ДолжностьПоВизитке"), "birthday": ("ДатаРождения",),
         "client": ("ОбъектВладелец", "Owner"), "comment": COMMENT},
    ),
    "contract": Noun(
        ("contracts",),
        {"title": ("Description",), "number": ("Номер", "НомерДоговора"), "date": ("Дата", "ДатаДоговора"),
         "end": ("СрокДействия", "ДатаОкончанияДействия"), "client": ("Owner", "Контрагент"),
         "organisation": ("Организация",), "currency": ("ВалютаВзаиморасчетов", "ВалютаРасчетов", "Валюта"),
         "kind": ("ВидДоговора", "ТипДоговора"), "comment": COMMENT},
    ),
    "invoice": Noun(("invoices",), {**_DOCUMENT, "due": ("СрокОплаты",)}),
    "act": Noun(("sales",), {**_DOCUMENT, "invoice": ("СчетНаОплатуПокупателю",)}),
}  # fmt: skip
KINDS = tuple(
    f"{noun}.{verb}"
    for noun in NOUNS
    for verb in ("create", "update", "mark", "unmark", *(("post", "unpost") if noun in ("invoice", "act") else ()))
)
_REFERENCES = {"client": "counterparties", "contract": "contracts", "organisation": "organisations"}
_OWN = frozenset({"Ref_Key", "DataVersion", "Posted", "DeletionMark", "Predefined", "PredefinedDataName", "IsFolder"})
_HEAD = frozenset({"set", "key", "version", "fields"})
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_DIGITS = 15
"""Amounts travel as doubles, which keep so many digits."""


class Order(Struct, frozen=True):
    """One command as it will be carried out; `key` is empty for an object that does not exist yet."""

    command: Command
    noun: Noun
    verb: str
    set_name: str
    sets: tuple[str, ...]
    key: str

    @property
    def points(self) -> dict[str, str]:
        """Return the phone and the mailbox that shall be written. Raises Rejected."""
        said = {word: self.command.data[word] for word in WORDS if self.command.data.get(word)}
        for word, value in said.items():
            if not isinstance(value, str) or _UNREADABLE.search(value):
                raise Rejected(f"{word} must be a text without control characters.")
        if said and PART in (self.command.data.get("fields") or {}):
            raise Rejected(f"write either {' and '.join(said)} or the rows of {PART}.")
        return said

    @property
    def version(self) -> str:
        """Return the `DataVersion` that whoever wrote the command looked at, if it says so."""
        return str(self.command.data.get("version") or "")


def read_order(command: Command, published: Collection[str], settings: OneCSettings) -> Order:
    """Return what the command is about. Raises Rejected for what cannot be."""
    noun_name, _, verb = command.kind.partition(".")
    if command.kind not in KINDS:
        raise Rejected(f"this connection does not know the command {command.kind}.")
    noun = NOUNS[noun_name]
    names = [it for stream in noun.streams for it in (*settings.sets.get(stream, ()), *SOURCES[stream].sets)]
    sets = tuple(dict.fromkeys(it for it in names if it in published))
    if not sets:
        raise Rejected(f"1C publishes no set for {noun_name}.", hint=f"Publish {' or '.join(dict.fromkeys(names))}.")
    chosen = command.data.get("set", sets[0])
    if chosen not in sets:
        raise Rejected(f"{command.kind}: `set` must be one of {', '.join(sets)}.")
    key = str(command.data.get("key") or "").lower()
    if verb == "create" and key:
        raise Rejected(f"{command.kind}: a new object has no key yet.")
    if verb != "create" and (not KEY.fullmatch(key) or key == EMPTY_KEY):
        raise Rejected(f"{command.kind}: `key` must be the Ref_Key of the object.")
    words = {*noun.fields, *(WORDS if noun_name in OWNERS else ())}
    allowed = _HEAD | (words if verb in ("create", "update") else set())
    if unknown := sorted(set(command.data) - allowed):
        raise Rejected(
            f"{command.kind}: {', '.join(unknown)} is unknown.", hint=f"Known: {', '.join(sorted(allowed))}."
        )
    return Order(command, noun, verb, chosen, sets, key)


class Wording:
    """Turns the words of a command into the fields of one set of this base."""

    def __init__(self, order: Order, schema: Schema, published: Collection[str], settings: OneCSettings) -> None:
        self._order = order
        self._set = order.set_name
        self._types = schema.types
        self._schema = schema
        self._published = published
        self._settings = settings
        self._zone = ZoneInfo(settings.zone)

    def values(self, now: datetime) -> dict[str, Any]:
        """Return the fields as they go to 1C. Raises Rejected with the name of what is wrong."""
        order, data = self._order, self._order.command.data
        if order.verb in ("mark", "unmark"):
            return {"DeletionMark": order.verb == "mark"}
        said = {name: data[name] for name in order.noun.fields if data.get(name) is not None}
        given = data.get("fields") or {}
        if not isinstance(given, Mapping):
            raise Rejected("`fields` must hold fields of 1C by their names.")
        if isinstance(said.get("lines"), list):
            said["lines"] = [_priced(row, number) for number, row in enumerate(said["lines"], 1)]
            if "total" in order.noun.fields and "total" not in said and "СуммаДокумента" not in given:
                said["total"] = _total(said["lines"], is_included=said.get("vat_included") is not False)
        wanted = {**self._named(self._set, order.noun.fields, said), **given}
        if order.verb == "create" and "Date" in self._types[self._set]:
            wanted.setdefault("Date", now.astimezone(self._zone).strftime("%Y-%m-%dT%H:%M:%S"))
        if not wanted and not order.points:
            raise Rejected(f"{order.command.kind} says nothing to write.")
        return {name: self._value(self._set, name, value) for name, value in wanted.items()}

    def references(self, values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """Yield field, set and key of every reference that can be checked: 1C stores one that leads nowhere."""
        yield from self._references(self._set, "", values)
        for name, rows in values.items():
            if isinstance(rows, list):
                for number, row in enumerate(rows, 1):
                    yield from self._references(f"{self._set}_{name}", f"{name}[{number}].", row)

    def _references(self, owner: str, place: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        targets = self._schema.targets.get(owner, {})
        for name, value in values.items():
            target = targets.get(name.removesuffix("_Key"), "") if name.endswith("_Key") else ""
            if kind := values.get(f"{name}_Type"):
                target = str(kind).removeprefix("StandardODATA.")
            if target in self._published and isinstance(value, str) and KEY.fullmatch(value) and value != EMPTY_KEY:
                yield f"{place}{name}", target, value

    def _named(self, owner: str, words: Fields, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return the same values under the names that this base has for them."""
        properties = self._types.get(f"{owner}_RowType") or self._types.get(owner) or {}
        made: dict[str, Any] = {}
        for word, value in said.items():
            if word not in words:
                raise Rejected(f"{word} is unknown.", hint=f"Known: {', '.join(words)}.")
            for name in words[word]:
                if f"{name}_Key" in properties:
                    made[f"{name}_Key"] = value
                    break
                if f"{name}_Type" in properties:
                    made |= {name: value, f"{name}_Type": f"StandardODATA.{self._target(word)}"}
                    break
                if name in properties:
                    made[name] = value
                    if word == "lines":
                        made[name] = [self._named(f"{owner}_{name}", _LINE, row) for row in _listed(word, value)]
                    break
            else:
                raise Rejected(
                    f"{owner} has no field for {word} ({' or '.join(words[word])}).",
                    hint="Write it under the name of this base in `fields`.",
                )
        return made

    def _target(self, word: str) -> str:
        stream = _REFERENCES.get(word, "")
        names = (*self._settings.sets.get(stream, ()), *SOURCES[stream].sets) if stream else ()
        for name in names:
            if name in self._published:
                return name
        raise Rejected(f"1C publishes no set that {word} could lead to.", hint="Write field and `_Type` in `fields`.")

    def _value(self, owner: str, name: str, value: Any) -> Any:
        properties = self._types.get(f"{owner}_RowType") or self._types.get(owner) or {}
        edm = properties.get(name)
        if edm is None:
            close = difflib.get_close_matches(name, properties, 1)
            raise Rejected(f"{owner} has no field {name}.", hint=f"Is it {close[0]}?" if close else "")
        if name in _OWN:
            raise Rejected(f"{name} cannot be written.", hint="Posting and deletion marks have commands of their own.")
        if edm.startswith("Collection("):
            rows = _listed(name, value)
            return [
                {"LineNumber": str(number), **self._row(f"{owner}_{name}", row)} for number, row in enumerate(rows, 1)
            ]
        made = self._scalar(name, edm, value)
        longest = (self._schema.lengths.get(f"{owner}_RowType") or self._schema.lengths.get(owner) or {}).get(name)
        if isinstance(made, str) and edm == "Edm.String" and longest and len(made) > longest:
            raise Rejected(f"{name} takes {longest} characters, not {len(made)}; 1C would cut it.")
        return made

    def _row(self, owner: str, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(owner, name, it) for name, it in row.items() if name not in ("Ref_Key", "LineNumber")}

    def _scalar(self, name: str, edm: str, value: Any) -> Any:
        if edm == "Edm.String" and isinstance(value, str) and not _UNREADABLE.search(value):
            return value
        if edm == "Edm.Boolean" and isinstance(value, bool):
            return value
        if edm == "Edm.Guid" and isinstance(value, str) and (not value or KEY.fullmatch(value.lower())):
            return value.lower() or EMPTY_KEY
        if edm == "Edm.DateTime" and isinstance(value, str):
            return self._moment(name, value)
        if edm in ("Edm.Int64", "Edm.Int32", "Edm.Int16") and re.fullmatch(r"-?\d{1,18}", str(value)):
            return str(value) if edm == "Edm.Int64" else int(value)
        if edm in ("Edm.Double", "Edm.Decimal") and (number := _number(value)) is not None:
            if len(number.normalize().as_tuple().digits) > _DIGITS or not -_DIGITS < number.adjusted() < _DIGITS:
                raise Rejected(f"{name} has more than {_DIGITS} digits, which 1C would round.")
            return number
        raise Rejected(f"{name} must be {_KINDS.get(edm, 'left alone: it cannot be written')}.")

    def _moment(self, name: str, value: str) -> str:
        try:
            moment = datetime.fromisoformat(f"{value}T00:00:00" if _DAY.fullmatch(value) else value)
            moment = moment.astimezone(self._zone) if moment.tzinfo else moment
        except (ValueError, OverflowError):
            raise Rejected(f"{name} must be a date such as 2026-05-12 or 2026-05-12T09:30:00.") from None
        return moment.strftime("%Y-%m-%dT%H:%M:%S") if moment.year > 999 else "0001-01-01T00:00:00"


_KINDS = {
    "Edm.String": "a text without control characters", "Edm.Boolean": "true or false", "Edm.DateTime": "a date",
    "Edm.Guid": "the Ref_Key of an object", "Edm.Int64": "a whole number", "Edm.Int32": "a whole number",
    "Edm.Int16": "a whole number", "Edm.Double": "a number", "Edm.Decimal": "a number",
}  # fmt: skip


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _listed(name: str, value: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        raise Rejected(f"{name} must be a list of rows.")
    return value


def _priced(row: Any, number: int) -> dict[str, Any]:
    """Complete the amount of a line: 1C computes it in its forms only."""
    if not isinstance(row, Mapping):
        raise Rejected(f"lines[{number}] must hold fields by their names.")
    quantity, price = _number(row.get("quantity")), _number(row.get("price"))
    if "amount" in row or quantity is None or price is None:
        return dict(row)
    return {**row, "amount": (quantity * price).quantize(Decimal("0.01"), ROUND_HALF_UP)}


def _total(lines: Sequence[Mapping[str, Any]], *, is_included: bool) -> Decimal:
    """Return the sum of the lines, with the tax where it is not part of their amounts."""
    names = ("amount",) if is_included else ("amount", "vat")
    return sum((_number(row.get(name)) or Decimal() for row in lines for name in names), Decimal())
