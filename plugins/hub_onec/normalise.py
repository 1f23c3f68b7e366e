"""From the bytes of a 1C object to events: typed decoding of the fields we know, everything else skipped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from hub.api import (
    Act,
    BadRecord,
    Client,
    Contact,
    ContactPoint,
    Contract,
    Email,
    Entity,
    Event,
    Invoice,
    Money,
    Payment,
    Phone,
    Record,
    Reference,
    SettingsError,
    currency_code,
)

from .candidates import OWN_FIELDS, SOURCES
from .rows import ContactRow, ContractRow, CounterpartyRow, DocumentRow, PersonRow
from .settings import OneCSettings

EMPTY_KEY = "00000000-0000-0000-0000-000000000000"
EMPTY_YEAR = 1
MAX_EXPONENT = 20
_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SEVERAL = re.compile(r"[,;/\n]")
_TYPES = {
    "ЮрЛицо": "organisation",
    "ЮридическоеЛицо": "organisation",
    "ЮрЛицоНеРезидент": "organisation",
    "ФизЛицо": "person",
    "ФизическоеЛицо": "person",
    "ИндивидуальныйПредприниматель": "entrepreneur",
    "ГосударственныйОрган": "state",
}


class Normaliser:
    """Translates the records of one connection; pure, made once from the settings."""

    def __init__(self, settings: OneCSettings) -> None:
        self._zone = ZoneInfo(settings.zone)
        self._area_code = settings.area_code
        own = {OWN_FIELDS[target]: name for target, name in settings.fields.items()}
        self._decoders = {name: _decoder(source.row, own.get(name)) for name, source in SOURCES.items()}
        self._fields = dict(settings.fields)
        self._translate: dict[str, Callable[[Any], Entity | None]] = {
            "counterparties": self._client,
            "contacts": self._contact,
            "partner_contacts": self._partner_contact,
            "contracts": self._contract,
            "invoices": self._invoice,
            "sales": _act,
            "payments": _payment,
        }

    def events(self, record: Record) -> Iterable[Event]:
        """Return what the record says: one observation, or nothing for a folder and for a document marked for deletion.

        Raises BadRecord, naming the field, for anything that is not such an object.
        """
        translate = self._translate.get(record.stream)
        if translate is None:
            raise BadRecord(f"1C has no stream {record.stream!r}.")
        row = _decode(self._decoders[record.stream], record.payload)
        entity = translate(row)
        if entity is None:
            return ()
        time = _instant(row.day, "Date", self._zone) if isinstance(row, DocumentRow) else None
        return (Event(f"{entity.kind}.observed", record.reference(entity.kind), entity, time),)

    def _client(self, row: CounterpartyRow) -> Client | None:
        if row.is_folder:
            return None
        points, city = self._points(row.points) if row.points else ((), "")
        kind = row.type or row.short_type or row.kind
        return Client(
            name=_text(row.name),
            full_name=_text(row.full_name),
            inn=_text(row.inn),
            kpp=_text(row.kpp),
            type=_TYPES.get(kind.strip(), kind.strip()) if kind else "",
            status="closed" if row.is_marked else "",
            manager="" if row.own == EMPTY_KEY else _text(row.own),
            city=city,
            note=_text(row.note) or _text(row.comment),
            points=points,
        )

    def _contact(self, row: PersonRow) -> Contact | None:
        owner = _owner(row.holder_key, row.holder, row.holder_type) or _owner(row.owner_key, row.owner, row.owner_type)
        return self._person(row, owner)

    def _partner_contact(self, row: PersonRow) -> Contact | None:
        return self._person(row, None)  # a partner stands above counterparties and is none itself

    def _person(self, row: PersonRow, client: Reference | None) -> Contact | None:
        if row.is_folder or row.is_marked:
            return None
        return Contact(
            name=_text(row.name),
            client=client,
            position=_text(row.position_text) or _position(row.position),
            birthday=_day(row.birthday, "ДатаРождения"),
            note=_text(row.comment),
            points=self._points(row.points)[0] if row.points else (),
        )

    def _contract(self, row: ContractRow) -> Contract | None:
        if row.is_folder:
            return None
        start = _day(row.start, "ДатаНачалаДействия")
        status = _text(row.status)
        return Contract(
            number=_text(row.number),
            client=_owner(row.client_key, row.client, row.client_type)
            or _owner(row.owner_key, row.owner, row.owner_type),
            title=_text(row.title),
            date=_day(row.day, "Дата"),
            start=start,
            end=_day(row.until, "СрокДействия") or _day(row.end, "ДатаОкончанияДействия"),
            fee=_money(row.own, self._fields.get("fee", "")),
            type=_text(row.type) or _text(row.sort),
            is_signed=row.is_signed if row.is_signed is not None else row.is_agreed,
            is_closed=bool(row.is_marked or row.is_closed or status == "Закрыт"),
            note=_text(row.comment),
        )

    def _invoice(self, row: DocumentRow) -> Invoice | None:
        if row.is_marked:
            return None
        return Invoice(
            number=_text(row.number),
            client=_owner(row.client_key, row.client, row.client_type),
            contract=_contract_of(row),
            date=_day(row.day, "Date"),
            due=_day(row.due, "СрокОплаты") or _day(row.pay_until, "ДатаПлатежа"),
            total=_total(row),
            paid=_money(row.own, self._fields.get("paid", "")),
            is_posted=row.is_posted is not False,
            note=_text(row.comment),
        )

    def _points(self, rows: list[ContactRow]) -> tuple[tuple[ContactPoint, ...], str]:
        """Return the ways to reach somebody and the city, by the rule of which column holds what."""
        points: list[ContactPoint] = []
        city = ""
        for row in rows:
            kind = row.type
            if kind == "Телефон" or kind == "Факс":
                points += _phones(_text(row.shown) or _text(row.phone), self._area_code)
            elif kind == "АдресЭлектроннойПочты":
                raw = _text(row.email) or _text(row.shown)
                if raw:
                    points += _emails(raw)
            elif raw := _text(row.shown):
                points.append(ContactPoint("address" if kind == "Адрес" else "other", raw, raw))
            if row.city and not city:
                city = row.city.strip()
        return tuple(points), city


def _act(row: DocumentRow) -> Act | None:
    if row.is_marked:
        return None
    return Act(
        number=_text(row.number),
        client=_owner(row.client_key, row.client, row.client_type),
        contract=_contract_of(row),
        invoice=_reference("invoice", row.invoice_key or row.account_key, "СчетНаОплатуПокупателю_Key"),
        date=_day(row.day, "Date"),
        total=_total(row),
        is_posted=row.is_posted is not False,
        note=_text(row.comment),
    )


def _payment(row: DocumentRow) -> Payment | None:
    if row.is_marked:
        return None
    name, details = "РасшифровкаПлатежа", row.details or []
    contracts = {_key(it.contract_key, name) or _key(it.agreement_key, name) for it in details}
    invoices = {_key(it.invoice_key, name) for it in details}
    return Payment(
        number=_text(row.outer_number) or _text(row.number),
        client=_owner(row.client_key, row.client, row.client_type),
        contract=_contract_of(row) or _only("contract", contracts),
        invoice=_reference("invoice", row.account_key, "СчетНаОплату_Key") or _only("invoice", invoices),
        date=_day(row.day, "Date"),
        total=_total(row),
        purpose=_text(row.purpose),
        is_posted=row.is_posted is not False,
    )


def _decoder(row: type[Struct], own: str | None) -> msgspec.json.Decoder[Any]:
    if own is None:
        return msgspec.json.Decoder(row)
    kind = next(item.type for item in fields(row) if item.name == "own")
    if any(item.encode_name == own for item in fields(row)):
        raise SettingsError(f"{own} is read anyway; name a field of your own.", field="fields")
    return msgspec.json.Decoder(
        msgspec.defstruct(row.__name__, [("own", kind, None)], bases=(row,), rename={"own": own})
    )


def _decode(decoder: msgspec.json.Decoder[Any], payload: bytes) -> Any:
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise BadRecord(f"A field has another type than 1C gives it: {error}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecord(f"The object is damaged: {str(error)[:120]}.") from error


def _text(value: str | None) -> str:
    return value.strip() if value else ""


@lru_cache(maxsize=4096)
def _parse_day(text: str) -> date | None:
    """Return the day of a date as 1C writes it, `None` for the empty one. Raises ValueError for anything else."""
    day = datetime.fromisoformat(text).date() if text.isascii() else date.fromisoformat(text)
    return None if day.year == EMPTY_YEAR else day


def _day(value: str | None, name: str) -> date | None:
    if not value:
        return None
    try:
        return _parse_day(value.strip())
    except ValueError:
        raise BadRecord(f"{name} is not a date.") from None


def _instant(value: str | None, name: str, zone: ZoneInfo) -> datetime | None:
    if _day(value, name) is None or value is None:
        return None
    moment = datetime.fromisoformat(value.strip())
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise BadRecord(f"{name} is not a date.") from None


def _key(value: str | None, name: str) -> str:
    """Return a reference as lower-case guid, empty for the empty one."""
    if not value or value == EMPTY_KEY:
        return ""
    key = value if _KEY.fullmatch(value) else value.strip().removeprefix("guid'").strip("{}'").lower()
    if not _KEY.fullmatch(key):
        raise BadRecord(f"{name} is not a reference.")
    return "" if key == EMPTY_KEY else key


def _reference(kind: str, value: str | None, name: str) -> Reference | None:
    key = _key(value, name)
    return Reference(kind, key) if key else None


def _owner(key: str | None, value: str | None, type_name: str | None) -> Reference | None:
    """Return the counterparty, whether the field has one type or a composite one that may hold something else."""
    if key:
        return _reference("client", key, "Контрагент_Key")
    if value and type_name and type_name.endswith("Catalog_Контрагенты"):
        return _reference("client", value, "Контрагент")
    return None


def _contract_of(row: DocumentRow) -> Reference | None:
    return _reference("contract", row.contract_key, "ДоговорКонтрагента_Key") or _reference(
        "contract", row.agreement_key, "Договор_Key"
    )


def _only(kind: str, keys: set[str]) -> Reference | None:
    """Return the one thing that all rows name; several, or a row without any, say nothing sure."""
    (key,) = keys if len(keys) == 1 else ("",)
    return Reference(kind, key) if key else None


def _total(row: DocumentRow) -> Money | None:
    return _money(row.total, "СуммаДокумента", _text(row.currency) or _text(row.currency_name))


def _money(amount: Decimal | None, name: str, currency: str = "") -> Money | None:
    if amount is None:
        return None
    if not amount.is_finite() or amount.adjusted() > MAX_EXPONENT or amount.adjusted() < -MAX_EXPONENT:
        raise BadRecord(f"{name} is not an amount of money.")
    return Money(amount, currency_code(currency))


def _position(value: str | None) -> str:
    text = _text(value)
    return "" if _KEY.fullmatch(text) else text


def _phones(raw: str, area_code: str) -> list[ContactPoint]:
    """Return the phone, or the phones of a list; text that is none stays to be read by people."""
    if not raw:
        return []
    if phone := Phone.parse(raw, area_code):
        return [ContactPoint("phone", phone.number, raw)]
    parts = [it.strip() for it in _SEVERAL.split(raw)]
    found = [ContactPoint("phone", phone.number, it) for it in parts if (phone := Phone.parse(it, area_code))]
    return found or [ContactPoint("phone", "", raw)]


def _emails(raw: str) -> list[ContactPoint]:
    if email := Email.parse(raw):
        return [ContactPoint("email", email.address, raw)]
    found = [ContactPoint("email", email.address, it) for it in _SEVERAL.split(raw) if (email := Email.parse(it))]
    return found or [ContactPoint("email", "", raw)]
